"""A folder is made for what is written, and none that is empty is left."""

import pytest

from lookalike.errors import StorageError
from lookalike.workflows.output_folder import output_folder


def test_it_is_there_for_the_block_and_gone_when_empty(tmp_path):
    folder = tmp_path / "a" / "b"
    with output_folder(folder):
        assert folder.is_dir()
    assert not folder.exists()
    with output_folder(folder):
        (folder / "x").touch()
    with output_folder(folder):
        pass
    assert (folder / "x").exists()


def test_one_that_was_there_stays(tmp_path):
    with output_folder(tmp_path):
        pass
    assert tmp_path.is_dir()


def test_one_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="choose another with --output"), output_folder(tmp_path / "file" / "x"):
        pass


def test_folders_above_that_were_made_for_nothing_are_removed_as_well(tmp_path):
    (tmp_path / "old").mkdir()
    with output_folder(tmp_path / "old" / "new" / "report"):
        pass
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]
    with output_folder(tmp_path / "old" / "new" / "report"):
        (tmp_path / "old" / "new" / "other").touch()
    assert not (tmp_path / "old" / "new" / "report").exists()
    assert (tmp_path / "old" / "new" / "other").exists()


def test_the_message_names_the_option(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="choose another with --draw"), output_folder(tmp_path / "file", "--draw"):
        pass
