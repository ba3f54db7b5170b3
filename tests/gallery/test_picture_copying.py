"""Pictures and thresholds go along into a copy of a gallery."""

import numpy as np
import pytest

from lookalike.gallery import Enrolment, open_gallery
from lookalike.gallery.picture_copying import copy_kept

VECTORS = np.eye(3, dtype=np.float32)


@pytest.fixture
def pair(tmp_path):
    """Two galleries of the same people and templates; the first keeps some pictures."""
    with open_gallery(tmp_path / "a.gallery") as source, open_gallery(tmp_path / "b.gallery") as target:
        for gallery, pictures in ((source, [b"one", None, b"three"]), (target, None)):
            gallery.bind("f", "net", "euclidean", 3)
            gallery.enroll_many([Enrolment("Ada", VECTORS, pictures=pictures), Enrolment("Bob", VECTORS[:1])])
        yield source, target


def test_pictures_and_thresholds_are_copied_and_once_more_changes_nothing(pair):
    source, target = pair
    source.upgrade.keep_calibration("f", "{}")
    for _ in range(2):
        change = target.change
        assert copy_kept(source, target) == 0
        assert [target.upgrade.picture(one.id) for one in target.templates("Ada")] == [b"one", None, b"three"]
        assert target.upgrade.people_with_pictures() == {"Ada": 2}
        assert target.upgrade.calibration("f") == "{}"
        assert (target.change, target.counts().templates) == (change, 4)


def test_a_gallery_that_keeps_none_leaves_them(pair):
    source, target = pair

    class OnAServer:
        model = target.model

    assert copy_kept(source, OnAServer()) == 2
    assert copy_kept(OnAServer(), target) == 0
