"""Complete pictures only: files that grow, are renamed into place, replaced or removed, by the test's own clock."""

import pytest

from lookalike.errors import StorageError
from lookalike.folder_arrivals import FolderArrivals


@pytest.fixture
def arrivals(tmp_path):
    return FolderArrivals(tmp_path, settle=1.0)


def names(arrivals, now):
    return [path.name for path in arrivals.poll(now)]


def test_a_picture_is_told_of_once_when_it_has_not_changed_for_a_while(arrivals, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"half")
    assert names(arrivals, 0.0) == []
    assert names(arrivals, 0.9) == []
    (tmp_path / "a.jpg").write_bytes(b"half and half")  # it was still being written
    assert names(arrivals, 1.0) == []
    assert names(arrivals, 1.9) == []
    assert names(arrivals, 2.0) == ["a.jpg"]
    assert names(arrivals, 9.0) == []


def test_what_was_there_counts_only_when_asked_for_or_when_it_changes(tmp_path):
    (tmp_path / "old.jpg").write_bytes(b"old")
    new_only, all_of_them = FolderArrivals(tmp_path), FolderArrivals(tmp_path, existing=True)
    for now, expected in ((0.0, []), (1.0, ["old.jpg"])):
        assert names(new_only, now) == []
        assert names(all_of_them, now) == expected
    (tmp_path / "old.jpg").write_bytes(b"another")
    assert [names(new_only, now) for now in (2.0, 3.0)] == [[], ["old.jpg"]]


def test_a_picture_that_is_renamed_into_place_or_replaces_another(arrivals, tmp_path):
    (tmp_path / ".a.jpg.part").write_bytes(b"one")
    (tmp_path / "b.jpg.tmp").write_bytes(b"two")
    assert [names(arrivals, now) for now in (0.0, 1.0)] == [[], []]
    (tmp_path / ".a.jpg.part").replace(tmp_path / "a.jpg")
    assert [names(arrivals, now) for now in (2.0, 3.0)] == [[], ["a.jpg"]]
    (tmp_path / "b.jpg.tmp").replace(tmp_path / "a.jpg")  # of the same size
    assert [names(arrivals, now) for now in (4.0, 5.0)] == [[], ["a.jpg"]]


def test_only_pictures_that_are_seen_count(arrivals, tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    for name in ("b.PNG", "a.jpg", "text.txt", ".hidden.jpg"):
        (tmp_path / name).write_bytes(b"content")
    assert [names(arrivals, now) for now in (0.0, 1.0)] == [[], ["a.jpg", "b.PNG"]]


def test_an_empty_file_is_waited_for_and_then_told_of(arrivals, tmp_path):
    (tmp_path / "a.jpg").touch()
    assert [names(arrivals, now) for now in (0.0, 1.0, 9.0, 10.0)] == [[], [], [], ["a.jpg"]]


def test_a_picture_that_was_removed_may_come_again(arrivals, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"one")
    assert [names(arrivals, now) for now in (0.0, 1.0)] == [[], ["a.jpg"]]
    (tmp_path / "a.jpg").unlink()
    assert names(arrivals, 2.0) == []
    (tmp_path / "a.jpg").write_bytes(b"one")
    assert [names(arrivals, now) for now in (3.0, 4.0)] == [[], ["a.jpg"]]


def test_whether_a_picture_changed_while_it_was_read(arrivals, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"one")
    arrivals.poll(0.0)
    (path,) = arrivals.poll(1.0)
    assert not arrivals.changed(path)
    path.write_bytes(b"one more")
    assert arrivals.changed(path)
    path.unlink()
    assert arrivals.changed(path)


def test_a_folder_that_disappears_or_never_was(arrivals, tmp_path):
    with pytest.raises(StorageError, match="cannot be watched"):
        FolderArrivals(tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is not a folder"):
        FolderArrivals(tmp_path / "file")
    (tmp_path / "file").unlink()
    tmp_path.rmdir()
    with pytest.raises(StorageError, match="cannot be read any more"):
        arrivals.poll(0.0)
    tmp_path.mkdir()
