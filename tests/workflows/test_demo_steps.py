"""What the demos share."""

import pytest
from lookalike.cli.demo_steps import step, timed, usable_output

from lookalike.errors import StorageError


def test_seconds_are_noted_under_a_name():
    seconds = {}
    with timed(seconds, "nothing"):
        pass
    assert 0 <= seconds["nothing"] < 1


def test_a_failed_step_has_no_time():
    seconds = {}
    with pytest.raises(ZeroDivisionError), timed(seconds, "division"):
        raise ZeroDivisionError
    assert seconds == {}


def test_a_step_is_announced_on_stderr(capsys):
    step(3, "The report")
    captured = capsys.readouterr()
    assert "3  The report" in captured.err
    assert not captured.out


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
