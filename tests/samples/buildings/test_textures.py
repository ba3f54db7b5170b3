import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.samples.buildings.textures import (
    GROUNDS,
    MASONRY,
    WINDOWS,
    Windows,
    facade,
    ground,
    leaves,
    masonry,
    noise,
    plain,
    roofing,
)

STONE, TRIM = (0.7, 0.65, 0.55), (0.9, 0.9, 0.85)


def seeded(seed=0):
    return np.random.default_rng(seed)


@given(st.integers(0, 1000), st.integers(2, 12))
@settings(max_examples=20, deadline=None)
def test_noise_goes_on_at_its_edges(seed, cells):
    values = noise(seeded(seed), 96, cells, octaves=1)
    inside = np.abs(np.diff(values, axis=1)).max()
    assert np.abs(values[:, 0] - values[:, -1]).max() <= 1.5 * inside
    assert np.abs(values).max() < 1.5


@pytest.mark.parametrize("wall", MASONRY)
@pytest.mark.parametrize("windows", WINDOWS)
def test_every_facade_has_walls_and_windows_and_some_are_lit(wall, windows):
    made = facade(wall, Windows(windows, bay=3.0, floor=4.0, lit=1.0), STONE, TRIM, seeded())
    assert made.colour.shape == made.glow.shape == (192, 192, 3)
    assert made.metres == (12.0, 16.0)
    lit = made.glow.max(axis=2) > 0
    assert 0.03 < lit.mean() < 0.75
    # Panes are darker than the wall round them.
    assert made.colour[lit].mean() < made.colour[~lit].mean()


def test_no_window_is_lit_where_none_is_asked_for():
    assert facade("brick", Windows("square", lit=0.0), STONE, TRIM, seeded()).glow.max() == 0


@pytest.mark.parametrize("kind", MASONRY)
def test_masonry_keeps_its_colour(kind):
    mean = masonry(kind, STONE, STONE, seeded()).colour.mean(axis=(0, 1)) / 255
    assert mean == pytest.approx(STONE, rel=0.15)


def test_every_ground_roof_leaf_and_plain_is_a_tile():
    tiles = [ground(kind, seeded()) for kind in GROUNDS] + [leaves(seeded()), plain(STONE, seeded())]
    tiles += [roofing(kind, STONE, seeded()) for kind in ("tiles", "slate", "copper", "lead", "gold")]
    for tile in tiles:
        assert tile.colour.dtype == np.uint8
        assert tile.colour.std() > 0
        assert min(tile.metres) > 0


def test_the_same_generator_draws_the_same_tile():
    first, second = (facade("rubble", Windows("arched"), STONE, TRIM, seeded(5)) for _ in range(2))
    np.testing.assert_array_equal(first.colour, second.colour)
