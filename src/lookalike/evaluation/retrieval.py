"""Retrieval: every picture is searched among all the others; how many of its own come back, and how early?

Where distances tie, pictures of other identities come first, so that equal vectors never flatter, and the
order of the pictures does not matter.

Source: Musgrave, Belongie & Lim, "A Metric Learning Reality Check" (2020) for R-precision and MAP@R.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, blocks, pairwise
from lookalike.errors import InputError
from lookalike.evaluation.labels import checked_vectors, identity_codes

__all__ = ["RetrievalResult", "self_retrieval"]


@dataclass(frozen=True)
class RetrievalResult:
    """Means over all queries that have another picture of their identity.

    Attributes:
        recall: per k, share of queries with at least one of their own among the k nearest.
        precision: per k, mean share of their own among the k nearest.
        r_precision: mean share of their own among the R nearest, R being how many there are.
        map_at_r: mean over queries of ``1/R sum_{i<=R} precision(i) [i-th is own]``.
        queries: how many pictures were searched for.
        left_out: pictures whose identity has no other picture; they are distractors only.
    """

    recall: Mapping[int, float]
    precision: Mapping[int, float]
    r_precision: float
    map_at_r: float
    queries: int
    left_out: int


def self_retrieval(
    embeddings: npt.ArrayLike, labels: Any, metric: MetricName = "cosine", ks: Sequence[int] = (1, 5, 10)
) -> RetrievalResult:
    """Search every picture among all others, exactly and in blocks.

    Args:
        embeddings: `(n, d)` vectors.
        labels: `(n,)` integers or strings.
        metric: name of the distance.
        ks: for recall@k and precision@k; those above n - 1 are an error.

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
    if not ks or min(ks) < 1 or max(ks) > n - 1:
        raise InputError(f"ks are {list(ks)}; each must be from 1 to {n - 1}, the number of other pictures")
    own = np.bincount(codes)[codes] - 1
    depth = max(int(own.max()), *ks)
    queries = np.flatnonzero(own > 0)
    ranks = np.arange(1, depth + 1)
    hits_at = np.zeros(len(ks))
    found_at = np.zeros(len(ks))
    r_precision = map_at_r = 0.0
    for rows in blocks(len(queries), n):
        block = queries[rows]
        relevant = _relevance(np.asarray(pairwise(vectors[block], vectors, metric)), block, codes, depth)
        found = np.cumsum(relevant, axis=1)
        for i, k in enumerate(ks):
            hits_at[i] += (found[:, k - 1] > 0).sum()
            found_at[i] += found[:, k - 1].sum() / k
        r = own[block]
        r_precision += float((found[np.arange(len(block)), r - 1] / r).sum())
        within = relevant & (ranks <= r[:, None])
        map_at_r += float(((found / ranks * within).sum(axis=1) / r).sum())
    count = len(queries)
    return RetrievalResult(
        recall={k: float(hits_at[i] / count) for i, k in enumerate(ks)},
        precision={k: float(found_at[i] / count) for i, k in enumerate(ks)},
        r_precision=r_precision / count,
        map_at_r=map_at_r / count,
        queries=count,
        left_out=n - count,
    )


def _relevance(
    distances: npt.NDArray[Any], queries: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], depth: int
) -> npt.NDArray[np.bool_]:
    """`(b, depth)`: whether the 1st, 2nd, … nearest other picture is of the query's identity."""
    distances = distances.copy()
    distances[np.arange(len(queries)), queries] = np.inf  # nobody finds himself
    own = codes == codes[queries][:, None]
    limit = np.partition(distances, depth - 1, axis=1)[:, depth - 1]
    relevant = np.empty((len(queries), depth), bool)
    for row, (line, mine, farthest) in enumerate(zip(distances, own, limit, strict=True)):
        close = np.flatnonzero(line <= farthest)
        relevant[row] = mine[close[np.lexsort((mine[close], line[close]))[:depth]]]
    return relevant
