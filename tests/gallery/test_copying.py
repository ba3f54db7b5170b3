"""One gallery into another, and the proof that it is there."""

import numpy as np
import pytest

from lookalike.errors import FingerprintError, StorageError
from lookalike.gallery import Enrolment, open_gallery
from lookalike.gallery.contents import GalleryContents
from lookalike.gallery.copying import copy_contents, verify_copy


@pytest.fixture
def source(tmp_path):
    with open_gallery(tmp_path / "source") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        gallery.enroll_many(
            [
                Enrolment("Ada", [[1, 2], [3, 4]], ["a.jpg", "b.jpg"], {"site": "Berlin"}, [0.5, None]),
                Enrolment("山", [[1, 2]], ["c.jpg"], enrolled_at=["2025-01-31T00:00:00.000+00:00"]),
            ]
        )
        yield gallery


def rows(gallery):
    return sorted((t.identity, t.vector.tobytes(), t.source, t.enrolled_at, t.quality) for t in gallery.templates())


def test_everything_goes_over_and_again_changes_nothing(source, tmp_path):
    with open_gallery(tmp_path / "target") as target:
        for _ in range(2):
            copy_contents(GalleryContents(source, "s"), target)
            assert rows(target) == rows(source)
            assert target.people() == source.people()
        found = verify_copy(GalleryContents(source, "s"), GalleryContents(target, "t"))
        assert (found.identities, found.templates, found.twice, found.differing, found.further) == (2, 3, 0, 0, 0)


def test_what_is_missing_or_otherwise_is_found(source, tmp_path):
    with open_gallery(tmp_path / "target") as target:
        target.bind("f", "net", "euclidean", 2)
        target.enroll("Ada", [[1, 2]], ["before.jpg"])
        copy_contents(GalleryContents(source, "s"), target)
        target.enroll("Ada", [[9, 9]])
        found = verify_copy(GalleryContents(source, "s"), GalleryContents(target, "t"))
        assert (found.differing, found.further) == (1, 1)
        target.tag("Ada", {"site": None})
        with pytest.raises(StorageError, match="0 of 3 templates are missing, and 1 of 2 identities"):
            verify_copy(GalleryContents(source, "s"), GalleryContents(target, "t"))
        target.forget("山")
        with pytest.raises(StorageError, match="1 of 3 templates are missing, and 2 of 2"):
            verify_copy(GalleryContents(source, "s"), GalleryContents(target, "t"))


def test_one_bit_more_is_found(source, tmp_path):
    with open_gallery(tmp_path / "target") as target:
        target.bind("f", "net", "euclidean", 2)
        for one in source.templates():
            vector = np.nextafter(one.vector, np.float32(9)) if one.source == "b.jpg" else one.vector
            target.enroll(one.identity, vector)
        target.tag("Ada", {"site": "Berlin"})
        with pytest.raises(StorageError, match="1 of 3 templates"):
            verify_copy(GalleryContents(source, "s"), GalleryContents(target, "t"))


def test_a_vector_twice_goes_over_once(source, tmp_path):
    source.merge(["山"], "Ada")
    with open_gallery(tmp_path / "target") as target:
        copy_contents(GalleryContents(source, "s"), target)
        found = verify_copy(GalleryContents(source, "s"), GalleryContents(target, "t"))
        assert (found.templates, found.twice) == (2, 1)


def test_another_model_is_refused(source, tmp_path):
    with open_gallery(tmp_path / "target") as target:
        target.bind("g", "other", "euclidean", 2)
        with pytest.raises(FingerprintError, match="other"):
            copy_contents(GalleryContents(source, "s"), target)
        assert len(target) == 0
