"""Ranks of a query's own, against sorting exact fractions one query at a time."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import VectorError
from lookalike.evaluation.retrieval import own_ranks as module
from lookalike.evaluation.retrieval.own_ranks import BEYOND, own_ranks

METRICS = ("euclidean", "cosine", "inner_product", "manhattan")


def exact_distance(a, b, metric):
    """Of whole numbers, as a fraction that sorts as the distance does for one query."""
    a, b = [int(v) for v in a], [int(v) for v in b]
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    if metric == "euclidean":
        return Fraction(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))
    if metric == "manhattan":
        return Fraction(sum(abs(x - y) for x, y in zip(a, b, strict=True)))
    if metric == "inner_product":
        return Fraction(-dot)
    return Fraction(-dot * abs(dot), sum(y * y for y in b))  # the cosine, squared with its sign


def slow_ranks(queries, query_codes, references, codes, metric, depth, same):
    found = {}
    for q in range(len(queries)):
        others = [i for i in range(len(references)) if not (same and i == q)]
        key = {i: exact_distance(queries[q], references[i], metric) for i in others}
        others.sort(key=lambda i: (key[i], codes[i] == query_codes[q]))
        ranks = [rank for rank, i in enumerate(others, start=1) if codes[i] == query_codes[q]]
        if ranks:
            deepest = len(others) if depth is None else max(depth, len(ranks))
            found[q] = [rank if rank <= deepest else BEYOND for rank in ranks]
    return found


def as_dict(found):
    table = {}
    for rows, ranks in found:
        for row, line in zip(rows.tolist(), ranks.tolist(), strict=True):
            assert row not in table
            table[row] = line
    return table


@st.composite
def scenes(draw):
    """Few points on a coarse grid, so that many are equal or equally far; no point is zero."""
    n = draw(st.integers(2, 24))
    point = st.tuples(st.integers(1, 4), st.integers(-2, 2), st.integers(-2, 2))
    x = np.array(draw(st.lists(point, min_size=n, max_size=n)), np.float32)
    codes = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    return x, codes


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=40)
@given(
    depth=st.sampled_from([1, 3, None]),
    scene=scenes(),
    side=st.sampled_from([1, 3, 5, 1024]),
    spare=st.sampled_from([0, 1, 8]),
    few=st.sampled_from([0, 2, 64]),
)
def test_self_search_equals_sorting_fractions(metric, depth, scene, side, spare, few):
    x, codes = scene
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SIDE", side)
        patch.setattr(module, "SPARE", spare)
        patch.setattr(module, "FEW", few)  # tile by tile, or row by row
        found = as_dict(own_ranks(x, codes, None, None, metric, depth))
    assert found == slow_ranks(x, codes, x, codes, metric, depth, same=True)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=40)
@given(depth=st.sampled_from([1, 3, None]), scene=scenes(), asked=scenes(), side=st.sampled_from([1, 3, 1024]))
def test_queries_among_references_equal_sorting_fractions(metric, depth, scene, asked, side):
    (x, codes), (queries, query_codes) = scene, asked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SIDE", side)
        patch.setattr("lookalike.distances.BLOCK_NUMBERS", 60)  # several strips and runs
        found = as_dict(own_ranks(queries, query_codes, x, codes, metric, depth))
    assert found == slow_ranks(queries, query_codes, x, codes, metric, depth, same=False)


def crowd(n, d, seed, identities=20):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, identities, n)
    return (rng.normal(size=(identities, d))[codes] + rng.normal(size=(n, d))), codes


def plain_ranks(x, codes, distances):
    """Sorting float64 distances, which have no ties here."""
    found = {}
    for q in range(len(x)):
        order = [i for i in np.argsort(distances[q]) if i != q]
        found[q] = [rank for rank, i in enumerate(order, start=1) if codes[i] == codes[q]]
    return found


@pytest.mark.parametrize("block_numbers", [2000, 16_777_216])
@pytest.mark.parametrize("depth", [10, None])
def test_many_blocks_mirrored_or_not(depth, block_numbers, monkeypatch):
    x, codes = crowd(300, 8, seed=1)
    truth = plain_ranks(x, codes, ((x[:, None] - x) ** 2).sum(axis=2))
    monkeypatch.setattr(module, "SIDE", 64)
    monkeypatch.setattr("lookalike.distances.BLOCK_NUMBERS", block_numbers)
    for q, ranks in as_dict(own_ranks(x, codes, None, None, "euclidean", depth)).items():
        deepest = len(x) if depth is None else max(depth, len(truth[q]))
        assert ranks == [rank if rank <= deepest else BEYOND for rank in truth[q]]


@pytest.mark.parametrize("depth", [5, None])
def test_far_from_the_origin_rounding_does_not_matter(depth):
    """In float32, |x|² + |y|² - 2xy of these has no right digit."""
    x, codes = crowd(200, 4, seed=2)
    x = x + 1e5
    truth = plain_ranks(x, codes, ((x[:, None] - x) ** 2).sum(axis=2))
    for q, ranks in as_dict(own_ranks(x, codes, None, None, "euclidean", depth)).items():
        deepest = len(x) if depth is None else max(depth, len(truth[q]))
        assert ranks == [rank if rank <= deepest else BEYOND for rank in truth[q]]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e305])
def test_scale_does_not_matter(metric, scale):
    x, codes = crowd(60, 3, seed=3)
    plain = as_dict(own_ranks(x, codes, None, None, metric, None))
    assert as_dict(own_ranks(x * scale, codes, None, None, metric, None)) == plain


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.float16, bool])
def test_whole_numbers_of_any_width(dtype):
    x = (
        np.array([[-128, 1], [127, 1], [-128, 0], [100, 1]])
        .clip(0 if dtype in (np.uint8, bool) else -128)
        .astype(dtype)
    )
    codes = np.array([0, 1, 0, 1])
    assert as_dict(own_ranks(x, codes, None, None, "manhattan", None)) == slow_ranks(
        x, codes, x, codes, "manhattan", None, same=True
    )


def test_nearly_equal_vectors_are_distinguished():
    """A collapsed model: all vectors are almost one, and cosine distances are far below float32's last digit."""
    x, codes = crowd(100, 6, seed=4)
    almost = 1 + 1e-6 * x
    unit = almost / np.linalg.norm(almost, axis=1, keepdims=True)
    truth = plain_ranks(x, codes, ((unit[:, None] - unit) ** 2).sum(axis=2))
    assert as_dict(own_ranks(almost, codes, None, None, "cosine", None)) == truth


def test_a_model_that_makes_everything_one_is_seen_at_once():
    """All is equally near: nobody of the own is in reach, and no search is in doubt."""
    x, codes = np.ones((3000, 8), np.float32), np.arange(3000) // 3
    assert all((ranks == BEYOND).all() for _, ranks in own_ranks(x, codes, None, None, "cosine", 5))


def test_copies_of_different_lengths_tie_under_cosine():
    x = np.array([[1.0, 2.0], [3.0, 6.0], [0.1, 0.2], [7.0, 14.0]])
    found = as_dict(own_ranks(x, np.array([0, 0, 1, 2]), None, None, "cosine", None))
    assert found == {0: [3], 1: [3]}


@pytest.mark.parametrize("metric", METRICS)
def test_a_search_in_doubt_is_looked_up_whole(metric, monkeypatch):
    """Rounding as large as the distances themselves makes every product worthless; the ranks stay right."""
    x, codes = crowd(80, 3, seed=5)
    plain = as_dict(own_ranks(x, codes, None, None, metric, 3))
    init = module.RoundedDistances.__init__

    def coarse(self, *arguments):
        init(self, *arguments)
        self._rounding = 0.05

    monkeypatch.setattr(module.RoundedDistances, "__init__", coarse)
    looked_up = []
    whole = module._whole_ranks
    monkeypatch.setattr(module, "_whole_ranks", lambda *a: looked_up.append(len(a[2])) or whole(*a))
    monkeypatch.setattr(module, "SPARE", 0)
    assert as_dict(own_ranks(x, codes, None, None, metric, 3)) == plain
    assert sum(looked_up) > 0


@pytest.mark.parametrize(
    ("metric", "x", "message"),
    [
        ("cosine", [[1.0], [0.0]], "vector 1 is all zeros"),
        ("cosine", [[1.0, 1.0], [1.7e308, 1.7e308]], "the length of vector 1 overflows float64"),
        ("chebyshev", [[1.0], [2.0]], "unknown"),
    ],
)
def test_bad_input(metric, x, message):
    vectors, codes = np.array(x), np.array([0, 0])
    with pytest.raises(VectorError, match=message):
        list(own_ranks(vectors, codes, None, None, metric, 1))
