"""The map of the world that comes with the program, and positions in words."""

from itertools import pairwise

from lookalike.service.console.maps import Spot, _world


def test_land_and_borders_lie_on_the_map_and_no_line_crosses_it():
    land = [ring for polygon in _world()["land"]["coordinates"] for ring in polygon]
    borders = _world()["borders"]["coordinates"]
    assert len(land) > 100
    assert len(borders) > 300
    assert all(ring[0] == ring[-1] for ring in land)
    assert all(abs(x) <= 180 and abs(y) <= 90 for line in (*land, *borders) for x, y in line)
    jumps = [(a, b) for line in (*land, *borders) for a, b in pairwise(line) if abs(a[0] - b[0]) > 60]
    assert jumps == [([180.0, -90.0], [-180.0, -90.0])]  # the edge of Antarctica, below the map


def test_positions_are_told_in_words():
    assert Spot("a", 48.8867, 2.3431).position == "48.8867° N, 2.3431° E"
    assert Spot("b", -13.1631, -72.545).position == "13.1631° S, 72.5450° W"
