"""Exact search of probes in a gallery of up to millions: ranks of mates, distances of the nearest identities.

Every probe is compared with every enrolled picture; an identity is as near as its nearest picture. The gallery is read
a block at a time, whole identities together, so memory does not grow with probes × gallery. A rank needs no sorting: it
is one more than the number of other identities that are no farther than the mate. Where distances tie, the mate comes
last: with equal vectors for all, no probe is identified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.distances import MetricName, blocks
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.exact_search.distance_blocks import (
    GALLERY_ROWS,
    PAIR_NUMBERS,
    Comparison,
    GalleryBlock,
    PairsWithin,
    row_workers,
)
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.progress import ProgressSink, counted

__all__ = ["Searches", "search"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Searches:
    """The result of every probe's search.

    Attributes:
        mated: `(q,)` bool, whether the probe's identity is enrolled.
        rank: `(q,)` int64, the rank of the mate among identities, 1 the nearest; 0 for non-mated probes.
        mate_distance: `(q,)` float64, to the mate's nearest picture; NaN for non-mated probes.
        top_distance: `(q,)` float64, to the nearest identity.
        enrolled: how many identities the gallery holds.
        identity: `(q,)` int64, the identity of the probe: probes of one identity share a number.
        within: `(q,)` int64, how many identities are within the distance asked for; None when none was.
    """

    mated: npt.NDArray[np.bool_]
    rank: Integers
    mate_distance: Floats
    top_distance: Floats
    enrolled: int
    identity: Integers
    within: Integers | None = None

    def cmc(self) -> Floats:
        """`(enrolled,)`: entry k - 1 is the share of mated searches with the mate at rank k or better."""
        counts = np.bincount(self.rank[self.mated], minlength=self.enrolled + 1)[1:]
        return np.asarray(np.cumsum(counts) / counts.sum())


def search(
    gallery: npt.ArrayLike | None,
    gallery_labels: Any,
    probes: npt.ArrayLike | None,
    probe_labels: Any,
    metric: MetricName = "cosine",
    *,
    distances: npt.ArrayLike | None = None,
    within: float | None = None,
    progress: ProgressSink | None = None,
) -> Searches:
    """Search every probe in the gallery, exactly and in blocks.

    The answers are those of float64; see `distance_blocks`. Probes, and a float32 copy of them, are held in memory; a
    gallery that is a memory map is read a block at a time (fastest where the pictures of an identity are together).

    Args:
        gallery: `(g, d)` enrolled vectors, or None when `distances` are given.
        gallery_labels: `(g,)` integers or strings.
        probes: `(q, d)` vectors, or None likewise.
        probe_labels: `(q,)`; a probe whose label is in the gallery is mated.
        metric: name of the distance.
        distances: `(q, g)` instead of vectors, for any other distance.
        within: count for every probe the identities at most this far.
        progress: gets an event after every block of gallery vectors.

    Raises:
        VectorError: wrong shapes, NaN, or not one label per vector.

    Example:
        >>> found = search([[0.0], [1.0], [5.0]], ["a", "b", "b"], [[0.8], [4.0]], ["a", "b"], "euclidean")
        >>> found.rank.tolist(), found.top_distance.round(6).tolist()
        ([2, 1], [0.2, 1.0])
    """
    if (gallery is None) != (probes is None) or (gallery is None) == (distances is None):
        raise VectorError("give either gallery and probes, or a matrix of distances (probes, gallery)")
    if within is not None and np.isnan(within):
        raise InputError("within is NaN; give a distance")
    if distances is not None:
        matrix = checked_vectors(distances, "distances")
        queries, enrolled = matrix.shape
    else:
        matrix = None
        vectors, comparison = as_array(gallery, "gallery vectors"), Comparison(probes, metric)  # type: ignore[arg-type]
        if not vectors.size:
            raise VectorError(f"gallery vectors have shape {vectors.shape}; at least one must be enrolled")
        comparison.check(vectors)
        queries, enrolled = len(comparison), len(vectors)
    # One numbering for both sides: a label that means one identity here means it there.
    gallery_codes, gallery_names = identity_codes(gallery_labels, enrolled)
    probe_codes, probe_names = identity_codes(probe_labels, queries)
    position = {name: number for number, name in enumerate(gallery_names)}
    mate = np.array([position.get(name, -1) for name in probe_names])[probe_codes]
    layout = _Layout.of(gallery_codes, len(gallery_names))
    if matrix is not None:
        found = _search_matrix(matrix, layout, mate, within)
    else:
        found = _search_vectors(comparison, vectors, layout, mate, within, counted(progress, "Searching", enrolled))
    rank, mate_distance, top_distance, near = found
    return Searches(mate >= 0, rank, mate_distance, top_distance, len(gallery_names), probe_codes, near)


@dataclass(frozen=True, eq=False)
class _Layout:
    """The gallery in order of identity.

    Attributes:
        order: `(g,)` positions of the pictures by identity; None when they are in that order already.
        starts: `(identities + 1,)` where each identity begins in that order.
    """

    order: Integers | None
    starts: Integers

    @classmethod
    def of(cls, codes: Integers, identities: int) -> _Layout:
        ordered = bool((codes[1:] >= codes[:-1]).all())
        counts = np.bincount(codes, minlength=identities)
        return cls(None if ordered else np.argsort(codes, kind="stable"), np.concatenate([[0], np.cumsum(counts)]))

    def taken(self, vectors: npt.NDArray[Any], positions: slice | Integers) -> npt.NDArray[Any]:
        """Vectors at positions of the order."""
        return np.asarray(vectors[positions if self.order is None else self.order[positions]])

    def parts(self) -> Iterator[tuple[int, int]]:
        """First and past-the-last identity of every block; an identity is never cut in two."""
        identities = len(self.starts) - 1
        first = 0
        while first < identities:
            last = int(np.searchsorted(self.starts, self.starts[first] + GALLERY_ROWS, side="right")) - 1
            last = max(first + 1, last)
            yield first, last
            first = last


_Found = tuple[Integers, Floats, Floats, Integers | None]


def _search_vectors(
    comparison: Comparison,
    gallery: npt.NDArray[Any],
    layout: _Layout,
    mate: Integers,
    within: float | None,
    done: Callable[[int], None],
) -> _Found:
    queries = len(mate)
    mate_distance = _mate_distances(comparison, gallery, layout, mate)
    rank = (mate >= 0).astype(np.int64)
    top_distance = np.full(queries, np.inf)
    near = None if within is None else np.zeros(queries, np.int64)

    def compare(rows: slice, block: GalleryBlock, identity: Integers) -> None:
        product = comparison.similarities(rows, block)
        top_distance[rows] = comparison.nearer(rows, block, top_distance[rows], product)
        others = comparison.within(rows, block, mate_distance[rows], product)
        rank[rows] += _identities(others, identity, rows, mate)
        if near is not None:
            limits = np.full(rows.stop - rows.start, within, np.float64)
            near[rows] += _identities(comparison.within(rows, block, limits, product), identity, rows)

    with row_workers(len(comparison.row_blocks(min(GALLERY_ROWS, len(gallery))))) as each:
        for first, last in layout.parts():
            start, stop = int(layout.starts[first]), int(layout.starts[last])
            block = comparison.block(layout.taken(gallery, slice(start, stop)))
            identity = np.repeat(np.arange(first, last), np.diff(layout.starts[first : last + 1]))
            each(partial(compare, block=block, identity=identity), comparison.row_blocks(stop - start))
            done(stop - start)
    return rank, mate_distance, top_distance, near


def _mate_distances(comparison: Comparison, gallery: npt.NDArray[Any], layout: _Layout, mate: Integers) -> Floats:
    """`(q,)` distance to the nearest picture of the mate, NaN without one."""
    found = np.full(len(mate), np.nan)
    known = np.flatnonzero(mate >= 0)
    known = known[np.argsort(mate[known], kind="stable")]  # a memory map is read in its order
    found[known] = np.inf
    sizes = np.diff(layout.starts)[mate[known]]
    ends = np.cumsum(sizes)
    step = max(1, PAIR_NUMBERS // gallery.shape[1])
    for start in range(0, int(ends[-1]) if len(ends) else 0, step):
        pair = np.arange(start, min(start + step, int(ends[-1])))
        at = np.searchsorted(ends, pair, side="right")
        positions = layout.starts[mate[known[at]]] + pair - (ends[at] - sizes[at])
        own = comparison.distances(known[at], layout.taken(gallery, positions), np.arange(len(pair)))
        np.minimum.at(found, known[at], own)
    return found


def _identities(pairs: PairsWithin, identity: Integers, rows: slice, skip: Integers | None = None) -> Integers:
    """`(rows,)` how many identities, other than `skip`, are among the pairs of every probe."""
    found = identity[pairs.columns]
    # Pairs are sorted by probe and then by identity: an identity is new where it differs from the pair before.
    new = np.ones(len(found), bool)
    new[1:] = (found[1:] != found[:-1]) | (pairs.rows[1:] != pairs.rows[:-1])
    if skip is not None:
        new &= found != skip[pairs.rows]
    return np.bincount(pairs.rows[new] - rows.start, minlength=rows.stop - rows.start)


def _search_matrix(matrix: npt.NDArray[Any], layout: _Layout, mate: Integers, within: float | None) -> _Found:
    queries = len(mate)
    rank = np.zeros(queries, np.int64)
    mate_distance = np.full(queries, np.nan)
    top_distance = np.empty(queries)
    near = None if within is None else np.empty(queries, np.int64)
    for rows in blocks(*matrix.shape):
        block = matrix[rows] if layout.order is None else matrix[rows][:, layout.order]
        nearest = np.minimum.reduceat(block, layout.starts[:-1], axis=1)  # (probes, identities)
        top_distance[rows] = nearest.min(axis=1)
        known = np.flatnonzero(mate[rows] >= 0)
        own = nearest[known, mate[rows][known]]
        mate_distance[rows.start + known] = own
        rank[rows.start + known] = (nearest[known] <= own[:, None]).sum(axis=1)
        if near is not None:
            near[rows] = (nearest <= within).sum(axis=1)
    return rank, mate_distance, top_distance, near
