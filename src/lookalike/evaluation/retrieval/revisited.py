"""Revisited Oxford and Paris: three protocols over one ranking, with images that are ignored.

Every query has images that show its landmark clearly (easy), with difficulty (hard), or too badly to judge (junk).

| protocol | must be found | ignored |
|---|---|---|
| easy | easy | hard, junk |
| medium | easy, hard | junk |
| hard | hard | easy, junk |

Ignored images are removed from the ranking before anything is measured. Average precision is the area under the
precision-recall curve by trapezoids, as in the authors' evaluation since Oxford 5k; it differs from the usual sum.

Source: Radenović, Iscen, Tolias, Avrithis & Chum, "Revisiting Oxford and Paris: Large-Scale Image Retrieval
Benchmarking" (2018), and their program `compute_map`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lookalike.datasets.revisited_oxford import QueryTruth, read_truth
from lookalike.distances import MetricName, blocks, pairwise
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.labels import checked_vectors

__all__ = [
    "ProtocolResult",
    "QueryTruth",
    "RevisitedResult",
    "read_truth",
    "revisited",
    "revisited_from_vectors",
    "trapezoidal_average_precision",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Protocol -> what must be found.
PROTOCOLS = {"easy": ("easy",), "medium": ("easy", "hard"), "hard": ("hard",)}
#: Share of the largest distance of a query by which two of its distances may differ and still be equal.
TIE = 1e-12


@dataclass(frozen=True)
class ProtocolResult:
    """One protocol over all queries that have something to find under it.

    Attributes:
        mean_average_precision: mean of the trapezoidal average precision.
        precision: per k, mean share of positives among the k nearest; where the last positive stands before place k,
            only the places down to it count.
        queries: how many took part.
        left_out: queries with nothing to find under this protocol.
        average_precision: `(queries + left_out,)`, NaN where left out.
    """

    mean_average_precision: float
    precision: Mapping[int, float]
    queries: int
    left_out: int
    average_precision: Floats = field(repr=False, compare=False)


@dataclass(frozen=True)
class RevisitedResult:
    """The three protocols; None where no query has anything to find."""

    easy: ProtocolResult | None
    medium: ProtocolResult | None
    hard: ProtocolResult | None


def trapezoidal_average_precision(ranks: npt.ArrayLike, positives: int) -> float:
    """Area under the precision-recall curve, a trapezoid for every positive.

    Args:
        ranks: ascending places of the positives that were found, from 0.
        positives: how many there are, at least 1; those not found add nothing.

    Example:
        >>> trapezoidal_average_precision([0, 2], 2)
        0.7916666666666666
    """
    places = np.asarray(ranks, np.int64)
    before = np.arange(len(places))
    left = np.where(places == 0, 1.0, before / np.maximum(places, 1))
    right = (before + 1) / (places + 1)
    return float((left + right).sum() / (2 * positives))


def revisited(ranking: npt.ArrayLike, truth: Sequence[QueryTruth], ks: Sequence[int] = (1, 5, 10)) -> RevisitedResult:
    """Easy, medium and hard from rankings.

    Args:
        ranking: `(q, n)` positions in the database, nearest first (the original program takes the transpose). Rows may
            stop before all of the database is ranked; positives beyond are then not found.
        truth: one per query.
        ks: for the mean precision.

    Raises:
        VectorError: the ranking is no table of positions, or a row holds one twice.
        InputError: not one truth per query, nothing to find at all, or a k below 1.

    Example:
        >>> result = revisited([[3, 0, 2, 1]], [QueryTruth(easy=(0,), hard=(1,), junk=(3,))], ks=[1])
        >>> result.easy.mean_average_precision, result.hard.mean_average_precision
        (1.0, 0.25)
    """
    table = np.asarray(ranking)
    if table.ndim != 2 or table.dtype.kind not in "iu" or (table.size and table.min() < 0):
        raise VectorError(
            f"the ranking has shape {table.shape} and dtype {table.dtype}; expected (queries, places) positions from 0"
        )
    for query, row in enumerate(table):
        if len(np.unique(row)) < len(row):
            raise VectorError(f"ranking[{query}] holds an image twice; every image has one place")
    _check(truth, ks, len(table))

    def places(query: int, positives: Integers, ignored: Integers) -> Integers:
        row = table[query]
        found = np.flatnonzero(np.isin(row, positives))
        return np.asarray(found - np.cumsum(np.isin(row, ignored))[found])

    return _measured(places, truth, ks)


def revisited_from_vectors(
    queries: npt.ArrayLike,
    references: npt.ArrayLike,
    truth: Sequence[QueryTruth],
    metric: MetricName = "cosine",
    ks: Sequence[int] = (1, 5, 10),
) -> RevisitedResult:
    """Easy, medium and hard from vectors, by exact distances; where distances tie, positives come last.

    Args:
        queries: `(q, d)` vectors of the queries, cropped as the data set says.
        references: `(n, d)` vectors of the database.
        truth: one per query.
        metric: name of the distance.
        ks: for the mean precision.

    Raises:
        VectorError: wrong shapes, NaN or other dimensions.
        InputError: not one truth per query, a position beyond the database, nothing to find at all, or a k below 1.

    Example:
        >>> truth = [QueryTruth(easy=(0,), hard=(1,))]
        >>> result = revisited_from_vectors([[0.0]], [[0.1], [3.0], [2.0]], truth, "euclidean", ks=[1])
        >>> result.easy.mean_average_precision, result.hard.mean_average_precision
        (1.0, 0.25)
    """
    asked, database = checked_vectors(queries, "queries"), checked_vectors(references, "references")
    _check(truth, ks, len(asked))
    for query, one in enumerate(truth):
        beyond = max((*one.easy, *one.hard, *one.junk), default=0)
        if beyond >= len(database):
            raise InputError(f"query {query} names image {beyond}, but the database has {len(database)}, from 0")
    rows: dict[int, Floats] = {}
    starts = {part.start: part for part in blocks(len(asked), 2 * len(database))}

    def places(query: int, positives: Integers, ignored: Integers) -> Integers:
        if query not in rows:
            # Queries come in order, each under all protocols: one block of distances is held at a time.
            part = starts[max(start for start in starts if start <= query)]
            block = pairwise(asked[part].astype(np.float64), database.astype(np.float64), metric)
            rows.clear()
            rows.update(zip(range(part.start, part.stop), block, strict=True))
        row = rows[query]
        own = np.sort(row[positives])
        others = np.ones(len(row), bool)
        others[positives] = others[ignored] = False
        ahead = np.searchsorted(np.sort(row[others]), own + TIE * np.abs(row).max(), side="right")
        return np.asarray(np.arange(len(own)) + ahead)

    return _measured(places, truth, ks)


def _check(truth: Sequence[QueryTruth], ks: Sequence[int], queries: int) -> None:
    if len(truth) != queries:
        raise InputError(f"{len(truth)} truths were given for {queries} queries; each query needs one")
    if not any(one.easy or one.hard for one in truth):
        raise InputError(f"none of {queries} queries has an easy or hard image to find; check the ground truth")
    if any(k < 1 for k in ks):
        raise InputError(f"ks are {list(ks)}; places start at 1")


def _measured(
    places: Callable[[int, Integers, Integers], Integers], truth: Sequence[QueryTruth], ks: Sequence[int]
) -> RevisitedResult:
    """All protocols from the places (from 0) of the positives that were found, ignored images taken out."""
    average = {protocol: np.full(len(truth), np.nan) for protocol in PROTOCOLS}
    precision = {protocol: np.full((len(truth), len(ks)), np.nan) for protocol in PROTOCOLS}
    for query, one in enumerate(truth):
        for protocol, kinds in PROTOCOLS.items():
            groups: dict[bool, list[int]] = {True: [], False: []}
            for kind in ("easy", "hard", "junk"):
                groups[kind in kinds].extend(getattr(one, kind))
            positives, ignored = (np.array(groups[wanted], np.int64) for wanted in (True, False))
            if not len(positives):
                continue
            found = places(query, positives, ignored)
            average[protocol][query] = trapezoidal_average_precision(found, len(positives))
            for column, k in enumerate(ks):
                # Places after the last positive hold nothing that could be found; where one was not found, they might.
                down_to = min(int(found[-1]) + 1, k) if len(found) == len(positives) else k
                precision[protocol][query, column] = (found < down_to).sum() / down_to
    return RevisitedResult(**{name: _mean(average[name], precision[name], ks) for name in PROTOCOLS})


def _mean(average: Floats, precision: Floats, ks: Sequence[int]) -> ProtocolResult | None:
    used = ~np.isnan(average)
    if not used.any():
        return None
    return ProtocolResult(
        mean_average_precision=float(average[used].mean()),
        precision={k: float(precision[used, column].mean()) for column, k in enumerate(ks)},
        queries=int(used.sum()),
        left_out=int((~used).sum()),
        average_precision=average,
    )
