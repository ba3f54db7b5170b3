"""The folder of an evaluation: made for what is written, and gone where nothing was."""

import json

import pytest

from lookalike.errors import StorageError
from lookalike.evaluation.report.page import Report
from lookalike.workflows.evaluation_folder import check_output, write_evaluation
from lookalike.workflows.output_folder import output_folder


def test_one_that_stays_empty_goes_again(tmp_path):
    check_output(tmp_path / "a" / "e")
    assert not (tmp_path / "a" / "e").exists()
    (tmp_path / "mine").mkdir()
    check_output(tmp_path / "mine")
    assert (tmp_path / "mine").is_dir(), "it was there before"


def test_what_was_written_stays_after_an_error(tmp_path):
    def fail_halfway():
        with output_folder(tmp_path / "e"):
            (tmp_path / "e" / "report.html").write_text("x")
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert (tmp_path / "e" / "report.html").is_file()


def test_one_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"file/e cannot be made: .*; choose another with --output"):
        check_output(tmp_path / "file" / "e")


def test_both_files(tmp_path):
    page, numbers = write_evaluation(tmp_path, Report("A title"), {"a": [1, None]})
    assert "A title" in page.read_text("utf-8")
    assert json.loads(numbers.read_text("utf-8")) == {"a": [1, None]}
