"""Verification of any number of pairs in bounded memory: counted as they come, in parts that can be merged.

Genuine and impostor distances are counted in fine bins (`distance_histogram`), and the pairs that decide at low error
rates are kept one by one: the nearest impostors, the look-alikes, and the farthest genuine pairs, by default 65,536 of
each. Rates computed from these are exact: of 5 billion impostor pairs, every FAR up to 1.3e-5. Elsewhere a threshold is
rounded to the edge of a bin, 0.0015% of the distance wide, and always to the conservative side: no false match rate is
too low, no true accept rate too high. Where all pairs are kept, the figures are those of
`verification.VerificationResult`.

Distances are computed in float64 and rounded to float32: seven digits, of near duplicates too. Rates count these.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.distances import MetricName
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.operating_point import allowed_errors, checked_target, is_sufficient
from lookalike.evaluation.labels import checked_vectors
from lookalike.evaluation.verification.all_pairs import (
    DetCurve,
    RocCurve,
    TarPoint,
    checked_scores,
    comparable_identities,
    equal_error,
)
from lookalike.evaluation.verification.hardest_pairs import HardPairs
from lookalike.evaluation.verification.pair_tiles import PairTiles, Tile
from lookalike.evaluation.verification.side_counts import SideCounts
from lookalike.progress import ProgressSink, counted

__all__ = ["TAIL", "PairCounts", "count_all_pairs"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: How many of the nearest impostor and of the farthest genuine pairs are kept one by one.
TAIL = 65_536


class PairCounts:
    """Genuine and impostor distances, counted; see the module for what is exact.

    Memory does not grow with the pairs: about 30 MB, for distances over a few powers of two.

    Args:
        tail: how many of the nearest impostor and of the farthest genuine pairs are kept one by one, at least 1.

    Example:
        >>> counts = PairCounts()
        >>> counts.add([0.1, 0.4], [True, True])
        >>> counts.add([0.3, 0.9], [False, False])
        >>> counts.auc, counts.tar_at_far(0.5).tar
        (0.75, 1.0)
    """

    def __init__(self, tail: int = TAIL) -> None:
        if isinstance(tail, bool) or not isinstance(tail, int | np.integer) or tail < 1:
            raise InputError(f"tail is {tail!r}; give a whole number of pairs to keep, at least 1")
        self._genuine, self._impostor = SideCounts(int(tail), impostors=False), SideCounts(int(tail), impostors=True)

    @property
    def genuine_pairs(self) -> int:
        """How many genuine pairs were counted."""
        return self._genuine.total

    @property
    def impostor_pairs(self) -> int:
        """How many impostor pairs were counted."""
        return self._impostor.total

    def add(self, distances: npt.ArrayLike, genuine: npt.ArrayLike, pairs: npt.ArrayLike | None = None) -> None:
        """Count further pairs.

        Args:
            distances: `(p,)`, smaller is more alike (negate similarities).
            genuine: `(p,)` bool, whether the pair shows one identity.
            pairs: `(p, 2)` positions of the two pictures; needed to name the hardest pairs.

        Raises:
            VectorError: wrong shapes, NaN, or numbers beyond float32.
        """
        values, truth = checked_scores(distances, genuine)
        values = values.astype(np.float64)
        if np.abs(values).max() > np.finfo(np.float32).max:
            raise VectorError(
                f"the largest distance is {np.abs(values).max():g}; float32 ends at 3.4e38: scale them down"
            )
        positions = None if pairs is None else as_array(pairs, "pairs")
        if positions is not None and (positions.shape != (len(values), 2) or positions.dtype.kind not in "iu"):
            raise VectorError(
                f"pairs have shape {positions.shape} and dtype {positions.dtype}; expected ({len(values)}, 2) integers"
            )
        for side, mask in ((self._genuine, truth), (self._impostor, ~truth)):
            if mask.any():
                side.add(values[mask], None if positions is None else partial(_listed, positions[mask]))

    def merge(self, other: PairCounts) -> None:
        """Add what another one counted; it stays as it is.

        Raises:
            InputError: the two keep tails of different sizes.
        """
        if other._genuine.tail.size != self._genuine.tail.size:
            raise InputError(
                f"one keeps {self._genuine.tail.size:,} pairs, the other {other._genuine.tail.size:,}; "
                "make both with one tail"
            )
        self._genuine.merge(other._genuine)
        self._impostor.merge(other._impostor)

    def fmr(self, threshold: float) -> float:
        """False match rate at a threshold; where it falls within a bin, the whole bin is accepted."""
        self._check_both()
        return int(self._impostor.at_most(np.array([threshold]))[0]) / self.impostor_pairs

    def fnmr(self, threshold: float) -> float:
        """False non-match rate at a threshold; where it falls within a bin, the whole bin is refused."""
        self._check_both()
        return 1 - int(self._genuine.at_most(np.array([threshold]))[0]) / self.genuine_pairs

    def tar_at_far(self, target: float) -> TarPoint:
        """The highest true accept rate whose false accept rate is at most `target`; see `verification.TarPoint`.

        Both rates are exact where the threshold lies among the impostors or genuine pairs kept, or at the edge of a
        bin; else the FAR is an upper and the TAR a lower bound.
        """
        self._check_both()
        threshold = self._loosest(allowed_errors(checked_target(target), self.impostor_pairs))
        return TarPoint(
            target=target,
            tar=int(self._genuine.at_most(np.array([threshold]))[0]) / self.genuine_pairs,
            far=self.fmr(threshold),
            threshold=threshold,
            genuine_pairs=self.genuine_pairs,
            impostor_pairs=self.impostor_pairs,
            sufficient=is_sufficient(target, self.impostor_pairs),
        )

    def _loosest(self, errors: int) -> float:
        """As `operating_point.loosest_threshold`: the middle between accepted distances and those to be refused."""
        if errors == self.impostor_pairs:
            return max(self._impostor.largest(), self._genuine.largest())
        refused = self._impostor.first_beyond(errors)
        below = [edge for side in (self._impostor, self._genuine) if (edge := side.largest_below(refused)) is not None]
        if not below:
            return float(np.nextafter(refused, -np.inf))
        middle = max(below) + (refused - max(below)) / 2
        return middle if middle < refused else max(below)

    def roc(self) -> RocCurve:
        """Receiver operating characteristic, exact at each of its points, from (0, 0) to (1, 1).

        The points are the pairs kept and the upper edges of the bins that hold anything else.
        """
        self._check_both()
        grid = np.unique(np.concatenate([self._genuine.edges(), self._impostor.edges()]))
        grid = grid[self._genuine.exact_at(grid) & self._impostor.exact_at(grid)]
        fmr, tar = (side.at_most(grid) / side.total for side in (self._impostor, self._genuine))
        return RocCurve(*(np.concatenate([[start], values]) for start, values in ((-np.inf, grid), (0, fmr), (0, tar))))

    def det(self) -> DetCurve:
        """Detection error trade-off (Martin et al. 1997): FNMR against FMR, at the points of `roc`."""
        curve = self.roc()
        return DetCurve(curve.thresholds, curve.fmr, 1 - curve.tar)

    @property
    def eer(self) -> float:
        """Equal error rate, interpolated on `roc`: the error is at most the share of pairs in one bin."""
        return equal_error(self.roc())[0]

    @property
    def eer_threshold(self) -> float:
        """The distance at the equal error rate, interpolated likewise."""
        return equal_error(self.roc())[1]

    @property
    def auc(self) -> float:
        """Probability that a genuine pair is nearer than an impostor pair, ties (also within a bin) counting half."""
        low, high = self.auc_bounds
        return (low + high) / 2

    @property
    def auc_bounds(self) -> tuple[float, float]:
        """Bounds of the AUC for any order of the pairs within a bin; equal where all pairs are kept."""
        self._check_both()
        if self._genuine.whole and self._impostor.whole:
            genuine, impostor = self._genuine.values(), self._impostor.values()
            before, upto = (np.searchsorted(impostor, genuine, side=side) for side in ("left", "right"))
            middle = float((2 * len(impostor) - before - upto).sum() / (2 * len(impostor) * len(genuine)))
            return middle, middle
        genuine_bins, bins = self._genuine.histogram.bins(), self._impostor.histogram.bins()
        before, upto = (
            bins.up_to[np.searchsorted(bins.low, genuine_bins.low, side=side)] for side in ("left", "right")
        )
        share = genuine_bins.counts / self.genuine_pairs
        low, high = ((share * (self.impostor_pairs - lost)).sum() / self.impostor_pairs for lost in (upto, before))
        return float(low), float(high)

    def quantile(self, share: float, genuine: bool = False) -> float:
        """The smallest distance at which at least this share of the impostor (or `genuine`) pairs is accepted.

        Exact among the pairs kept, else the upper edge of its bin.
        """
        self._check_both()
        side = self._genuine if genuine else self._impostor
        return side.first_beyond(max(_whole_above(checked_target(share), side.total), 1) - 1, high=True)

    def hardest_impostors(self, k: int) -> HardPairs:
        """The `k` nearest impostor pairs, the look-alikes; fewer where there are fewer.

        Raises:
            InputError: `k` is below 1 or above the pairs kept, or pairs were added without their pictures.
        """
        return self._impostor.hardest(k)

    def hardest_genuine(self, k: int) -> HardPairs:
        """The `k` farthest genuine pairs: the least similar pictures of one identity; errors as `hardest_impostors`."""
        return self._genuine.hardest(k)

    def _check_both(self) -> None:
        if not self.genuine_pairs or not self.impostor_pairs:
            raise InputError(
                f"{self.genuine_pairs} genuine and {self.impostor_pairs} impostor pairs were counted; both are needed"
            )


def _listed(pairs: npt.NDArray[Any], at: Integers) -> tuple[Integers, Integers]:
    chosen = pairs[at].astype(np.int64)
    return chosen[:, 0], chosen[:, 1]


def _whole_above(share: float, total: int) -> int:
    """The smallest count whose share of `total` is at least `share`; the product alone rounds."""
    count = max(int(share * total) - 1, 0)
    while count / total < share:
        count += 1
    return count


def count_all_pairs(
    embeddings: npt.ArrayLike,
    labels: Any,
    metric: MetricName = "cosine",
    progress: ProgressSink | None = None,
    *,
    tail: int = TAIL,
    threads: int | None = None,
) -> PairCounts:
    """Compare every picture with every other one, of any number: memory does not grow with the pairs.

    Args:
        embeddings: `(n, d)` vectors.
        labels: `(n,)` integers or strings, compared exactly.
        metric: name of the distance.
        progress: gets an event after every tile of pairs, from one thread at a time.
        tail: as of `PairCounts`.
        threads: how many work side by side; as many as NumPy's matrix products may use unless given
            (``OMP_NUM_THREADS`` and its like decide).

    Raises:
        VectorError: wrong shapes, NaN, zero vectors under cosine, or not one label per vector.
        InputError: one identity only, no identity with two pictures, or a tail or threads below 1.

    Example:
        >>> counts = count_all_pairs([[0.0], [0.1], [1.0], [1.3]], ["a", "a", "b", "b"], "euclidean")
        >>> counts.impostor_pairs, counts.eer, counts.auc
        (4, 0.0, 1.0)
    """
    from threadpoolctl import threadpool_info, threadpool_limits

    vectors = checked_vectors(embeddings)
    codes, _ = comparable_identities(labels, len(vectors))
    tiles = PairTiles(vectors, codes, metric)
    if threads is None:
        threads = max([library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"] or [1])
    if threads < 1:
        raise InputError(f"threads is {threads}; at least 1 must count")
    work = _Work(tiles, counted(progress, "Comparing all pairs", len(vectors) * (len(vectors) - 1) // 2))
    counts = PairCounts(tail)
    # Each thread has tiles of its own and a single-threaded product: most of the time is spent outside of products.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        parts = [pool.submit(work.count, PairCounts(tail)) for _ in range(threads)]
        try:
            for part in parts:
                counts.merge(part.result())
        finally:
            work.stop()
    return counts


class _Work:
    """A queue of tiles for several threads; `done` is called with the pairs of each, from one thread at a time."""

    def __init__(self, tiles: PairTiles, done: Callable[[int], None]) -> None:
        self._tiles, self._done = tiles, done
        self._next: Iterator[Tile] = iter(tiles)
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Empty the queue: a thread was interrupted or failed."""
        with self._lock:
            self._next = iter(())

    def count(self, counts: PairCounts) -> PairCounts:
        """Count tiles until none is left."""
        while True:
            with self._lock:
                tile = next(self._next, None)
            if tile is None:
                return counts
            before = counts.genuine_pairs + counts.impostor_pairs
            self._count_tile(tile, counts)
            with self._lock:
                self._done(counts.genuine_pairs + counts.impostor_pairs - before)

    def _count_tile(self, tile: Tile, counts: PairCounts) -> None:
        distances = self._tiles.distances(tile)
        if not tile.mixed:
            counts._impostor.add_float32(distances.ravel(), self._tiles.positions(tile))
            return
        for side, mask in zip((counts._genuine, counts._impostor), self._tiles.genuine(tile), strict=True):
            among = np.flatnonzero(mask)
            if len(among):
                side.add_float32(distances.ravel()[among], self._tiles.positions(tile, among))
