"""Retrieval: the pictures of a query's identity among the pictures nearest to it.

Either every picture is searched among all the others (`self_retrieval`), or queries among references
(`query_retrieval`). A picture is excluded from its own ranking by its position, not by its distance: a copy of it under
another name is found like any other. Where distances tie, pictures of other identities come first, so that equal
vectors never improve a figure, and the order of the pictures does not matter.

Source: Musgrave, Belongie & Lim, "A Metric Learning Reality Check" (2020) for R-precision and MAP@R; Manning, Raghavan
& Schütze, *Introduction to Information Retrieval* (2008), chapter 8, for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.evaluation.retrieval.own_ranks import own_ranks

__all__ = ["PerQuery", "RetrievalResult", "query_retrieval", "self_retrieval"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PerQuery:
    """The numbers behind the means: arrays with one entry per query that was not left out, in the order given.

    Attributes:
        positions: `(q,)` which of the given pictures it is.
        own: `(q,)` how many references are of its identity.
        recall: per k, `(q,)` bool: whether any of its own is among the k nearest.
        precision: per k, `(q,)` share of its own among the k nearest.
        map_at_k: per k, `(q,)` average precision of the k nearest.
        r_precision: `(q,)`.
        map_at_r: `(q,)` average precision at R.
        average_precision: `(q,)` over the whole ranking; None when that was not asked for.
    """

    positions: Integers
    own: Integers
    recall: Mapping[int, npt.NDArray[np.bool_]]
    precision: Mapping[int, Floats]
    map_at_k: Mapping[int, Floats]
    r_precision: Floats
    map_at_r: Floats
    average_precision: Floats | None


@dataclass(frozen=True)
class RetrievalResult:
    """Means over all queries that have a reference of their identity.

    Attributes:
        recall: per k, share of queries with at least one of their own among the k nearest.
        precision: per k, mean share of their own among the k nearest; k is the divisor even where a query has fewer.
        r_precision: mean share of their own among the R nearest, R being how many there are.
        map_at_r: mean over queries of ``1/R sum_{i<=R} precision(i) [i-th is own]``.
        queries: how many pictures were searched for.
        left_out: pictures whose identity has no reference. Searched among themselves, they are distractors only.
        mean_average_precision: mean over queries of ``1/R sum_i precision(i) [i-th is own]`` over the whole ranking;
            None when that was not asked for.
        map_at_k: per k, mean over queries of ``1/min(R, k) sum_{i<=k} precision(i) [i-th is own]``, as Google Landmarks
            counts at 100.
        per_query: the numbers behind the means.
    """

    recall: Mapping[int, float]
    precision: Mapping[int, float]
    r_precision: float
    map_at_r: float
    queries: int
    left_out: int
    mean_average_precision: float | None = None
    map_at_k: Mapping[int, float] = field(default_factory=dict)
    per_query: PerQuery | None = field(default=None, repr=False, compare=False)


def self_retrieval(
    embeddings: npt.ArrayLike,
    labels: Any,
    metric: MetricName = "cosine",
    ks: Sequence[int] = (1, 5, 10),
    *,
    whole_ranking: bool = False,
) -> RetrievalResult:
    """Search every picture among all others, exactly and in blocks.

    Args:
        embeddings: `(n, d)` vectors.
        labels: `(n,)` integers or strings.
        metric: name of the distance.
        ks: for recall@k and precision@k; those above n - 1 are an error.
        whole_ranking: also the mean average precision, for which all distances are compared, not only the nearest;
            it takes several times as long.

    Raises:
        VectorError: wrong shapes, NaN, or not one label per vector.
        InputError: no identity with two pictures, or a k outside 1 to n - 1.

    Example:
        >>> self_retrieval([[0.0], [0.1], [1.0], [1.1]], ["a", "a", "b", "b"], "euclidean", ks=[1]).map_at_r
        1.0
    """
    vectors = checked_vectors(embeddings)
    n = len(vectors)
    codes, names = identity_codes(labels, n)
    if len(names) == n:
        raise InputError(f"each of {n} identities has one picture; at least one needs 2 to be found again")
    _check_ks(ks, n - 1, "the number of other pictures")
    ranks = own_ranks(vectors, codes, None, None, metric, None if whole_ranking else max(ks))
    return _result(ranks, n, ks, whole_ranking)


def query_retrieval(
    queries: npt.ArrayLike,
    query_labels: Any,
    references: npt.ArrayLike,
    reference_labels: Any,
    metric: MetricName = "cosine",
    ks: Sequence[int] = (1, 5, 10),
    *,
    whole_ranking: bool = False,
) -> RetrievalResult:
    """Search queries among references, exactly and in blocks; a picture given as both finds itself.

    Args:
        queries: `(q, d)` vectors.
        query_labels: `(q,)` integers or strings; a query whose label no reference has is left out and counted.
        references: `(n, d)` vectors.
        reference_labels: `(n,)`.
        metric: name of the distance.
        ks: for recall@k and precision@k; those above n are an error.
        whole_ranking: as for `self_retrieval`.

    Raises:
        VectorError: wrong shapes, NaN, other dimensions, or not one label per vector.
        InputError: no query has a reference of its identity, or a k outside 1 to n.

    Example:
        >>> result = query_retrieval([[0.2], [9.0]], ["a", "c"], [[0.0], [0.3]], ["a", "b"], "euclidean", ks=[1, 2])
        >>> result.recall, result.queries, result.left_out
        ({1: 0.0, 2: 1.0}, 1, 1)
    """
    asked, searched = checked_vectors(queries, "queries"), checked_vectors(references, "references")
    if asked.shape[1] != searched.shape[1]:
        raise VectorError(
            f"queries have {asked.shape[1]} dimensions and references {searched.shape[1]}; embed both with one model"
        )
    codes, names = identity_codes(reference_labels, len(searched))
    query_codes, query_names = identity_codes(query_labels, len(asked))
    # One numbering for both sides; identities without a reference come last.
    number = {name: code for code, name in enumerate(names)}
    shown = np.array([number.get(name, len(names) + i) for i, name in enumerate(query_names)])[query_codes]
    if (shown >= len(names)).all():
        raise InputError(
            f"none of {len(asked)} queries is of an identity that the {len(searched)} references show; "
            "check that both name identities alike"
        )
    _check_ks(ks, len(searched), "the number of references")
    ranks = own_ranks(asked, shown, searched, codes, metric, None if whole_ranking else max(ks))
    return _result(ranks, len(asked), ks, whole_ranking)


def _check_ks(ks: Sequence[int], largest: int, what: str) -> None:
    if not ks or min(ks) < 1 or max(ks) > largest:
        raise InputError(f"ks are {list(ks)}; each must be from 1 to {largest}, {what}")


def _result(found: Iterable[tuple[Integers, Integers]], given: int, ks: Sequence[int], whole: bool) -> RetrievalResult:
    """Everything from the ranks of the own alone."""
    own = np.zeros(given, np.int64)
    within, at_k = np.zeros((2, len(ks), given))
    r_precision, at_r, average = np.zeros(given), np.zeros(given), np.zeros(given)
    for rows, ranks in found:
        r = ranks.shape[1]
        own[rows] = r
        precision = np.arange(1, r + 1) / ranks  # at each of the own
        near = ranks <= r
        r_precision[rows] = near.sum(axis=1) / r
        at_r[rows] = (precision * near).sum(axis=1) / r
        average[rows] = precision.sum(axis=1) / r
        for i, k in enumerate(ks):
            within[i, rows] = (ranks <= k).sum(axis=1)
            at_k[i, rows] = (precision * (ranks <= k)).sum(axis=1) / min(r, k)
    positions = np.flatnonzero(own)
    per_query = PerQuery(
        positions=positions,
        own=own[positions],
        recall={k: within[i, positions] > 0 for i, k in enumerate(ks)},
        precision={k: within[i, positions] / k for i, k in enumerate(ks)},
        map_at_k={k: at_k[i, positions] for i, k in enumerate(ks)},
        r_precision=r_precision[positions],
        map_at_r=at_r[positions],
        average_precision=average[positions] if whole else None,
    )
    return RetrievalResult(
        recall={k: float(hits.mean()) for k, hits in per_query.recall.items()},
        precision={k: float(shares.mean()) for k, shares in per_query.precision.items()},
        r_precision=float(per_query.r_precision.mean()),
        map_at_r=float(per_query.map_at_r.mean()),
        queries=len(positions),
        left_out=given - len(positions),
        mean_average_precision=float(average[positions].mean()) if whole else None,
        map_at_k={k: float(values.mean()) for k, values in per_query.map_at_k.items()},
        per_query=per_query,
    )
