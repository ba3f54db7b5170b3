import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.samples.buildings.shapes import (
    arch_wall,
    beam,
    bend,
    box,
    disc,
    extent,
    frustum,
    join,
    lathe,
    move,
    quads,
    scale,
    tinted,
    turn,
)

metres = st.floats(0.5, 50)


def area(solid):
    """Of all quads, each as two triangles."""
    total = 0.0
    for surface in solid:
        a, b, c, d = np.moveaxis(surface.points, 1, 0)
        for p, q, r in ((a, b, c), (a, c, d)):
            total += np.linalg.norm(np.cross(q - p, r - p), axis=1).sum() / 2
    return total


@given(metres, metres, metres)
def test_a_box_has_the_surface_of_a_box_without_its_floor(width, depth, height):
    solid = box(width, depth, 0, height, "wall")
    assert area(solid) == pytest.approx(2 * (width + depth) * height + width * depth)
    low, high = extent(solid)
    assert low == pytest.approx([-width / 2, -depth / 2, 0])
    assert high == pytest.approx([width / 2, depth / 2, height])


@given(metres, metres)
def test_a_pyramids_faces_have_their_slant_height(width, height):
    solid = frustum((width, width), (0, 0), 0, height, "roof")
    assert area(solid) == pytest.approx(4 * width / 2 * np.hypot(height, width / 2))


def test_texture_coordinates_are_metres_along_the_surface():
    (side,) = frustum((8, 8), (4, 4), 2, 5, "wall")
    edge = np.linalg.norm(side.points[:, 1] - side.points[:, 0], axis=1)
    assert side.uv[:, 1, 0] - side.uv[:, 0, 0] == pytest.approx(edge)
    slant = np.linalg.norm(side.points[:, 3:].mean(axis=1) - side.points[:, :1].mean(axis=1), axis=1)
    assert side.uv[:, 0, 1] == pytest.approx(2)  # starts at its height above the ground
    assert (side.uv[:, 3, 1] - side.uv[:, 0, 1] <= slant + 1e-9).all()


def test_a_fine_lathe_comes_near_a_cylinder_and_a_sphere():
    assert area(lathe([(2, 0), (2, 5)], 200, "wall")) == pytest.approx(2 * np.pi * 2 * 5, rel=1e-3)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 100)
    ball = lathe([(3 * np.cos(a), 3 * np.sin(a)) for a in angle], 200, "wall")
    assert area(ball) == pytest.approx(4 * np.pi * 9, rel=2e-3)
    assert area(disc(3, 1, "wall", 200)) == pytest.approx(np.pi * 9, rel=1e-3)


@given(metres, metres, st.floats(0.05, 2))
def test_a_beam_is_as_long_and_as_thick_as_asked(x, z, width):
    start, end = np.array([0, 0, 0]), np.array([x, 1.0, z])
    solid = beam(start, end, width, "iron")
    (surface,) = solid
    assert area(solid) == pytest.approx(4 * width * np.linalg.norm(end - start), rel=0.5)
    corners = surface.points.reshape(-1, 3)
    assert np.linalg.norm(corners - (start + end) / 2, axis=1).max() <= np.linalg.norm(end - start) / 2 + width


def test_nothing_stands_in_an_arch():
    (wall,) = arch_wall(10, 8, 2, opening=6, spring=3, material="wall")
    low, high = extent((wall,))
    assert low == pytest.approx([-5, -1, 0])
    assert high == pytest.approx([5, 1, 8])
    corners = wall.points.reshape(-1, 3)
    inside = (np.abs(corners[:, 0]) < 2.9) & (corners[:, 2] < 3)
    assert not inside.any()
    rounded = corners[(np.abs(corners[:, 0]) < 2.99) & (corners[:, 2] < 7)]
    assert np.hypot(rounded[:, 0], rounded[:, 2] - 3) == pytest.approx(3)


def test_bending_keeps_the_distance_from_the_axis():
    row = join(move(box(1, 0.5, 0, 2, "wall"), x) for x in range(20))
    (first, *_) = bend(row, 10)
    for surface in bend(row, 10):
        outwards = np.hypot(surface.points[..., 0], surface.points[..., 1])
        assert outwards.min() == pytest.approx(9.75)
        assert outwards.max() == pytest.approx(10.25)
    assert first.material == "wall"


@given(st.floats(-720, 720), st.floats(-9, 9), st.floats(-9, 9))
def test_moving_and_turning_change_no_length(degrees, x, y):
    solid = frustum((3, 4), (1, 2), 0, 5, "wall", "roof")
    assert area(turn(move(solid, x, y, 2), degrees)) == pytest.approx(area(solid))


def test_turning_goes_anticlockwise_and_scaling_stretches():
    east = quads("wall", [[(1, 0, 0)] * 4], [[(0, 0)] * 4])
    assert turn(east, 90)[0].points[0, 0] == pytest.approx([0, 1, 0])
    assert scale(east, x=3)[0].points[0, 0] == pytest.approx([3, 0, 0])


def test_tints_multiply():
    (surface,) = tinted(tinted(quads("wall", [[(0, 0, 0)] * 4], [[(0, 0)] * 4]), (0.5, 1, 1)), [0.5, 0.5, 1])
    assert surface.tint == pytest.approx((0.25, 0.5, 1))
