"""Files and folders written whole or not at all, and on the disk when the writer returns."""

import ast
import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike import atomic_files
from lookalike.atomic_files import (
    check_replaceable,
    make_folders,
    rename_durably,
    sync_folder,
    unfinished_name,
    write_atomically,
    written_file,
    written_folder,
)
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


FAILURES = [OSError(errno.ENOSPC, "No space left on device"), ValueError("no"), KeyboardInterrupt()]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_file_that_another_writer_fails_to_write_leaves_the_old_one(tmp_path, failure):
    path = tmp_path / "a.npy"
    with written_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.arange(3))
    assert np.load(path).tolist() == [0, 1, 2]

    def interrupted():
        with written_file(path) as temporary:
            temporary.write_bytes(b"half")
            assert unfinished_name(temporary.name) == "a.npy"
            raise failure

    with pytest.raises(StorageError if isinstance(failure, OSError) else type(failure)):
        interrupted()
    assert np.load(path).tolist() == [0, 1, 2]
    assert names(tmp_path) == ["a.npy"]


@pytest.mark.parametrize(
    ("name", "final"),
    [
        (".a.json.0123456789ab.part", "a.json"),
        (".a.json.part", "a.json"),  # of the first versions
        ("..hidden.0123456789ab.part", ".hidden"),
        ("a.json", None),
        (".a.json", None),
        ("a.part", None),
        (".part", None),
    ],
)
def test_an_unfinished_file_is_known_by_its_name(name, final):
    assert unfinished_name(name) == final


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


# --- power cuts -------------------------------------------------------------------------------------------------------


class DiskOrder:
    """What was synced, renamed and deleted, in order: the real calls, noted."""

    def __init__(self, monkeypatch):
        self.events = []
        self.synced = set()
        self._patch(monkeypatch)

    def _patch(self, monkeypatch):
        fsync, unlink, exchange = os.fsync, os.unlink, atomic_files._exchange

        def noted_fsync(handle):
            fsync(handle)
            self.synced.add(os.fstat(handle).st_ino)
            self.events.append(("sync", os.fstat(handle).st_ino))

        def noted(rename):
            def act(source, target, **more):
                self._note_rename(source, target)
                rename(source, target, **more)

            return act

        def noted_exchange(new, target):
            self._note_rename(new, target)
            return exchange(new, target)

        def noted_unlink(path, **more):
            unlink(path, **more)
            self.events.append(("delete", Path(path).name))

        monkeypatch.setattr(os, "fsync", noted_fsync)
        for name in ("replace", "rename"):
            monkeypatch.setattr(os, name, noted(getattr(os, name)))
        monkeypatch.setattr(os, "unlink", noted_unlink)
        monkeypatch.setattr(atomic_files, "_exchange", noted_exchange)

    def _note_rename(self, source, target):
        below = [Path(source), *Path(source).rglob("*")] if Path(source).is_dir() else [Path(source)]
        unsynced = [str(path) for path in below if path.stat().st_ino not in self.synced]
        self.events.append(("rename", str(target), Path(target).parent.stat().st_ino, unsynced))

    def check(self, *targets):
        """Each target was renamed to; what got the name was synced before, and its folder is synced next."""
        renames = [(at, event) for at, event in enumerate(self.events) if event[0] == "rename"]
        assert {str(target) for target in targets} <= {event[1] for _, event in renames}
        for at, (_, target, folder, unsynced) in renames:
            assert unsynced == []
            assert self.events[at + 1 :][:1] == [("sync", folder)], target


@pytest.fixture
def disk_order(monkeypatch):
    return DiskOrder(monkeypatch)


def _network():
    import torch

    module = torch.nn.Linear(3, 2)
    return module, torch.optim.SGD(module.parameters(), lr=0.1)


def write_a_file(folder):
    write_atomically(folder / "a.json", b"{}")
    return [folder / "a.json"]


def write_a_folder_of_folders(folder):
    with written_folder(folder / "set") as partial:
        (partial / "a" / "b").mkdir(parents=True)
        (partial / "a" / "b" / "c").write_text("c")
        (partial / "a" / "up").symlink_to("..")
    return [folder / "set"]


def replace_a_folder(folder):
    write_a_folder_of_folders(folder)
    return write_a_folder_of_folders(folder)


def write_checkpoints(folder):
    from lookalike.training.checkpoint import save_checkpoint

    for step in (1, 2):
        save_checkpoint(folder, *_network(), {"step": step})
    return [folder / name for name in ("state-1.safetensors", "state-2.safetensors", "state.json")]


def write_shards(folder):
    from lookalike.losses import ShardedSoftmaxLoss
    from lookalike.losses.class_shards import save_shards

    save_shards(folder, ShardedSoftmaxLoss(num_classes=5, embedding_size=3))
    return [folder / "classes.json"]


def save_an_index(folder):
    from lookalike.index import build_index

    build_index(np.eye(4, dtype=np.float32), "exact").save(folder / "i.index")
    return [folder / "i.index"]


def render_a_set(folder):
    pytest.importorskip("vtkmodules")
    from lookalike.samples.buildings import PhotoSetOptions, render_landmarks

    tiny = PhotoSetOptions(landmarks=1, photos=(1, 1), test_photos=1, non_landmarks=(1, 1, 1), size=32)
    render_landmarks(tiny, folder / "set", workers=1)
    return [folder / "set"]


@pytest.mark.parametrize(
    "write",
    [
        write_a_file,
        write_a_folder_of_folders,
        replace_a_folder,
        write_checkpoints,
        write_shards,
        save_an_index,
        render_a_set,
    ],
)
def test_a_name_is_on_the_disk_before_anything_else_happens(disk_order, write, tmp_path):
    disk_order.check(*write(tmp_path))


def test_an_older_checkpoint_goes_when_the_newer_is_on_the_disk(disk_order, tmp_path):
    write_checkpoints(tmp_path)
    at = disk_order.events.index(("delete", "state-1.safetensors"))
    # Of this folder: a thread that another test left may rename elsewhere.
    renames = {i: to for i, (what, to, *_) in enumerate(disk_order.events[:at])
               if what == "rename" and str(to).startswith(str(tmp_path))}  # fmt: skip
    renamed = max(renames)
    assert renames[renamed] == str(tmp_path / "state.json")
    assert ("sync", tmp_path.stat().st_ino) in disk_order.events[renamed:at]


def test_new_folders_are_on_the_disk_with_those_above_them(disk_order, tmp_path):
    make_folders(tmp_path / "a" / "b" / "c")
    assert {(tmp_path / name).stat().st_ino for name in (".", "a", "a/b")} <= disk_order.synced
    with written_folder(tmp_path / "d" / "e" / "set"):
        assert {(tmp_path / name).stat().st_ino for name in ("d", "d/e")} & disk_order.synced == {
            (tmp_path / "d").stat().st_ino  # which holds the name e; e itself is synced when the set is in it
        }
    before = list(disk_order.events)
    make_folders(tmp_path / "a" / "b")
    assert disk_order.events == before


def test_a_rename_that_the_disk_does_not_confirm_is_said(tmp_path, monkeypatch):
    real = os.fsync

    def failing(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageError, match=r"a\.json is written, but the disk did not confirm it: Input/output error"):
        write_atomically(tmp_path / "a.json", b"{}")
    assert names(tmp_path) == ["a.json"]
    (tmp_path / "b").mkdir()
    with pytest.raises(StorageError, match="did not confirm"):
        rename_durably(tmp_path / "b", tmp_path / "c")


def test_a_folder_that_the_system_cannot_sync_is_written_to_all_the_same(tmp_path, monkeypatch):
    def cannot(handle):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", cannot)
    sync_folder(tmp_path)


def test_nothing_is_renamed_but_through_these(tmp_path):
    """A rename elsewhere would lack the folder's sync; those that are there are listed with what they do about it."""
    known = {
        "gallery/database.py": 1,  # links a new database, then syncs the folder
        "gallery/keyring.py": 1,  # likewise
        "index/bulk/build.py": 1,  # links inside a `written_folder`
    }
    found = {}
    package = Path(lookalike.__file__).parent
    for path in package.rglob("*.py"):
        count = sum(map(_renames, ast.walk(ast.parse(path.read_text("utf-8")))))
        if count:
            found[path.relative_to(package).as_posix()] = count
    assert found.pop("atomic_files.py") > 0
    assert found == known


def _renames(node):
    """`os.rename(a, b)`, `path.rename(b)`, `os.link(a, b)`, `path.replace(b)`: a text's `replace` takes two."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    of_os = isinstance(node.func.value, ast.Name) and node.func.value.id in ("os", "shutil")
    if node.func.attr in ("rename", "renames", "link", "move", "hardlink_to"):
        return of_os or len(node.args) == 1
    return node.func.attr == "replace" and (of_os or (len(node.args) == 1 and not node.keywords))
