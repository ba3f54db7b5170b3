"""The ranks at which each query finds the references of its identity: exact, in blocks.

A query's *own* references are those of its identity; its *others* are all the rest. Recall, precision, R-precision and
average precision need only the ranks of its own. A rank is one more than the number of references that come before:
own ones that are nearer, and others that are nearer *or equally near*. So equal distances never improve a figure.

Most of the work is one float32 matrix product per pair of blocks, of vectors centred on their mean, which keeps the
rounding small. Where rounding might change an order, distances are computed again in float64, pair by pair; so the
ranks are those of float64 distances, whatever the size of the blocks. Two distances are equal when they agree to 12
digits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike import distances
from lookalike.distances import MetricName, blocks
from lookalike.evaluation.exact_search.distance_blocks import row_workers
from lookalike.evaluation.exact_search.rounded_distances import RoundedDistances

__all__ = ["BEYOND", "own_ranks"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Stands for a rank that is deeper than was asked for.
BEYOND = np.iinfo(np.int64).max
#: Rows and columns of one matrix product: small enough to stay in the cache while it is searched.
SIDE = 1024
#: Others kept beyond the depth, because rounding may have put some in a wrong order.
SPARE = 8
#: Depth up to which tiles are searched: merging the results of tiles costs more the more is kept.
FEW = 64


class _Owners:
    """The own references of every query: references sorted by identity."""

    def __init__(self, query_codes: Integers, reference_codes: Integers, alone: bool) -> None:
        self.query_codes, self.reference_codes, self.alone = query_codes, reference_codes, alone
        self._sorted = np.argsort(reference_codes, kind="stable")
        known = max(int(query_codes.max()), int(reference_codes.max())) + 1
        counts = np.bincount(reference_codes, minlength=known)
        self._starts = np.cumsum(counts) - counts
        self._all = counts[query_codes]
        #: `(q,)` how many own references each query has, itself not among them.
        self.counts: Integers = self._all - alone

    def of(self, rows: Integers) -> Integers:
        """`(b, r)` positions of the own references of queries that all have r of them."""
        several = int(self._all[rows[0]])
        own: Integers = self._sorted[self._starts[self.query_codes[rows]][:, None] + np.arange(several)]
        return own[own != rows[:, None]].reshape(len(rows), -1) if self.alone else own

    def strike_out(self, line: npt.NDArray[Any], query: int) -> None:
        """Set a query's distances to its own references, and to itself, to infinity in `(n,)` distances to all."""
        start = self._starts[self.query_codes[query]]
        line[self._sorted[start : start + self._all[query]]] = np.inf

    def runs(self, rows: Integers, dimensions: int) -> Iterator[Integers]:
        """Cut queries, sorted by their number of own, into runs of one number, each small enough for one block."""
        counts = self.counts[rows]
        ends = [*(np.flatnonzero(np.diff(counts)) + 1).tolist(), len(rows)]
        start = 0
        for end in ends:
            run = rows[start:end]
            for part in blocks(len(run), 4 * int(counts[start] + 1) * dimensions):
                yield run[part]
            start = end


class _Nearest:
    """The nearest others of some queries so far, at most `keep` each; all further ones are at `limit` or more.

    Values and limits are rounded as products are. A limit never increases.
    """

    def __init__(self, limit: Floats, keep: int) -> None:
        # Compared with products in their own precision; rounded up, so that no reference is missed.
        self.limit = np.nextafter(limit.astype(np.float32), np.inf, dtype=np.float32)
        self.values = np.full((len(limit), keep), np.inf, np.float32)
        self.positions = np.full((len(limit), keep), -1, np.int64)

    def offer(self, queries: Integers, positions: Integers, values: npt.NDArray[Any]) -> None:
        """Take those that are nearer than what is kept; `queries` count from the first of these queries."""
        touched, row = np.unique(queries, return_inverse=True)
        keep = self.values.shape[1]
        rows = np.concatenate([np.repeat(np.arange(len(touched)), keep), row])
        every = np.concatenate([self.values[touched].ravel(), values])
        where = np.concatenate([self.positions[touched].ravel(), positions])
        order = np.lexsort((every, rows))
        sizes = np.bincount(row, minlength=len(touched)) + keep
        best = order[(np.cumsum(sizes) - sizes)[:, None] + np.arange(keep)]
        self.values[touched], self.positions[touched] = every[best], where[best]
        self.limit[touched] = np.minimum(self.limit[touched], self.values[touched, -1])


def _nearest_mirrored(geometry: RoundedDistances, owners: _Owners, limit: Floats, keep: int) -> _Nearest:
    """Nearest others of all vectors among themselves, by tiles, each used for its rows and for its columns."""
    nearest = _Nearest(limit, keep)
    n = len(geometry.references)
    codes = owners.query_codes
    lock = threading.Lock()  # each thread has its own strips, whose tiles update the nearest of other strips as well

    def search(strip: slice) -> None:
        start = strip.start
        left, _ = geometry.left(np.arange(start, strip.stop))
        for column in range(start, n, SIDE):
            product = geometry.product(left, slice(column, column + SIDE))
            # Off the diagonal, the columns are queries as well, and the rows their references.
            for first, beside, tile in [(start, column, product), (column, start, product.T)][: 1 + (column > start)]:
                mine = slice(first, first + len(tile))
                enough = keep + int(owners.counts[mine].max()) + 1
                query, reference, bar = _nearer(tile, nearest.limit[mine], enough)
                other = codes[query + first] != codes[reference + beside]
                query, reference = query[other], reference[other]
                with lock:
                    nearest.limit[mine] = np.minimum(nearest.limit[mine], bar)
                    if len(query):
                        nearest.offer(query + first, reference + beside, tile[query, reference])

    strips = [slice(start, min(start + SIDE, n)) for start in range(0, n, SIDE)]
    with row_workers(len(strips)) as run:
        run(search, strips)
    return nearest


def _nearer(
    tile: npt.NDArray[Any], limit: npt.NDArray[np.float32], enough: int
) -> tuple[Integers, Integers, npt.NDArray[Any]]:
    """Rows and columns of what is nearer than its row's limit; and a new limit, lower where these are too many."""
    # In the order of the tile in memory, which is twice as fast.
    transposed = not tile.flags.c_contiguous
    close = np.flatnonzero(limit > tile.T) if transposed else np.flatnonzero(tile < limit[:, None])
    if len(close) > 4 * enough * len(tile) and enough < tile.shape[1]:
        # Before there is a limit, most would be sorted and dropped. Of many that are equally near, any will do.
        columns = np.argpartition(tile, enough, axis=1)[:, : enough + 1]
        values = np.take_along_axis(tile, columns, axis=1)
        below = values < limit[:, None]
        return np.nonzero(below)[0], columns[below], values[:, -1]
    outer, inner = np.divmod(close, len(tile) if transposed else tile.shape[1])
    return (inner, outer, limit) if transposed else (outer, inner, limit)


def _nearest_by_row(geometry: RoundedDistances, owners: _Owners, rows: Integers, limit: Floats, keep: int) -> _Nearest:
    """Nearest others of queries that need many of them, or are not references themselves."""
    nearest = _Nearest(limit, keep)
    everyone = slice(0, len(geometry.references))

    def search(part: slice) -> None:
        left, _ = geometry.left(rows[part])
        for row, line in enumerate(geometry.product(left, everyone), start=part.start):
            owners.strike_out(line, int(rows[row]))
            close = np.flatnonzero(line < nearest.limit[row])
            if len(close) > keep:
                close = close[np.argpartition(line[close], keep - 1)[:keep]]
                nearest.limit[row] = line[close[-1]]
            nearest.values[row, : len(close)], nearest.positions[row, : len(close)] = line[close], close

    parts = list(blocks(len(rows), 2 * len(geometry.references)))
    with row_workers(len(parts)) as run:
        run(search, parts)
    return nearest


def _whole_ranks(geometry: RoundedDistances, owners: _Owners, rows: Integers) -> Integers:
    """`(b, r)` ranks of the own of queries that all have r of them, at any depth: all distances are compared."""
    own = owners.of(rows)
    distance = np.sort(geometry.exact(rows, own), axis=1)
    equal = geometry.up_to(rows, distance)
    ranks = np.empty(own.shape, np.int64)
    everyone = slice(0, len(geometry.references))

    def search(part: slice) -> None:
        left, error = geometry.left(rows[part])
        product = geometry.product(left, everyone)
        for row, line in enumerate(product, start=part.start):
            owners.strike_out(line, int(rows[row]))
            bars, wrong = equal[row], float(error[row - part.start])
            close = np.flatnonzero(line <= bars[-1] + wrong)
            value = line[close].astype(np.float64)
            order = np.argsort(value)
            value = value[order]
            # Those that differ from one of the own by less than the rounding are computed again.
            change = np.zeros(len(value) + 1, np.int64)
            np.add.at(change, np.searchsorted(value, bars - wrong), 1)
            np.add.at(change, np.searchsorted(value, bars + wrong, side="right"), -1)
            doubtful = np.flatnonzero(np.cumsum(change[:-1]))
            if len(doubtful):
                value[doubtful] = geometry.exact(rows[row : row + 1], close[order[doubtful]][None])[0]
                value.sort()
            ranks[row] = np.searchsorted(value, bars, side="right") + np.arange(1, len(bars) + 1)

    parts = list(blocks(len(rows), 2 * len(geometry.references)))
    with row_workers(len(parts)) as run:
        run(search, parts)
    return ranks


def own_ranks(
    queries: npt.NDArray[Any],
    query_codes: Integers,
    references: npt.NDArray[Any] | None,
    reference_codes: Integers | None,
    metric: MetricName,
    depth: int | None,
) -> Iterator[tuple[Integers, Integers]]:
    """The ranks at which queries find their own references.

    Args:
        queries: `(q, d)` finite vectors.
        query_codes: `(q,)` identities as whole numbers from 0.
        references: `(n, d)` finite vectors; None to search the queries among one another, none of them itself.
        reference_codes: `(n,)` identities in the same numbering; None likewise.
        metric: name of the distance.
        depth: ranks up to the larger of this and the number of own are computed, deeper ones are `BEYOND`; None for
            all ranks, which takes several times as long.

    Yields:
        positions `(b,)` of queries that all have r own references, and `(b, r)` their ranks, ascending, from 1. Every
        query with any own reference comes once, in no particular order.

    Raises:
        VectorError: dimensions differ, the metric is unknown, or a vector is all zeros (cosine).

    Example:
        >>> x, codes = np.array([[0.0], [0.1], [0.3], [9.0]]), np.array([0, 1, 0, 1])
        >>> [(q.tolist(), r.tolist()) for q, r in own_ranks(x, codes, None, None, "euclidean", None)]
        [([0, 1, 2, 3], [[2], [3], [2], [2]])]
    """
    alone = references is None or reference_codes is None
    if references is None or reference_codes is None:
        references, reference_codes = queries, query_codes
    # Raises where dimensions differ or the metric is unknown.
    distances.pairwise(np.ones((1, queries.shape[1])), np.ones((1, references.shape[1])), metric)
    # Where every distance counts, most differ from the next one by less than float32's rounding.
    geometry = RoundedDistances(queries, references, metric, alone, np.float64 if depth is None else np.float32)
    owners = _Owners(query_codes, reference_codes, alone)
    by_count = np.argsort(owners.counts, kind="stable")
    by_count = by_count[owners.counts[by_count] > 0]
    if not len(by_count):
        return
    if depth is None:
        for run in owners.runs(by_count, references.shape[1]):
            yield run, _whole_ranks(geometry, owners, run)
        return
    yield from _ranks_to_depth(geometry, owners, by_count, depth)


def _ranks_to_depth(
    geometry: RoundedDistances, owners: _Owners, by_count: Integers, depth: int
) -> Iterator[tuple[Integers, Integers]]:
    """As `own_ranks`, of queries `by_count` that have own references, sorted by how many."""
    queries, d = len(geometry.queries), geometry.references.shape[1]
    deepest = max(depth, int(owners.counts.max()))
    mirror = geometry.symmetric and deepest <= FEW and queries * (deepest + SPARE) <= distances.BLOCK_NUMBERS
    for rows in [np.arange(queries)] if mirror else _strips(by_count, owners.counts, depth):
        limit = np.full(len(rows), -np.inf)  # a query without own references needs no others
        place = np.empty(queries, np.int64)
        place[rows] = np.arange(len(rows))
        searched = by_count if mirror else rows
        for run in owners.runs(searched, d):
            if owners.counts[run[0]] > FEW:
                limit[place[run]] = np.inf  # computing so many distances here would cost more than it saves
                continue
            _, error = geometry.left(run)
            farthest = geometry.exact(run, owners.of(run)).max(axis=1, keepdims=True)
            limit[place[run]] = geometry.up_to(run, farthest)[:, 0] + 2 * error
        keep = max(depth, int(owners.counts[rows].max())) + SPARE
        if mirror:
            nearest = _nearest_mirrored(geometry, owners, limit, keep)
        else:
            nearest = _nearest_by_row(geometry, owners, rows, limit, keep)
        for run in owners.runs(searched, d):
            yield run, _shallow_ranks(geometry, owners, run, nearest, place[run], depth)


def _strips(rows: Integers, counts: Integers, depth: int) -> Iterator[Integers]:
    """Queries sorted by their number of own, cut so that their nearest others take less than a block."""
    end = len(rows)
    while end > 0:
        size = max(1, distances.BLOCK_NUMBERS // 4 // (max(depth, int(counts[rows[end - 1]])) + SPARE))
        yield rows[max(0, end - size) : end]
        end -= size


def _shallow_ranks(
    geometry: RoundedDistances, owners: _Owners, rows: Integers, nearest: _Nearest, place: Integers, depth: int
) -> Integers:
    """`(b, r)` ranks of the own among the nearest others, in float64; over all where these may be too few."""
    own = np.sort(geometry.exact(rows, owners.of(rows)), axis=1)
    equal = geometry.up_to(rows, own)
    depth = max(depth, own.shape[1])
    positions = nearest.positions[place]
    others = np.where(positions < 0, np.inf, geometry.exact(rows, np.maximum(positions, 0)))
    # Sorted together, others first where they are equal, each own one stands at its rank.
    order = np.argsort(np.concatenate([others, equal], axis=1), axis=1, kind="stable")
    ranks: Integers = np.nonzero(order >= others.shape[1])[1].reshape(own.shape) + 1
    _, error = geometry.left(rows)
    doubtful = ((equal >= (nearest.limit[place] - error)[:, None]) & (ranks <= depth)).any(axis=1)
    if doubtful.any():
        ranks[doubtful] = _whole_ranks(geometry, owners, rows[doubtful])
    return np.where(ranks > depth, BEYOND, ranks)
