import numpy as np
import pytest

from lookalike.samples.buildings.procedural_buildings import KINDS, building, kind_of


def test_landmarks_are_of_many_kinds_and_all_different():
    assert len({kind_of(0, number) for number in range(48)}) >= 20
    made = [building(0, number) for number in range(24, 40)]
    outlines = {(round(b.radius, 3), round(b.height, 3), sum(len(s.points) for s in b.solid)) for b in made}
    assert len(outlines) >= 12  # look-alikes may share theirs
    fronts = {b.materials["facade"].colour.tobytes() for b in made}
    assert len(fronts) == 16


@pytest.mark.parametrize("number", range(0, 60, 3))
def test_a_building_stands_on_the_ground_and_knows_its_size(number):
    made = building(1, number)
    corners = np.concatenate([surface.points.reshape(-1, 3) for surface in made.solid])
    assert np.isfinite(corners).all()
    assert -1 <= corners[:, 2].min() <= 1.5
    assert made.height == pytest.approx(corners[:, 2].max())
    assert np.hypot(corners[:, 0], corners[:, 1]).max() <= made.radius + 1e-9
    assert 8 <= made.height <= 140
    assert {surface.material for surface in made.solid} <= set(made.materials)
    assert all(np.isfinite(surface.uv).all() for surface in made.solid)


def test_the_same_number_is_the_same_building():
    first = building(3, 7)
    building.cache_clear()
    second = building(3, 7)
    np.testing.assert_array_equal(first.materials["facade"].colour, second.materials["facade"].colour)
    for a, b in zip(first.solid, second.solid, strict=True):
        np.testing.assert_array_equal(a.points, b.points)


@pytest.mark.parametrize("number", [3, 7, 11, 15])
def test_look_alikes_share_kind_and_walls_and_differ_in_details(number):
    one, other = building(0, number - 1), building(0, number)
    assert one.kind == other.kind
    np.testing.assert_array_equal(one.materials["wall"].colour, other.materials["wall"].colour)
    assert one.materials["facade"].colour.tobytes() != other.materials["facade"].colour.tobytes()
    stranger = building(0, number + 1)
    assert stranger.kind != one.kind


def test_another_seed_is_another_town():
    assert [kind_of(0, n) for n in range(24)] != [kind_of(1, n) for n in range(24)]
    assert set(KINDS) >= {kind_of(1, n) for n in range(24)}
