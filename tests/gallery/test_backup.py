"""A copy of a gallery's folder while others use it."""

import threading

import numpy as np
import pytest

from lookalike.errors import InputError, StorageError
from lookalike.gallery import open_gallery
from lookalike.gallery.backup import with_backup


@pytest.fixture
def gallery(tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        gallery.enroll("Ada", [[1, 2]], tags={"site": "Berlin"})
        yield gallery


def test_the_copy_is_a_gallery_of_its_own(gallery, tmp_path):
    counts = gallery.backup(tmp_path / "copy")
    assert counts == gallery.counts()
    gallery.forget("Ada")
    with open_gallery(tmp_path / "copy", create=False) as copy:
        assert [(one.name, dict(one.tags)) for one in copy.people()] == [("Ada", {"site": "Berlin"})]
        assert copy.search([1, 2])[0][0].identity == "Ada"
        copy.enroll("Bob", [[3, 4]])
    assert not [path.name for path in (tmp_path).iterdir() if path.name.endswith(".tmp")]


def test_it_is_of_one_change_while_somebody_enrolls(gallery, tmp_path):
    stop, failed = threading.Event(), []

    def enroll():
        with open_gallery(tmp_path / "g") as other:
            number = 0
            while not stop.is_set():
                # Pairs: one state never holds an odd number of these.
                other.enroll_many([(f"a{number}", [[number, 0]], None), (f"b{number}", [[0, number]], None)])
                number += 1

    thread = threading.Thread(target=enroll)
    thread.start()
    try:
        for number in range(5):
            counts = gallery.backup(tmp_path / f"copy{number}")
            with open_gallery(tmp_path / f"copy{number}") as copy:
                names = copy.names()
                if len(names) % 2 != 1 or len(names) != counts.identities:
                    failed.append((len(names), counts))
    finally:
        stop.set()
        thread.join()
    assert not failed


def test_what_is_there_is_not_replaced(gallery, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "file").write_text("mine")
    with pytest.raises(StorageError, match="not empty"):
        gallery.backup(tmp_path / "copy")
    assert (tmp_path / "copy" / "file").read_text() == "mine"


def test_what_landmarks_keep_is_copied_with_it_but_nothing_forgotten(tmp_path):
    from lookalike.gallery import AnnexUpdate, Kept

    with open_gallery(tmp_path / "places") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        update = AnnexUpdate({"Tower": Kept({}, {"vectors": np.ones((1, 2), np.float32)}, ["t.jpg"])})
        gallery.enroll_with_annex([("Tower", [[1, 2]], None)], lambda ids: update)
        gone = np.array([[3.25, 4.5]], np.float32)
        update = AnnexUpdate({"Mill": Kept({}, {"vectors": gone}, ["m.jpg"])})
        gallery.enroll_with_annex([("Mill", [[2, 1]], None)], lambda ids: update)
        with open_gallery(tmp_path / "places") as reader, reader.unchanged(gallery.change):
            gallery._database.timeout = 0.1
            with pytest.raises(StorageError, match="old bytes are still"):
                gallery.forget("Mill")
            gallery.backup(tmp_path / "copy")
    assert not any(gone.tobytes() in file.read_bytes() for file in (tmp_path / "copy" / "landmarks").iterdir())
    with open_gallery(tmp_path / "copy", create=False) as copy:
        assert list(copy.annex().entries) == ["Tower"]
        np.testing.assert_array_equal(copy.annex().kept["Tower"].rows["vectors"], [[1, 1]])


def test_a_gallery_without_it_says_what_to_do():
    with pytest.raises(InputError, match="export"):
        with_backup(object(), "milvus://host/people")
