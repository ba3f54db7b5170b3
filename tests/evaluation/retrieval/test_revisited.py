"""Revisited Oxford and Paris, against a transcription of the authors' loops (0-based ranks, junk stepped over)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.retrieval.revisited import (
    QueryTruth,
    revisited,
    revisited_from_vectors,
    trapezoidal_average_precision,
)

KS = (1, 3, 10)


def slow_protocol(ranking, wanted, ignored, ks):
    """Walk down the ranking; what is ignored takes no place. None where nothing is wanted."""
    if not wanted:
        return None
    places, place = [], 0
    for image in ranking:
        if image in ignored:
            continue
        if image in wanted:
            places.append(place)
        place += 1
    area = 0.0
    for found, rank in enumerate(places):
        left = 1.0 if rank == 0 else found / rank
        right = (found + 1) / (rank + 1)
        area += (left + right) / 2 * (1 / len(wanted))
    shares = []
    for k in ks:
        last = min(max(places) + 1, k)
        shares.append(sum(rank + 1 <= last for rank in places) / last)
    return area, shares


def slow_revisited(ranking, truth, ks):
    table = {}
    for name, wanted, ignored in (
        ("easy", lambda t: {*t.easy}, lambda t: {*t.junk, *t.hard}),
        ("medium", lambda t: {*t.easy, *t.hard}, lambda t: {*t.junk}),
        ("hard", lambda t: {*t.hard}, lambda t: {*t.junk, *t.easy}),
    ):
        lines = [slow_protocol(row, wanted(t), ignored(t), ks) for row, t in zip(ranking, truth, strict=True)]
        table[name] = [line for line in lines if line is not None]
    return table


@st.composite
def cases(draw):
    n = draw(st.integers(2, 15))
    truth, ranking = [], []
    for _ in range(draw(st.integers(1, 5))):
        kinds = draw(st.lists(st.sampled_from("ehj."), min_size=n, max_size=n))
        lists = (tuple(i for i, kind in enumerate(kinds) if kind == wanted) for wanted in "ehj")
        truth.append(QueryTruth(*lists))
        ranking.append(draw(st.permutations(range(n))))
    truth[0] = QueryTruth(easy=(0,), hard=truth[0].hard[1:], junk=()) if 0 not in truth[0].hard[1:] else truth[0]
    return np.array(ranking), truth


def check(result, expected, ks):
    for name, lines in expected.items():
        found = getattr(result, name)
        if not lines:
            assert found is None
            continue
        assert found.mean_average_precision == pytest.approx(np.mean([area for area, _ in lines]))
        shares = np.mean([shares for _, shares in lines], axis=0)
        assert [found.precision[k] for k in ks] == pytest.approx(shares.tolist())
        assert found.queries == len(lines)


@given(cases())
def test_equals_the_authors_loops(case):
    ranking, truth = case
    result = revisited(ranking, truth, KS)
    check(result, slow_revisited(ranking, truth, KS), KS)
    for protocol in (result.easy, result.medium, result.hard):
        if protocol is not None:
            assert protocol.queries + protocol.left_out == len(truth)
            assert 0 <= protocol.mean_average_precision <= 1 + 1e-12


@given(cases(), st.integers(0, 2**32 - 1))
def test_vectors_with_ties_rank_positives_last(case, seed):
    ranking, truth = case
    queries, n = ranking.shape
    rng = np.random.default_rng(seed)
    x, q = rng.integers(0, 5, (n, 1)).astype(np.float32), rng.integers(0, 5, (queries, 1)).astype(np.float32)
    for name, wanted in (("easy", ("easy",)), ("medium", ("easy", "hard")), ("hard", ("hard",))):
        rows = []
        for query, one in enumerate(truth):
            positive = {i for kind in wanted for i in getattr(one, kind)}
            rows.append(sorted(range(n), key=lambda i: (abs(x[i, 0] - q[query, 0]), i in positive)))
        expected = slow_revisited(np.array(rows), truth, KS)[name]
        check(revisited_from_vectors(q, x, truth, "euclidean", KS), {name: expected}, KS)


def test_vectors_in_blocks_equal_their_ranking(monkeypatch):
    rng = np.random.default_rng(0)
    x, q = rng.normal(size=(60, 4)), rng.normal(size=(7, 4))
    truth = [QueryTruth(*(tuple(part) for part in np.split(rng.permutation(60)[:12], 3))) for _ in range(7)]
    order = np.argsort(((q[:, None] - x) ** 2).sum(axis=2), axis=1)
    monkeypatch.setattr("lookalike.distances.BLOCK_NUMBERS", 250)  # two queries a block
    assert revisited_from_vectors(q, x, truth, "euclidean") == revisited(order, truth)


def test_junk_takes_no_place():
    truth = [QueryTruth(easy=(4,), junk=(0, 1, 2, 3))]
    assert revisited([[0, 1, 2, 3, 4]], truth).easy.mean_average_precision == 1
    assert revisited([[0, 1, 2, 3, 4]], [QueryTruth(easy=(4,))]).easy.mean_average_precision == pytest.approx(0.1)


def test_each_protocol_ignores_what_the_other_seeks():
    result = revisited([[0, 1, 2]], [QueryTruth(easy=(0,), hard=(1,), junk=())])
    assert [p.mean_average_precision for p in (result.easy, result.medium, result.hard)] == [1, 1, 1]


def test_the_area_is_no_sum():
    """One positive at the second place: precision 1/2 there, but the trapezoid from 0 to 1/2 has area 1/4."""
    assert trapezoidal_average_precision([1], 1) == 0.25
    assert trapezoidal_average_precision([], 3) == 0


def test_queries_with_nothing_to_find_are_left_out():
    truth = [QueryTruth(easy=(0,)), QueryTruth(hard=(1,)), QueryTruth(junk=(0,))]
    result = revisited([[0, 1], [0, 1], [0, 1]], truth)
    assert [(p.queries, p.left_out) for p in (result.easy, result.medium, result.hard)] == [(1, 2), (2, 1), (1, 2)]
    assert np.isnan(result.easy.average_precision).tolist() == [False, True, True]
    assert revisited([[0, 1]], truth[:1]).hard is None


def test_precision_stops_at_the_last_positive_only_where_all_were_found():
    truth = [QueryTruth(easy=(0, 1))]
    assert revisited([[0, 1, 2, 3]], truth, (10,)).easy.precision[10] == 1
    cut = revisited([[0, 2, 3]], truth, (10,)).easy
    assert cut.precision[10] == pytest.approx(0.1), "the second may be anywhere beyond"
    assert cut.mean_average_precision == 0.5


@pytest.mark.parametrize(
    ("run", "error", "message"),
    [
        (lambda: revisited([0, 1], [QueryTruth((0,))]), VectorError, "expected \\(queries, places\\)"),
        (lambda: revisited([[0.0]], [QueryTruth((0,))]), VectorError, "positions from 0"),
        (lambda: revisited([[0, -1]], [QueryTruth((0,))]), VectorError, "positions from 0"),
        (lambda: revisited([[0, 0]], [QueryTruth((0,))]), VectorError, "holds an image twice"),
        (lambda: revisited([[0]], []), InputError, "0 truths were given for 1 queries"),
        (lambda: revisited([[0]], [QueryTruth(junk=(0,))]), InputError, "check the ground truth"),
        (lambda: revisited([[0]], [QueryTruth((0,))], (0,)), InputError, "places start at 1"),
        (lambda: revisited_from_vectors([[1.0]], [[1.0]], [QueryTruth((3,))]), InputError, "names image 3"),
        (lambda: revisited_from_vectors([[1.0]], [[1.0, 2.0]], [QueryTruth((0,))]), VectorError, "dimensions"),
    ],
)
def test_bad_input(run, error, message):
    with pytest.raises(error, match=message):
        run()
