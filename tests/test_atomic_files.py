"""Files and folders written whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from lookalike import atomic_files
from lookalike.atomic_files import check_replaceable, write_atomically, written_folder
from lookalike.errors import StorageError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "a.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == ["a.json"]


def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomically(path, b"one")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device; what was there before is unharmed"):
        write_atomically(path, b"two")
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a.json"]


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(StorageError, match="No such file or directory"):
        write_atomically(tmp_path / "missing" / "a", b"")


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_takes_the_place_of_the_old_one(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(atomic_files, "_exchange", lambda a, b: False)
    target = tmp_path / "model"
    for content in ("one", "two"):
        with written_folder(target) as folder:
            (folder / "weights").write_text(content)
    assert (target / "weights").read_text() == "two"
    assert names(tmp_path) == ["model"]


FAILURES = [OSError(errno.ENOSPC, "No space left on device"), ValueError("no"), KeyboardInterrupt()]


@pytest.mark.parametrize("failure", FAILURES)
def test_an_interrupted_folder_leaves_the_old_one(tmp_path, failure):
    target = tmp_path / "model"
    with written_folder(target) as folder:
        (folder / "weights").write_text("one")

    def interrupted():
        with written_folder(target) as folder:
            (folder / "weights").write_text("half")
            raise failure

    with pytest.raises(StorageError if isinstance(failure, OSError) else type(failure)):
        interrupted()
    assert (target / "weights").read_text() == "one"
    assert names(tmp_path) == ["model"]


def test_folders_that_are_not_ours_are_never_replaced(tmp_path):
    check_replaceable(tmp_path / "new", "model.toml", replace=False)
    (tmp_path / "photos").mkdir()
    with pytest.raises(StorageError, match=r"holds no model\.toml, so it is not replaced"):
        check_replaceable(tmp_path / "photos", "model.toml", replace=True)
    (tmp_path / "photos" / "model.toml").touch()
    with pytest.raises(StorageError, match="may be replaced"):
        check_replaceable(tmp_path / "photos", "model.toml", replace=False)
    check_replaceable(tmp_path / "photos", "model.toml", replace=True)


@pytest.mark.parametrize("bytecodes", [False, True])
@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("replaced", [True, False])
def test_an_interruption_anywhere_leaves_the_old_folder_or_the_new(
    tmp_path, monkeypatch, interrupted, exchange, replaced, bytecodes
):
    if not exchange:
        monkeypatch.setattr(atomic_files, "_exchange", lambda a, b: False)

    def write(path):
        with written_folder(path) as folder:
            (folder / "new").write_text("whole")

    at, points, seen = 0, None, set()
    while points is None:
        path = tmp_path / str(at) / "x.index"
        path.parent.mkdir()
        if replaced:
            path.mkdir()
            (path / "old").write_text("whole")
        points = interrupted(lambda path=path: write(path), [Path(atomic_files.__file__)], at, bytecodes)
        found = [file.name for file in path.iterdir()] if path.exists() else []
        assert found in (["new"], ["old"] if replaced else [])
        seen.update(found)
        at += 1
    assert seen == ({"old", "new"} if replaced else {"new"})
    assert found == ["new"]
