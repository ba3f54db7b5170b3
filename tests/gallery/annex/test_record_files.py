"""Files of records: a kill at any moment leaves the old state or the new one, and nothing else on the disk."""

import os
import signal

import numpy as np
import pytest
from tests.gallery.annex.kept_photos import check_folder, put, vectors

from lookalike.errors import StorageError
from lookalike.gallery import open_gallery
from lookalike.gallery.annex import record_files
from lookalike.gallery.database import Database
from lookalike.gallery.failpoints import VARIABLE


class Halves:
    """A file that writes half of what it is given, and kills its process."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *how):
        self.file.close()

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        os.kill(os.getpid(), signal.SIGKILL)


class HalfPath:
    """The path of such a file."""

    def __init__(self, path):
        self.path = path

    def open(self, mode):
        return Halves(self.path.open(mode))


def killed(path, moment, act):
    """Open a gallery in a child, and have it killed at a moment of the act."""
    child = os.fork()
    if child == 0:
        try:
            gallery = open_gallery(path)
            opened, zeros = record_files.Appender._open, record_files._write_zeros
            if moment == "half a record":
                record_files.Appender._open = lambda self, path, mode: Halves(opened(self, path, mode))
            elif moment == "half overwritten":
                record_files._write_zeros = lambda path, extents: zeros(HalfPath(path), extents)
            elif moment in ("records of the annex written again", "annexes swept"):
                record_files._SPARSE = 1.0
            os.environ[VARIABLE] = moment
            act(gallery)
        finally:
            os._exit(7)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status), "the moment was not reached"
    assert os.WTERMSIG(status) == signal.SIGKILL


#: Moments, and whether the act has happened then.
MOMENTS = {
    "half a record": False,
    "record of the annex appended": False,
    "annex written": False,
    "before commit of {act}": False,
    "after commit of {act}": True,
    "log scrubbed": True,
    "half overwritten": True,
    "records of the annex overwritten": True,
    "records of the annex written again": True,
    "annexes swept": True,
}
#: Forgetting writes no record.
KILLS = [(act, moment) for act in ("enroll", "forget") for moment in list(MOMENTS)[0 if act == "enroll" else 3 :]]


@pytest.mark.parametrize(("act", "moment"), KILLS)
def test_a_kill_leaves_the_old_state_or_the_new_one(gallery, photos, held, act, moment):
    gallery.close()
    new = {"Ada": vectors(3, 11), "Dora": vectors(2, 12)}
    acts = {"enroll": lambda opened: put(opened, new), "forget": lambda opened: opened.forget("Ada")}
    killed(gallery.path, moment.format(act=act), acts[act])
    if not MOMENTS[moment]:
        expected, gone = photos, np.concatenate(list(new.values()))
    elif act == "forget":
        expected, gone = {name: own for name, own in photos.items() if name != "Ada"}, photos["Ada"]
    else:
        expected, gone = photos | new, photos["Ada"]
    with open_gallery(gallery.path) as opened:
        annex = opened.annex()
        assert list(annex.kept) == sorted(expected) == opened.names()
        for name, own in expected.items():
            np.testing.assert_array_equal(annex.kept[name].rows["photos"], own)
        assert len(annex.common["others"]) == 600
        assert opened.uncovered() == []
        check_folder(opened, gone)


def test_bytes_are_on_the_disk_before_the_database_says_so(gallery, photos, monkeypatch):
    events, run, sync = [], Database.run, os.fsync

    def synced(handle):
        sync(handle)
        events.append(os.fstat(handle).st_ino)

    def ran(self, sql, values=()):
        if sql.startswith(("COMMIT", "DELETE FROM annex_gone")):
            events.append(sql.split()[0])
        return run(self, sql, values)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Database, "run", ran)
    put(gallery, photos)
    folder = gallery.path / "landmarks"
    (file,) = folder.iterdir()
    before_commit = events[: events.index("COMMIT")]
    assert {gallery.path.stat().st_ino, folder.stat().st_ino, file.stat().st_ino} <= set(before_commit)
    events.clear()
    gallery.forget("Ada")
    assert file.stat().st_ino in events[: events.index("DELETE")]


def test_a_file_that_is_mostly_gone_is_written_again_and_deleted(gallery, photos, held):
    folder = gallery.path / "landmarks"
    (before,) = folder.iterdir()
    reader, change = gallery.annex(), gallery.change
    put(gallery, {}, {"others": vectors(10, 8)})  # replaces most of the file
    (after,) = folder.iterdir()
    assert after != before
    check_folder(gallery, gone=vectors(600, 9)[::50])
    for name, own in photos.items():
        np.testing.assert_array_equal(gallery.annex().kept[name].rows["photos"], own)
        np.testing.assert_array_equal(reader.kept[name].rows["photos"], own)  # mapped: it lives as long as its reader
    assert gallery.change == change + 1


def test_files_are_filled_one_after_the_other(gallery, monkeypatch):
    monkeypatch.setattr(record_files, "_FULL", 1000)
    put(gallery, {f"p{n}": vectors(8, n) for n in range(12)})
    sizes = [path.stat().st_size for path in (gallery.path / "landmarks").iterdir()]
    assert len(sizes) > 3
    assert max(sizes) < 2000
    check_folder(gallery)


def test_where_there_is_no_room_to_write_again_it_is_forgotten_all_the_same(gallery, photos, held, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    put(gallery, {name: vectors(700, n) for n, name in enumerate(photos)})
    monkeypatch.setattr(record_files.Appender, "begin", full)
    monkeypatch.setattr(record_files.Appender, "append", full)
    for name in ("Ada", "Bôb"):
        gallery.forget(name)
    check_folder(gallery, gone=np.concatenate([vectors(700, 0)[::50], vectors(700, 1)[::50]]))
    monkeypatch.undo()
    gallery.forget("Cy")
    check_folder(gallery, gone=vectors(700, 2)[::50])
    assert gallery.annex().entries == {}


def test_beside_a_damaged_file_places_are_forgotten_all_the_same(gallery, photos, held):
    put(gallery, {name: vectors(700, n) for n, name in enumerate(photos)})
    (file,) = (gallery.path / "landmarks").iterdir()
    file.write_bytes(file.read_bytes()[:-64])
    for name in ("Ada", "Bôb"):  # then most of the file is gone
        gallery.forget(name)
    with open_gallery(gallery.path) as again:
        assert again.names() == ["Cy"]
        again.forget("Cy")
        assert again.names() == []
    content = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert not any(row.tobytes() in content for n in range(3) for row in vectors(700, n)[::50])


def test_a_full_disk_is_one_clear_error_and_changes_nothing(gallery, photos, held, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(record_files.Appender, "finish", full)
    with pytest.raises(StorageError, match="No space left on device"):
        put(gallery, {"Ada": vectors(4, 5)})
    np.testing.assert_array_equal(gallery.annex().kept["Ada"].rows["photos"], photos["Ada"])
    monkeypatch.undo()
    put(gallery, {"Ada": vectors(2, 6)})
    check_folder(gallery, gone=np.concatenate([photos["Ada"], vectors(4, 5)]))
