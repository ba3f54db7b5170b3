"""Places and their middle: against a general minimiser of distances on the sphere."""

import math
from dataclasses import asdict
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize

from lookalike.errors import InputError
from lookalike.landmarks.place import Place, checked_position, middle_position

EARTH = 6_371_000


def unit(latitude, longitude):
    a, b = math.radians(latitude), math.radians(longitude)
    return np.array([math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)])


def metres(one, other):
    """Along the surface, well conditioned for near points."""
    return 2 * EARTH * math.asin(min(1.0, float(np.linalg.norm(unit(*one) - unit(*other))) / 2))


def total(position, positions):
    return sum(metres(position, other) for other in positions)


def town(latitude, longitude, steps):
    """Positions within about a kilometre of a point, across poles and the date line alike."""
    east, north = np.cross([0, 0, 1.0], unit(latitude, longitude)), None
    east = east / np.linalg.norm(east) if np.linalg.norm(east) > 1e-9 else np.array([1.0, 0, 0])
    north = np.cross(unit(latitude, longitude), east)
    found = []
    for x, y in steps:
        v = unit(latitude, longitude) + (x * east + y * north) * 1e-6
        v = v / np.linalg.norm(v)
        found.append((math.degrees(math.asin(v[2])), math.degrees(math.atan2(v[1], v[0]))))
    return found


centres = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
steps = st.lists(st.tuples(st.integers(-150, 150), st.integers(-150, 150)), min_size=1, max_size=9)


@given(centres, steps)
@example((0.0, 0.0), [(0, 130), (-10, 117), (26, 0), (26, 0)])  # the middle is a photo
def test_no_position_is_nearer_to_all_photos_together(centre, offsets):
    photos = town(*centre, offsets)
    found = middle_position(photos)
    reached = total(found, photos)
    for photo in photos:
        assert reached <= total(photo, photos) + 0.5
    best = minimize(
        lambda xy: total(town(*centre, [xy])[0], photos),
        np.mean(offsets, axis=0),
        method="Nelder-Mead",
        options={"maxiter": 120},
    )
    assert reached <= best.fun + 0.5, "half a metre over all photos"


@given(centres, steps, st.randoms(use_true_random=False))
def test_neither_order_nor_the_date_line_matters(centre, offsets, random):
    photos = town(*centre, offsets)
    shuffled = photos[:]
    random.shuffle(shuffled)
    assert middle_position(photos) == middle_position(shuffled)
    # Turned by the date line, the middle turns with them.
    turned = [(a, (b + 180 + 77.0) % 360 - 180) for a, b in photos]
    a, b = middle_position(photos)
    assert metres(middle_position(turned), (a, (b + 180 + 77.0) % 360 - 180)) < 0.5


def test_one_wrong_photo_does_not_carry_the_place_away():
    photos = town(48.8867, 2.3431, [(1, 0), (-1, 0), (0, 1), (0, -1)])
    assert metres(middle_position(photos), (48.8867, 2.3431)) < 0.1
    assert metres(middle_position([*photos, (40.7, -74.0)]), (48.8867, 2.3431)) < 10
    mean = np.mean([*photos, (40.7, -74.0)], axis=0)
    assert metres(mean, (48.8867, 2.3431)) > 1_000_000, "what a mean would say"


def test_across_the_date_line_and_a_pole():
    a, b = middle_position([(10, 179.999), (10, -179.999)])
    assert a == pytest.approx(10, abs=1e-6)
    assert abs(b) == 180
    assert middle_position([(89.999, 0), (89.999, 120), (89.999, -120)])[0] == pytest.approx(90, abs=1e-5)


def test_one_photo_and_opposite_photos():
    assert middle_position([(48.886712345, 2.3431)] * 3) == (48.886712345, 2.3431)
    assert middle_position([(0, 90), (0, -90)]) == (0, -90)
    with pytest.raises(InputError, match="no positions were given"):
        middle_position([])


def test_map_links_open_at_the_place():
    for latitude, longitude in ((48.8867, 2.3431), (-0.00001, 1e-7), (-90, 180)):
        link = urlsplit(Place("x", "", latitude, longitude).map_url)
        asked = parse_qs(link.query)
        assert (link.scheme, link.netloc) == ("https", "www.openstreetmap.org")
        assert [float(asked[k][0]) for k in ("mlat", "mlon")] == pytest.approx([latitude, longitude], abs=5e-7)
        assert "e" not in link.query
    assert Place("x").map_url is None


def test_a_place_without_a_name_is_called_by_its_id():
    assert Place("138982").name == "138982"
    assert asdict(Place("1", "Tour", 1, 2)) == {"id": "1", "name": "Tour", "latitude": 1, "longitude": 2}
    assert Place("1", "Tour", 1, 2) == Place("1", "Tour", 1.0, 2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "has the id ''"),
        ((" ",), "has the id ' '"),
        ((7,), "has the id 7"),
        (("x", "", 48.0), "the longitude None; give both or neither"),
        (("x", "", None, 2.0), "the latitude None"),
        (("x", "", 91, 0), "expected degrees"),
        (("x", "", 0, 181), "expected degrees"),
        (("x", "", math.nan, 0), "latitude nan"),
        (("x", "", 0, math.inf), "longitude inf"),
    ],
)
def test_what_is_no_place(arguments, message):
    with pytest.raises(InputError, match=message):
        Place(*arguments)


def test_checked_position():
    assert checked_position(-90, 180) == (-90.0, 180.0)
    with pytest.raises(InputError, match="the photo has the latitude 95"):
        checked_position(95, 0, "the photo")


def test_an_id_in_another_spelling():
    assert Place(" Jose\u0301") == Place("José")
    assert Place("Jose\u0301").name == "José"
