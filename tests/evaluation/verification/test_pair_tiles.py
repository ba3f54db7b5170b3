import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.distances import pairwise
from lookalike.errors import VectorError
from lookalike.evaluation.verification import pair_tiles
from lookalike.evaluation.verification.pair_tiles import PairTiles

METRICS = ["cosine", "euclidean", "manhattan", "inner_product"]


def collected(vectors, codes, metric):
    """Every pair that the tiles hold: (first, second) -> (distance, genuine)."""
    tiles, found = PairTiles(vectors, codes, metric), []
    for tile in tiles:
        distances = tiles.distances(tile)
        assert distances.dtype == np.float32
        assert distances.flags.c_contiguous
        masks = tiles.genuine(tile) if tile.mixed else (np.zeros(distances.shape, bool), np.ones(distances.shape, bool))
        for genuine, mask in zip((True, False), masks, strict=True):
            among = np.flatnonzero(mask)
            first, second = tiles.positions(tile, among)(np.arange(len(among)))
            whole = tiles.positions(tile)(among)
            np.testing.assert_array_equal(whole, (first, second))
            rows = zip(first.tolist(), second.tolist(), distances.ravel()[among].tolist(), strict=True)
            found += [((a, b), d, genuine) for a, b, d in rows]
    return found


@settings(max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=30), st.integers(1, 9), st.integers(1, 9))
def test_every_pair_comes_once_and_as_what_it_is(codes, rows, columns):
    codes = np.array(codes)
    vectors = np.random.default_rng(0).normal(size=(len(codes), 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_tiles, "ROWS", rows)
        patch.setattr(pair_tiles, "COLUMNS", columns)
        found = collected(vectors, codes, "manhattan")
    i, j = np.triu_indices(len(codes), 1)
    assert sorted(pair for pair, _, _ in found) == list(zip(i.tolist(), j.tolist(), strict=True))
    for (a, b), distance, genuine in found:
        assert genuine == (codes[a] == codes[b])
        assert distance == pytest.approx(np.abs(vectors[a] - vectors[b]).sum(), rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("metric", METRICS)
def test_distances_are_those_of_the_distances_module(metric, dtype):
    rng = np.random.default_rng(1)
    vectors, codes = (10 * rng.normal(size=(40, 6))).astype(dtype), rng.integers(0, 5, 40)
    expected = pairwise(vectors.astype(np.float64), vectors.astype(np.float64), metric)
    for (a, b), distance, _ in collected(vectors, codes, metric):
        assert distance == pytest.approx(expected[a, b], rel=1e-5, abs=1e-6 * np.abs(expected).max())


def test_cosine_of_equal_vectors_is_zero():
    vectors = np.repeat(np.random.default_rng(2).normal(size=(1, 100)), 20, axis=0)
    assert {distance for _, distance, _ in collected(vectors, np.arange(20), "cosine")} == {0.0}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shift", [0.0, 1e3, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_distance_has_seven_digits_in_a_narrow_cone(metric, shift, dtype):
    rng = np.random.default_rng(3)
    vectors = (rng.normal(size=(40, 8)) + shift).astype(dtype)
    vectors[20:] = vectors[:20] * dtype(1 + 1e-4) + dtype(1e-4) * rng.normal(size=(20, 8)).astype(dtype)
    wide = vectors.astype(np.longdouble)
    if metric == "cosine":
        wide /= np.sqrt((wide**2).sum(axis=1, keepdims=True))
    for (a, b), distance, _ in collected(vectors, np.arange(40) % 20, metric):
        difference = wide[a] - wide[b]
        true = {
            "inner_product": -(wide[a] * wide[b]).sum(),
            "manhattan": np.abs(difference).sum(),
            "cosine": (difference**2).sum() / 2,
            "euclidean": np.sqrt((difference**2).sum()),
        }[metric]
        assert distance == pytest.approx(float(true), rel=2e-7, abs=0)


def test_an_unknown_metric():
    with pytest.raises(VectorError, match="metric 'hamming' is unknown"):
        PairTiles(np.ones((2, 2)), np.arange(2), "hamming")
