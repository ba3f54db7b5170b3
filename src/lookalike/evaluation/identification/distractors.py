"""MegaFace's protocol: the rank of the mate among 10, 100, … 1,000,000 distractors.

Of every identity with several pictures, each picture in turn is enrolled, alone, among the distractors, and each of
its other pictures is a probe. Rank 1 means that no distractor is as near to the probe as the mate: where distances
tie, the mate comes last. Sets of distractors are nested, the first n of one shuffle, so that a curve over n shows the
number of distractors and not which ones were drawn; a rank never improves as n grows.

Every probe is compared with every distractor once. A distractor is counted at the nearest mate that is no nearer than
itself, and cumulative sums over a probe's mates, sorted by distance, give the rank of all of them at all sizes.

Source: Kemelmacher-Shlizerman, Seitz, Miller & Brossard, "The MegaFace benchmark: 1 million faces for recognition at
scale" (CVPR 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.distances import MetricName
from lookalike.errors import InputError
from lookalike.evaluation.exact_search.distance_blocks import GALLERY_ROWS, Comparison, GalleryBlock, row_workers
from lookalike.evaluation.labels import identity_codes
from lookalike.evaluation.statistics.intervals import Interval, bootstrap_means
from lookalike.progress import ProgressSink, counted

__all__ = ["MAX_PAIRS", "DistractorRanks", "rank_among_distractors"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Pairs of a probe and its mate, all held in memory (about 80 bytes each, and 4 for every number of distractors).
MAX_PAIRS = 20_000_000


@dataclass(frozen=True, eq=False)
class DistractorRanks:
    """The rank of every mate among every number of distractors.

    Attributes:
        sizes: numbers of distractors, ascending.
        ranks: `(sizes, pairs)` int32, 1 where no distractor is as near as the mate.
        probe: `(pairs,)` int64, position of the picture that is searched.
        mate: `(pairs,)` int64, position of the picture that is enrolled.
        identity: `(pairs,)` int64, the identity of both pictures, as a position in `names`.
        names: the label of every identity.
        left_out: identities with one picture, which makes no pair.
    """

    sizes: tuple[int, ...]
    ranks: npt.NDArray[np.int32]
    probe: Integers
    mate: Integers
    identity: Integers
    names: tuple[Hashable, ...]
    left_out: int

    def rank_k(self, k: int = 1) -> Floats:
        """`(sizes,)` share of pairs whose mate is among the `k` nearest.

        Raises:
            InputError: k is below 1.
        """
        if k < 1:
            raise InputError(f"k is {k}; ranks start at 1")
        return np.asarray((self.ranks <= k).mean(axis=1))

    def intervals(self, k: int = 1, replicates: int = 1000, level: float = 0.95, seed: int = 0) -> tuple[Interval, ...]:
        """One interval of `rank_k` per size, by resampling the identities of the probes; distractors are kept."""
        self.rank_k(k)
        return bootstrap_means(self.ranks <= k, self.identity, replicates=replicates, level=level, seed=seed)


def rank_among_distractors(
    probes: npt.ArrayLike,
    labels: Any,
    distractors: npt.ArrayLike | Iterable[npt.NDArray[Any]],
    metric: MetricName = "cosine",
    *,
    sizes: Sequence[int] | None = None,
    distractor_labels: Any = None,
    seed: int = 0,
    progress: ProgressSink | None = None,
) -> DistractorRanks:
    """Rank each mate among growing numbers of distractors, exactly, in memory that does not grow with their number.

    Args:
        probes: `(n, d)` vectors of identities with several pictures.
        labels: `(n,)` integers or strings.
        distractors: `(m, d)` vectors of other identities, an array or a memory map, shuffled here; or an iterator of
            `(·, d)` blocks, taken in the order in which they come: shuffle them before.
        metric: name of the distance.
        sizes: numbers of distractors; the default is 10, 100, 1,000, … up to the number given, and that number.
        distractor_labels: `(m,)` identities of distractors in an array; one that is also a probe's is an error.
        seed: of the shuffle.
        progress: gets an event after every block of distractors.

    Raises:
        VectorError: wrong shapes, NaN, or not one label per vector.
        InputError: no identity has two pictures, too many pairs, too few distractors for a size, or a distractor is
            one of the probes' identities.

    Example:
        >>> found = rank_among_distractors([[0.0], [0.3]], ["a", "a"], [[9.0], [0.5], [8.0]], "euclidean", sizes=[3])
        >>> found.probe.tolist(), found.mate.tolist(), found.ranks.tolist(), found.rank_k().tolist()
        ([0, 1], [1, 0], [[1, 2]], [0.5])
    """
    comparison = Comparison(probes, metric)
    codes, names = identity_codes(labels, len(comparison))
    wanted = _checked_sizes(sizes)
    if isinstance(distractors, Iterator):
        if distractor_labels is not None:
            raise InputError("distractor_labels go with an array of distractors; blocks of an iterator have no order")
        parts: Iterator[npt.NDArray[Any]] = (as_array(part, "distractors") for part in distractors)
        total = wanted[-1] if wanted else None
    else:
        given = as_array(distractors, "distractors")
        comparison.check(given, "distractors")
        _check_other_identities(distractor_labels, len(given), names)
        if wanted and wanted[-1] > len(given):
            raise InputError(f"{wanted[-1]:,} distractors were asked for and {len(given):,} given; ask for fewer")
        parts, total = _shuffled(given, seed, wanted), (wanted or [len(given)])[-1]
    pairs = _Pairs.of(comparison, codes, names)
    found = _ranks_by_size(pairs, parts, wanted, counted(progress, "Comparing with distractors", total))
    return DistractorRanks(
        sizes=tuple(found),
        ranks=np.stack(list(found.values())),
        probe=pairs.probe,
        mate=pairs.mate,
        identity=codes[pairs.probe],
        names=names,
        left_out=int((np.bincount(codes) == 1).sum()),
    )


def _ranks_by_size(
    pairs: _Pairs, parts: Iterable[npt.NDArray[Any]], wanted: Sequence[int], advance: Callable[[int], None]
) -> dict[int, npt.NDArray[np.int32]]:
    """Ranks at every wanted number of distractors (at powers of ten and all of them where none is wanted)."""
    comparison = pairs.comparison
    found: dict[int, npt.NDArray[np.int32]] = {}
    done = 0
    with row_workers(len(comparison.row_blocks(GALLERY_ROWS))) as each:
        for part in parts:
            for vectors in _cut(part, done, wanted):
                comparison.check(vectors, "distractors", done)
                block = comparison.block(vectors)
                each(partial(pairs.count, block=block), comparison.row_blocks(len(block)))
                done += len(block)
                if done in wanted or (not wanted and _is_power_of_ten(done)):
                    found[done] = pairs.ranks()
                advance(len(block))
            if wanted and done >= wanted[-1]:
                break
    if wanted and done < wanted[-1]:
        raise InputError(f"{wanted[-1]:,} distractors were asked for and {done:,} came; ask for fewer")
    if not done:
        raise InputError("no distractors were given; give at least one vector of another identity")
    if not wanted and done not in found:
        found[done] = pairs.ranks()
    return found


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Every probe and its mates, by probe and then from the nearest mate to the farthest.

    Attributes:
        comparison: of the probes.
        probe: `(pairs,)` position of the picture that is searched.
        mate: `(pairs,)` position of the picture that is enrolled.
        own: `(pairs,)` their distances.
        depth: `own` as the comparison's similarity, negated, which ascends within a probe as distances do.
        starts: `(n + 1,)` the first pair of each probe, and the number of pairs.
        nearer: `(pairs,)` distractors that come before this mate and after the nearer mates of the probe.
    """

    comparison: Comparison
    probe: Integers
    mate: Integers
    own: Floats
    depth: Floats
    starts: Integers
    nearer: Integers

    @classmethod
    def of(cls, comparison: Comparison, codes: Integers, names: Sequence[Hashable]) -> _Pairs:
        counts = np.bincount(codes)
        total = int((counts * (counts - 1)).sum())
        if not total:
            raise InputError(f"each of {len(names)} identities has one picture; to enrol one and search, one needs 2")
        if total > MAX_PAIRS:
            raise InputError(
                f"the pictures make {total:,} pairs of probe and mate; at most {MAX_PAIRS:,} are held: keep fewer "
                "pictures of each identity"
            )
        by_identity = np.argsort(codes, kind="stable")
        ends = np.cumsum(counts)
        probe = np.repeat(np.arange(len(codes)), counts[codes] - 1)
        starts = np.concatenate([[0], np.cumsum(counts[codes] - 1)])
        # The place among all pictures of the identity, the probe itself skipped.
        place = np.arange(total) - starts[probe]
        own_place = np.empty(len(codes), np.int64)
        own_place[by_identity] = np.arange(len(codes)) - (ends - counts)[codes[by_identity]]
        place += place >= own_place[probe]
        mate = by_identity[(ends - counts)[codes[probe]] + place]
        own = comparison.distances(probe, comparison.given, mate)
        order = np.lexsort((own, probe))
        mate, own = mate[order], own[order]
        depth = -comparison.level(probe, own)
        return cls(comparison, probe, mate, own, depth, starts, np.zeros(total, np.int64))

    def count(self, rows: slice, block: GalleryBlock) -> None:
        """Compare some probes with a block of distractors; other threads may count other probes."""
        first, last = int(self.starts[rows.start]), int(self.starts[rows.stop])
        here = self.starts[rows.start : rows.stop + 1]
        searched = here[1:] > here[:-1]
        if not searched.any():
            return
        farthest = np.full(rows.stop - rows.start, np.nan)
        farthest[searched] = self.own[here[1:][searched] - 1]
        near = self.comparison.within(rows, block, farthest)
        low, high = self.starts[near.rows], self.starts[near.rows + 1]
        rounding = self.comparison.rounding(rows, block)[near.rows - rows.start]
        depth = -near.similarity.astype(np.float64)
        at = _first_not_below(self.depth, depth - rounding, low, high)
        # Where a mate and the distractor differ by less than the rounding, float64 distances decide.
        next_mate = self.depth[np.minimum(at, len(self.depth) - 1)]
        doubtful = np.flatnonzero((at < high) & (next_mate <= depth + rounding))
        exact = self.comparison.distances(near.rows[doubtful], block.given, near.columns[doubtful])
        at[doubtful] = _first_not_below(self.own, exact, low[doubtful], high[doubtful])
        self.nearer[first:last] += np.bincount(at - first, minlength=last - first)

    def ranks(self) -> npt.NDArray[np.int32]:
        """`(pairs,)` ranks among the distractors counted so far."""
        sums = np.concatenate([[0], np.cumsum(self.nearer)])
        return np.asarray(1 + sums[1:] - sums[self.starts[self.probe]], dtype=np.int32)


def _first_not_below(values: Floats, wanted: Floats, low: Integers, high: Integers) -> Integers:
    """For each `wanted`, the first position from `low` on, at most `high`, whose value is not below it.

    `values` ascend from each `low` to its `high`: a bisection of many short lists at once.
    """
    low, high = low.copy(), high.copy()
    while (open_ := low < high).any():
        middle = np.minimum((low + high) // 2, len(values) - 1)
        below = open_ & (values[middle] < wanted)
        low, high = np.where(below, middle + 1, low), np.where(open_ & ~below, middle, high)
    return low


def _checked_sizes(sizes: Sequence[int] | None) -> list[int]:
    """Ascending; empty for the default."""
    if sizes is None:
        return []
    wanted = sorted({int(size) for size in sizes if size == int(size)})
    if not wanted or wanted[0] < 1 or len(wanted) < len(set(sizes)):
        raise InputError(f"sizes are {list(sizes)}; give whole numbers of distractors from 1 on, for example 10, 100")
    return wanted


def _check_other_identities(labels: Any, count: int, names: Sequence[Hashable]) -> None:
    """Raise an `InputError` where `count` distractors with labels include one of the identities `names`."""
    if labels is None:
        return
    _, others = identity_codes(labels, count)
    both = sorted(set(others) & set(names), key=str)
    if both:
        raise InputError(
            f"{len(both)} identities are among probes and distractors, such as {both[0]!r}; a distractor must be of "
            "another identity: take them out"
        )


def _shuffled(vectors: npt.NDArray[Any], seed: int, wanted: Sequence[int]) -> Iterator[npt.NDArray[Any]]:
    order = np.random.default_rng(seed).permutation(len(vectors))
    for first, last in _stops(0, wanted[-1] if wanted else len(order), wanted):
        # In order of position within a part, so that a memory map is read sequentially; no size lies within a part.
        yield vectors[np.sort(order[first:last])]


def _stops(start: int, stop: int, wanted: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Slices of `start` to `stop` that end at every size, and are short enough for one matrix product."""
    while start < stop:
        size = next((size for size in wanted if size > start), stop) if wanted else 10 ** len(str(start))
        end = min(stop, start + GALLERY_ROWS, size)
        yield start, end
        start = end


def _cut(part: npt.NDArray[Any], done: int, wanted: Sequence[int]) -> Iterator[npt.NDArray[Any]]:
    """A part that begins at distractor `done`, in blocks that end at every size; beyond the last, nothing."""
    stop = done + len(part) if not wanted else min(done + len(part), wanted[-1])
    for first, last in _stops(done, stop, wanted):
        yield part[first - done : last - done]


def _is_power_of_ten(number: int) -> bool:
    return number >= 10 and str(number).strip("0") == "1"
