"""Points come to lie on their template, and the picture goes with them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.embedder.similarity_transform import similarity_transform, warp

FIVE = np.array([[30.0, 40.0], [70.0, 42.0], [51.0, 60.0], [35.0, 80.0], [66.0, 79.0]])


@given(
    st.floats(-np.pi, np.pi), st.floats(0.05, 20), st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)  # fmt: skip
def test_a_similarity_is_found_again(angle, scale, shift):
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = similarity_transform(FIVE, scale * FIVE @ rotation.T + shift)
    assert matrix[:, :2] == pytest.approx(scale * rotation, abs=1e-9 * scale + 1e-9)
    assert matrix[:, 2] == pytest.approx(np.array(shift), abs=1e-7)


def test_no_other_similarity_is_nearer():
    """The oracle: linear least squares over (a, b, x, y) of [[a, -b], [b, a]] and the shift."""
    goal = FIVE + np.random.default_rng(0).normal(0, 3, FIVE.shape)
    rows = [[x, -y, 1, 0] for x, y in FIVE] + [[y, x, 0, 1] for x, y in FIVE]
    a, b, x, y = np.linalg.lstsq(np.array(rows), goal.T.ravel())[0]
    assert similarity_transform(FIVE, goal) == pytest.approx(np.array([[a, -b, x], [b, a, y]]))


def test_it_never_mirrors():
    mirrored = FIVE * [-1, 1]
    assert np.linalg.det(similarity_transform(FIVE, mirrored)[:, :2]) > 0


def test_the_identity_leaves_a_picture_as_it_is():
    rgb = np.random.default_rng(1).integers(0, 256, (9, 7, 3), np.uint8)
    assert (warp(rgb, np.eye(2, 3), (9, 7)) == rgb).all()


def test_whole_pixels_are_shifted_and_what_is_outside_is_black():
    rgb = np.random.default_rng(2).integers(1, 256, (6, 6, 3), np.uint8)
    moved = warp(rgb, np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]), (6, 6))
    assert (moved[1:, 2:] == rgb[:-1, :-2]).all()
    assert not moved[0].any()
    assert not moved[:, :2].any()


def test_a_quarter_turn_puts_every_pixel_where_it_belongs():
    rgb = np.random.default_rng(3).integers(0, 256, (5, 5, 3), np.uint8)
    turned = warp(rgb, np.array([[0.0, -1.0, 4.0], [1.0, 0.0, 0.0]]), (5, 5))  # (x, y) to (4 - y, x)
    assert (turned == np.rot90(rgb, -1)).all()


def test_a_large_picture_is_averaged_not_sampled():
    """Columns of black and white become grey at a tenth of the size: bilinear interpolation alone would pick some."""
    rgb = np.zeros((100, 100, 3), np.uint8)
    rgb[:, ::2] = 255
    small = warp(rgb, np.array([[0.1, 0.0, 0.0], [0.0, 0.1, 0.0]]), (10, 10))
    assert small[1:-1, 1:-1].min() > 120
    assert small[1:-1, 1:-1].max() < 135


def test_a_point_lies_where_its_matrix_says_after_averaging():
    rgb = np.zeros((400, 400, 3), np.uint8)
    rgb[196:204, 96:104] = 255  # its middle: (99.5, 199.5)
    matrix = np.array([[0.1, 0.0, 3.0], [0.0, 0.1, 5.0]])
    weights = warp(rgb, matrix, (50, 50))[..., 0].astype(float)
    rows, columns = np.indices(weights.shape)
    assert (columns * weights).sum() / weights.sum() == pytest.approx(99.5 * 0.1 + 3, abs=0.05)
    assert (rows * weights).sum() / weights.sum() == pytest.approx(199.5 * 0.1 + 5, abs=0.05)
