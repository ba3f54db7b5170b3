"""What the demos share."""

import pytest

from lookalike.errors import StorageError
from lookalike.workflows.demo_steps import STAGE, Steps, usable_output


def test_every_step_is_reported_as_it_begins():
    events = []
    steps = Steps(["Learn", "Ask"], events.append)
    steps.begin()
    assert [(e.stage, e.done, e.total, e.detail) for e in events] == [(STAGE, 0, 2, "Learn")]
    steps.begin()
    steps.end()
    assert [(e.done, e.detail) for e in events[1:]] == [(1, "Ask"), (2, "")]


def test_seconds_are_kept_under_a_name():
    steps = Steps([], lambda event: None)
    with steps.timed("nothing"):
        pass
    assert 0 <= steps.seconds["nothing"] < 1


def test_a_failed_block_has_no_time():
    steps = Steps([], lambda event: None)
    with pytest.raises(ZeroDivisionError), steps.timed("division"):
        raise ZeroDivisionError
    assert steps.seconds == {}


def test_an_output_is_made(tmp_path):
    usable_output(tmp_path / "new" / "demo", {"model": "model.toml"})
    assert (tmp_path / "new" / "demo").is_dir()


def test_an_output_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot be made"):
        usable_output(tmp_path / "file", {})


def test_a_folder_that_no_demo_made(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("x")
    with pytest.raises(StorageError, match=r"holds no model.toml"):
        usable_output(tmp_path, {"model": "model.toml"})
