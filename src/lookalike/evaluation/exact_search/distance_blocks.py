"""Exact search in a large gallery, a block of it at a time: the gallery vectors within a distance of each probe.

A block of probes times a block of gallery vectors is one float32 matrix product, which is fast. It rounds: two equal
vectors in different places of a matrix may get different similarities, and ties would be decided by chance. So float32
decides only where a similarity differs from the limit by more than the rounding (bound of Higham, *Accuracy and
Stability of Numerical Algorithms*, section 3.1); the few other pairs are computed one by one in float64, where equal
vectors are at equal distances. Every answer is that of float64.

Euclidean distance compares ``x·y - |y|²/2``, which falls as the distance to y grows; cosine distance is the same on
unit vectors. Both are centred on the mean of the probes first, which moves no distance and shrinks what is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, check_metric, pairwise, unit_length
from lookalike.errors import VectorError
from lookalike.evaluation.labels import checked_vectors

__all__ = ["GALLERY_ROWS", "Comparison", "GalleryBlock", "PairsWithin", "row_workers"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Gallery vectors compared at once, and numbers in one product (8 MB of float32, which stay near the cache).
GALLERY_ROWS, BLOCK_NUMBERS = 8192, 1 << 21
#: Numbers of the pairs that are computed one by one at a time.
PAIR_NUMBERS = 1 << 20
#: Beyond these lengths, products of float32 overflow or vanish: float64 is taken.
SHORTEST, LONGEST = 1e-12, 1e15


@dataclass(frozen=True, eq=False)
class GalleryBlock:
    """Some gallery vectors, prepared for comparison.

    Attributes:
        given: `(g, d)` as given.
        ready: `(g, d)` or `(g, d + 1)`, the factor of the product.
        longest: the largest length among them, after centring.
    """

    given: Array
    ready: Array
    longest: float

    def __len__(self) -> int:
        return len(self.given)


@dataclass(frozen=True, eq=False)
class PairsWithin:
    """Pairs at most a limit apart: probe `rows`, block `columns`, `(n,)` int64, by row and then by column."""

    rows: Integers
    columns: Integers
    similarity: Array


class Comparison:
    """Probes, prepared for comparison with block after block of a gallery.

    Args:
        probes: `(q, d)` finite numbers; they and a float32 copy are held.
        metric: name of the distance.

    Raises:
        VectorError: wrong shapes, NaN, a zero vector under cosine, or an unknown metric.

    Example:
        >>> comparison = Comparison(np.array([[0.0], [4.0]]), "euclidean")
        >>> block = comparison.block(np.array([[1.0], [2.0], [9.0]]))
        >>> near = comparison.within(slice(0, 2), block, np.array([2.0, 2.0]))
        >>> near.rows.tolist(), near.columns.tolist()
        ([0, 0, 1], [0, 1, 1])
    """

    def __init__(self, probes: npt.ArrayLike, metric: MetricName) -> None:
        check_metric(metric)
        self.metric = metric
        self.given: Array = checked_vectors(probes, "probes")
        self.check(self.given, "probes")
        n, d = self.given.shape
        parts = [slice(start, start + GALLERY_ROWS) for start in range(0, n, GALLERY_ROWS)]
        self._centre: Floats = np.zeros(d)
        if metric in ("euclidean", "cosine"):  # these do not change by a translation
            self._centre = np.sum([self._wide(self.given[part]).sum(axis=0) for part in parts], axis=0) / n
        self._squared, self._lengths = np.empty(n), np.empty(n)
        for part in parts:
            self._squared[part], self._lengths[part] = self._sizes(self._wide(self.given[part]) - self._centre)
        if metric == "manhattan":
            self._ready: Array = self.given
            return
        dtype = np.float32 if self._fits_single(self._lengths) else np.float64
        self._ready = np.ones((n, d + (metric != "inner_product")), dtype)
        for part in parts:
            self._ready[part, :d] = self._wide(self.given[part]) - self._centre

    def __len__(self) -> int:
        return len(self.given)

    def row_blocks(self, columns: int) -> list[slice]:
        """The probes in slices small enough for one product with so many gallery vectors."""
        step = max(1, BLOCK_NUMBERS // max(1, columns))
        return [slice(start, min(start + step, len(self))) for start in range(0, len(self), step)]

    def check(self, vectors: Array, name: str = "gallery vectors", first: int = 0) -> None:
        """Raise a `VectorError` that names which of `(g, d)` vectors, numbered from `first` on, is unusable."""
        if vectors.ndim != 2 or vectors.shape[1] != self.given.shape[1]:
            raise VectorError(
                f"{name} have shape {vectors.shape} and probes {self.given.shape[1]} dimensions; "
                "both need the same dimensions (from one model)"
            )
        if vectors.dtype.kind not in "fiub":
            raise VectorError(f"{name} have dtype {vectors.dtype}; vectors must be numbers")
        for start in range(0, len(vectors), GALLERY_ROWS):
            part = np.asarray(vectors[start : start + GALLERY_ROWS])
            for bad, what in (
                (~np.isfinite(part).all(axis=1), "holds NaN or infinity; remove or re-embed it"),
                (~part.any(axis=1) & (self.metric == "cosine"), "is all zeros; it has no direction, so no cosine"),
                (
                    (np.abs(part) > np.float64(1e140)).any(axis=1),
                    "holds numbers whose squares overflow; scale the vectors down",
                ),
            ):
                if bad.any():
                    raise VectorError(f"{name}[{first + start + int(np.flatnonzero(bad)[0])}] {what}")

    def block(self, vectors: Array) -> GalleryBlock:
        """Prepare `(g, d)` vectors that `check` found usable."""
        wide = self._wide(vectors) - self._centre
        squared, lengths = self._sizes(wide)
        if self.metric in ("euclidean", "cosine"):
            wide = np.concatenate([wide, -squared[:, None] / 2], axis=1)
        single = self._ready.dtype == np.float32 and self._fits_single(lengths)
        ready = vectors if self.metric == "manhattan" else wide.astype(np.float32 if single else np.float64)
        return GalleryBlock(vectors, ready, float(lengths.max(initial=0.0)))

    def similarities(self, rows: slice, block: GalleryBlock) -> Array:
        """`(rows, g)` rounded numbers that rise as the distance falls; comparable within a row only."""
        if self.metric == "manhattan":
            return np.asarray(-pairwise(self._ready[rows], block.ready, "manhattan"))
        return np.asarray(self._ready[rows].astype(block.ready.dtype, copy=False) @ block.ready.T)

    def level(self, rows: slice | Integers, distances: Floats) -> Floats:
        """The similarity that corresponds to a distance, one for each of `rows`."""
        if self.metric == "euclidean":
            # The sign is kept: no vector is within a negative distance.
            return np.asarray((self._squared[rows] - distances * np.abs(distances)) / 2)
        if self.metric == "cosine":
            return np.asarray(self._squared[rows] / 2 - distances)
        return -distances

    def rounding(self, rows: slice, block: GalleryBlock) -> Floats:
        """`(rows,)` the largest rounding error of a similarity."""
        d, x, y = self.given.shape[1], self._lengths[rows], block.longest
        if self.metric == "manhattan":
            # SciPy computes in float64, then narrows to the vectors' own precision.
            unit = float(np.finfo(np.result_type(self.given, block.given, np.float32)).eps)
            return np.asarray((unit + (d + 8) * 2.0**-52) * (x + y))
        products = x * y + y * y / 2
        moved = np.linalg.norm(self._centre) * 2.0**-50 * (x + y)
        if self._ready.dtype == np.float32:
            # The last term covers numbers so small that float32 rounds them to 0.
            return np.asarray((d + 8) * 2.0**-24 * products + moved + d * 1e-37 * (1 + x + y))
        return np.asarray(4 * (d + 8) * 2.0**-53 * products + moved)

    def distances(self, probes: Integers, vectors: Array, columns: Integers) -> Floats:
        """`(n,)` float64 distances of single pairs of a probe and one of `vectors`, each computed alone."""
        found = np.empty(len(probes))
        step = max(1, PAIR_NUMBERS // self.given.shape[1])
        for start in range(0, len(probes), step):
            part = slice(start, start + step)
            x = self.given[probes[part]].astype(np.float64, order="C")
            y = vectors[columns[part]].astype(np.float64, order="C")
            if self.metric == "euclidean":
                found[part] = np.sqrt(((x - y) ** 2).sum(axis=1))
            elif self.metric == "manhattan":
                found[part] = np.abs(x - y).sum(axis=1)
            elif self.metric == "cosine":
                found[part] = np.minimum(((unit_length(x) - unit_length(y)) ** 2).sum(axis=1) / 2, 2)
            else:
                found[part] = -(x * y).sum(axis=1)
        return found

    def within(
        self, rows: slice, block: GalleryBlock, limits: Floats, similarities: Array | None = None
    ) -> PairsWithin:
        """All pairs of these probes and this block whose distance is at most the probe's limit (NaN: none).

        Args:
            rows: of the probes.
            block: of the gallery.
            limits: `(rows,)` distances.
            similarities: result of `similarities` for the same rows and block, if it is already known.
        """
        product = self.similarities(rows, block) if similarities is None else similarities
        rounding = self.rounding(rows, block)
        level = np.where(np.isnan(limits), np.inf, self.level(rows, limits))
        flat = np.flatnonzero(product >= _narrowed(level - rounding, product.dtype)[:, None])
        at, columns = np.divmod(flat, product.shape[1])
        similarity = product.ravel()[flat]
        doubtful = np.flatnonzero(similarity <= (level + rounding)[at])
        exact = self.distances(at[doubtful] + rows.start, block.given, columns[doubtful])
        keep = np.ones(len(flat), bool)
        keep[doubtful] = exact <= limits[at[doubtful]]
        return PairsWithin(at[keep] + rows.start, columns[keep], similarity[keep])

    def nearer(self, rows: slice, block: GalleryBlock, nearest: Floats, similarities: Array | None = None) -> Floats:
        """`(rows,)` distance to the nearest vector, of this block or at `nearest` `(rows,)` (infinity: none yet)."""
        product = self.similarities(rows, block) if similarities is None else similarities
        rounding = self.rounding(rows, block)
        known = np.where(np.isinf(nearest), -np.inf, self.level(rows, np.where(np.isinf(nearest), 0, nearest)))
        here = product.max(axis=1).astype(np.float64)
        better = np.flatnonzero(here >= known - rounding)
        lowest = _narrowed((np.maximum(here, known) - 2 * rounding)[better], product.dtype)
        at, columns = np.divmod(np.flatnonzero(product[better] >= lowest[:, None]), product.shape[1])
        exact = self.distances(better[at] + rows.start, block.given, columns)
        found = nearest.copy()
        np.minimum.at(found, better[at], exact)
        return found

    def _sizes(self, wide: Floats) -> tuple[Floats, Floats]:
        """`(n,)` squared lengths, and lengths by the metric."""
        squared = np.einsum("ij,ij->i", wide, wide)
        return squared, np.abs(wide).sum(axis=1) if self.metric == "manhattan" else np.sqrt(squared)

    def _wide(self, vectors: Array) -> Floats:
        wide = vectors.astype(np.float64)
        return np.asarray(unit_length(wide)) if self.metric == "cosine" else wide

    @staticmethod
    def _fits_single(lengths: Floats) -> bool:
        longest = float(lengths.max(initial=0.0))
        return longest == 0.0 or SHORTEST < longest < LONGEST


@contextmanager
def row_workers(parts: int) -> Iterator[Callable[[Callable[[slice], None], Iterable[slice]], None]]:
    """Runs work for slices of probes in parallel, in as many threads as NumPy's matrix products may use.

    Each thread has slices of its own and a single-threaded product, so that comparing and counting are parallel too.

    Args:
        parts: how many slices there are; for one, no threads are started.

    Yields:
        A function of the work and the slices that returns when all are done. Work must write to its own slice only.
    """
    threads = min(parts, _blas_threads() if parts > 1 else 1)
    if threads == 1:

        def one_by_one(work: Callable[[slice], None], rows: Iterable[slice]) -> None:
            for part in rows:
                work(part)

        yield one_by_one
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:

        def in_parallel(work: Callable[[slice], None], rows: Iterable[slice]) -> None:
            for _ in pool.map(work, rows):  # results are read, so that an error in a thread is raised here
                pass

        yield in_parallel


def _blas_threads() -> int:
    from threadpoolctl import threadpool_info

    return max([int(library["num_threads"]) for library in threadpool_info() if library["user_api"] == "blas"] or [1])


def _narrowed(limits: Floats, dtype: npt.DTypeLike) -> Array:
    """Limits in a block's own precision, never above the given ones; else comparing would widen the whole block."""
    with np.errstate(over="ignore"):
        narrow = limits.astype(dtype)
    return np.asarray(np.where(narrow > limits, np.nextafter(narrow, -np.inf, dtype=narrow.dtype), narrow))
