"""Pictures kept with templates: what is kept of them, and that nothing tells where they were taken."""

import io

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import ImageError, InputError
from lookalike.gallery import Enrolment, open_gallery
from lookalike.gallery.kept_pictures import KEPT_SIDE, encoded
from lookalike.images import gps_fields, read_picture


def enroll(gallery, name, vectors, pictures):
    (ids,) = gallery.enroll_many([Enrolment(name, vectors, pictures=pictures)]).values()
    return ids


def test_a_small_picture_is_kept_as_it_is():
    for shape in ((30, 40), (30, 40, 3), (512, 512, 3)):
        picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        np.testing.assert_array_equal(read_picture(encoded(picture)), read_picture(picture))


def test_a_large_picture_is_scaled_and_stays_the_same_picture():
    x, y = np.meshgrid(np.linspace(0, 255, 2400), np.linspace(0, 255, 1800))
    picture = np.stack([x, y, 255 - x], axis=2).astype(np.uint8)
    kept = read_picture(encoded(picture))
    assert kept.shape == (1200, KEPT_SIDE, 3)
    small = np.asarray(Image.fromarray(picture).resize((KEPT_SIDE, 1200)), np.int64)
    assert abs(kept - small).max() <= 6


def test_metadata_is_not_kept_and_the_picture_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90°
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"
    written = io.BytesIO()
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30).astype(np.uint8)).save(written, "JPEG", exif=exif)
    assert gps_fields(written.getvalue())
    kept = encoded(written.getvalue())
    assert read_picture(kept).shape == (30, 20, 3)
    assert not gps_fields(kept)
    assert b"a camera" not in kept
    assert b"Exif" not in kept


def test_what_is_no_picture_is_refused():
    with pytest.raises(ImageError):
        encoded(b"no picture")


def test_pictures_are_kept_once_and_go_with_their_templates(tmp_path):
    first, second = (encoded(np.full((8, 8), shade, np.uint8)) for shade in (10, 200))
    with open_gallery(tmp_path / "people.gallery") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        with pytest.raises(InputError, match="1 pictures given for 2 vectors"):
            enroll(gallery, "Ada", [[0, 1], [1, 0]], [first])
        assert len(gallery) == 0
        ids = enroll(gallery, "Ada", [[0, 1], [1, 0]], [None, first])
        assert [gallery.upgrade.picture(one) for one in ids] == [None, first]
        assert enroll(gallery, "Ada", [[0, 1], [1, 0]], [second, second]) == ids
        assert [gallery.upgrade.picture(one) for one in ids] == [second, first]
        gallery.forget("Ada")
        assert [gallery.upgrade.picture(one) for one in ids] == [None, None]


def test_places_keep_none(tmp_path):
    with open_gallery(tmp_path / "places.gallery", kind="landmarks") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        with pytest.raises(InputError, match="gallery of landmarks"):
            enroll(gallery, "church", [[0, 1]], [b"x"])
