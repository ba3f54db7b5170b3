"""Positions from EXIF as cameras write it, built byte by byte, and as they should not."""

import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lookalike.errors import ImageError
from lookalike.landmarks.photo_position import photo_position, place_from_photos
from lookalike.landmarks.place import Place


def photo(fields, order="<"):
    """A JPEG whose EXIF holds these GPS fields: tag -> text, or a list of numerator and denominator."""
    entries, values, start = b"", b"", 26 + 2 + 12 * len(fields) + 4
    for tag, value in sorted(fields.items()):
        if isinstance(value, list):
            entries += struct.pack(order + "HHII", tag, 5, len(value), start + len(values))
            values += b"".join(struct.pack(order + "II", *fraction) for fraction in value)
        else:
            entries += struct.pack(order + "HHI4s", tag, 2, len(value), value)
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    tiff += struct.pack(order + "HHHIII", 1, 0x8825, 4, 1, 26, 0)
    tiff += struct.pack(order + "H", len(fields)) + entries + struct.pack(order + "I", 0) + values
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "JPEG")
    plain = file.getvalue()
    segment = b"Exif\0\0" + tiff
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]


def at(lat, lon, north=b"N\0", east=b"E\0", order="<"):
    return photo({1: north, 2: lat, 3: east, 4: lon}, order)


CHURCH = [(48, 1), (53, 1), (1212, 100)], [(2, 1), (20, 1), (3516, 100)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_degrees_minutes_and_seconds(order):
    for north, east, signs in ((b"N\0", b"E\0", (1, 1)), (b"S\0", b"W\0", (-1, -1)), (b"N\0", b"W\0", (1, -1))):
        found = photo_position(at(*CHURCH, north, east, order))
        expected = (signs[0] * (48 + 53 / 60 + 12.12 / 3600), signs[1] * (2 + 20 / 60 + 35.16 / 3600))
        assert found == pytest.approx(expected, abs=1e-12)


def test_other_ways_to_write_an_angle():
    assert photo_position(at([(48, 1), (532020, 10000), (0, 1)], CHURCH[1]))[0] == pytest.approx(48.8867)
    assert photo_position(at([(488867, 10000)], CHURCH[1]))[0] == pytest.approx(48.8867)
    assert photo_position(at([(48, 1), (532020, 10000)], CHURCH[1]))[0] == pytest.approx(48.8867)
    assert photo_position(at([(48, 1), (53, 1), (60, 1)], CHURCH[1]))[0] == pytest.approx(48.9)
    assert photo_position(at(*CHURCH, b"n\0", b" E"))[0] == pytest.approx(48.8867)
    assert photo_position(at([(0, 1)], [(7, 1)])) == (0, 7)
    assert photo_position(at([(90, 1)], [(180, 1)], b"S\0", b"W\0")) == (-90, -180)


@pytest.mark.parametrize(
    "data",
    [
        at([(48, 0), (53, 1), (12, 1)], CHURCH[1]),
        at([(48, 1), (53, 1), (0, 0)], CHURCH[1]),
        at([(0, 1), (0, 1), (0, 1)], [(0, 1), (0, 1), (0, 1)]),
        at([(0, 0), (0, 0), (0, 0)], [(0, 0), (0, 0), (0, 0)]),
        at([(91, 1)], CHURCH[1]),
        at([(90, 1), (0, 1), (1, 1)], CHURCH[1]),
        at(CHURCH[0], [(181, 1)]),
        at([(48, 1), (75, 1), (0, 1)], CHURCH[1]),
        at([(48, 1), (0, 1), (61, 1)], CHURCH[1]),
        at(*CHURCH, b"\0\0"),
        at(*CHURCH, b"?\0"),
        at(*CHURCH, b"N\0", b"\xff\0"),
        at([(1, 1)] * 4, CHURCH[1]),
        photo({2: CHURCH[0], 4: CHURCH[1]}),
        photo({1: b"N\0", 2: CHURCH[0]}),
        photo({1: b"N\0", 2: b"48\0", 3: b"E\0", 4: CHURCH[1]}),
        photo({}),
    ],
)
def test_what_is_no_position(data):
    assert photo_position(data) is None


def test_pictures_without_exif(tmp_path):
    assert photo_position(np.zeros((3, 3, 3), np.uint8)) is None
    Image.new("RGB", (3, 3)).save(tmp_path / "x.png")
    assert photo_position(tmp_path / "x.png") is None


@given(st.integers(0, 160), st.binary(max_size=12))
def test_truncated_and_damaged_exif_raises_nothing_and_tells_only_what_can_be(where, noise):
    data = at(*CHURCH)
    start = data.index(b"Exif")
    damaged = data[: start + where] + noise + data[start + where + len(noise) :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = photo_position(damaged)
        except ImageError:
            return
    assert found is None or (abs(found[0]) <= 90 and abs(found[1]) <= 180)


def test_what_is_no_picture():
    with pytest.raises(ImageError):
        photo_position(b"no picture")


def test_a_place_stands_where_most_photos_say():
    photos = [at(*CHURCH), at([(0, 1)], [(0, 1)]), photo({}), at(*CHURCH), at([(10, 1)], [(10, 1)])]
    found = place_from_photos("church", photos, "Sacré-Cœur")
    assert (found.id, found.name) == ("church", "Sacré-Cœur")
    assert (found.latitude, found.longitude) == pytest.approx((48.8867, 2.3431), abs=1e-6)
    assert place_from_photos("church", [photo({})]) == Place("church")
    assert place_from_photos("church", []).map_url is None
