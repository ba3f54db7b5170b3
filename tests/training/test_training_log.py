"""The log grows by whole lines, and a resumed training repeats none."""

import json

import pytest

from lookalike.errors import StorageError
from lookalike.training.training_log import TrainingLog, log_lines


def entries(path):
    return [json.loads(line)["epoch"] for line in path.read_text("utf-8").splitlines()]


def test_a_line_for_each_epoch_and_none_twice_after_a_resumption(tmp_path):
    path = tmp_path / "training.jsonl"
    first = TrainingLog(path, [])
    assert path.read_bytes() == b""
    for epoch in (1, 2, 3):
        first.append({"epoch": epoch})
        assert entries(path) == list(range(1, epoch + 1))
        assert path.read_bytes().endswith(b"\n")
    # The checkpoint was written after epoch 2, and the process was killed in the middle of a line.
    path.write_bytes(path.read_bytes() + b'{"epo')
    resumed = TrainingLog(path, [{"epoch": 1}, {"epoch": 2}])
    resumed.append({"epoch": 3})
    assert entries(path) == [1, 2, 3]
    assert path.read_text("utf-8") == log_lines([{"epoch": n} for n in (1, 2, 3)])


def test_a_log_that_cannot_be_written(tmp_path):
    with pytest.raises(StorageError, match=r"training\.jsonl could not be written"):
        TrainingLog(tmp_path / "none" / "training.jsonl", [])
    log = TrainingLog(tmp_path / "training.jsonl", [])
    (tmp_path / "training.jsonl").unlink()
    with pytest.raises(StorageError, match=r"training\.jsonl could not be written"):
        log.append({"epoch": 1})
