"""A folder is made for what is written, and none that is empty is left."""

from pathlib import Path

import pytest

from lookalike.errors import StorageError
from lookalike.workflows.output_folder import check_apart, check_writable, output_folder


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


def test_what_cannot_be_written_is_told_before_the_work(tmp_path, nobody):
    check_writable(tmp_path / "a" / "b" / "c.csv")
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "y" / "x"):
        with pytest.raises(StorageError, match=r"cannot be written: .*file is no folder; choose another output"):
            check_writable(path)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0o555)
    with nobody(tmp_path), pytest.raises(StorageError, match="closed: Permission denied"):
        check_writable(Path("closed/x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["closed", "file"]


def test_an_output_among_the_pictures(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "link").symlink_to(photos)
    for output in (photos / "m", photos, tmp_path / "link" / "a" / "m"):
        with pytest.raises(StorageError, match="read as an identity"):
            check_apart(output, photos)
    check_apart(tmp_path / "photos2", photos)
    check_apart(tmp_path / "m", "bundled:orl")
