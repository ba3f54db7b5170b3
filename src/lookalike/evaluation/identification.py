"""Identification (1:N): whose picture is this, out of N, or nobody's?

Every probe is searched in a gallery of enrolled pictures; an identity is as near as its nearest picture.
A probe is *mated* when its identity is enrolled. *Closed set*: all probes are mated, and only the rank of
the mate counts (CMC). *Open set*: a search may come back with nobody. FPIR is the share of non-mated
*searches* that return anybody, not of comparisons; FNIR the share of mated searches that do not return the
mate at rank 1 within the threshold; DIR = 1 - FNIR.

Where distances tie, the mate comes last: equal vectors for everybody identify nobody.

Source: ISO/IEC 19795-1; Grother, Ngan & Hanaoka, NIST FRTE part 2 (NISTIR 8271); Phillips et al. 2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, blocks, pairwise
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.evaluation.operating_point import is_sufficient, loosest_threshold, rate_at

__all__ = [
    "DirPoint",
    "FnirCurve",
    "OpenSetResult",
    "Searches",
    "ThresholdCounts",
    "cmc",
    "open_set",
    "rank_k",
    "search",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Searches:
    """What came back for every probe.

    Attributes:
        mated: `(q,)` bool, whether the probe's identity is enrolled.
        rank: `(q,)` int64, the rank of the mate among identities, 1 the nearest; 0 for non-mated probes.
        mate_distance: `(q,)` float64, to the mate's nearest picture; NaN for non-mated probes.
        top_distance: `(q,)` float64, to the nearest identity.
        enrolled: how many identities the gallery holds.
    """

    mated: npt.NDArray[np.bool_]
    rank: Integers
    mate_distance: Floats
    top_distance: Floats
    enrolled: int

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
) -> Searches:
    """Search every probe in the gallery, exactly and in blocks.

    Args:
        gallery: `(g, d)` enrolled vectors, or None when `distances` are given.
        gallery_labels: `(g,)` integers or strings.
        probes: `(q, d)` vectors, or None likewise.
        probe_labels: `(q,)`; a probe whose label is in the gallery is mated.
        metric: name of the distance.
        distances: `(q, g)` instead of vectors, for any other distance.

    Raises:
        VectorError: wrong shapes, NaN, or not one label per vector.
    """
    if (gallery is None) != (probes is None) or (gallery is None) == (distances is None):
        raise VectorError("give either gallery and probes, or a matrix of distances (probes, gallery)")
    if distances is not None:
        matrix = checked_vectors(distances, "distances")
        queries, enrolled = matrix.shape
    else:
        matrix = None
        gallery = checked_vectors(gallery, "gallery vectors")  # type: ignore[arg-type]
        probes = checked_vectors(probes, "probes")  # type: ignore[arg-type]
        queries, enrolled = len(probes), len(gallery)
    # One numbering for both sides: a label that means one identity here means it there.
    gallery_codes, gallery_names = identity_codes(gallery_labels, enrolled)
    probe_codes, probe_names = identity_codes(probe_labels, queries)
    position = {name: number for number, name in enumerate(gallery_names)}
    mate = np.array([position.get(name, -1) for name in probe_names])[probe_codes]

    by_identity = np.argsort(gallery_codes, kind="stable")
    starts = np.searchsorted(gallery_codes[by_identity], np.arange(len(gallery_names)))
    rank = np.zeros(queries, np.int64)
    mate_distance = np.full(queries, np.nan)
    top_distance = np.empty(queries)
    sorted_gallery = None if matrix is not None else np.asarray(gallery)[by_identity]
    for rows in blocks(queries, enrolled):
        if matrix is not None:
            block = matrix[rows][:, by_identity]
        else:
            block = pairwise(np.asarray(probes)[rows], sorted_gallery, metric)
        nearest = np.minimum.reduceat(block, starts, axis=1)  # (probes, identities)
        top_distance[rows] = nearest.min(axis=1)
        known = np.flatnonzero(mate[rows] >= 0)
        own = nearest[known, mate[rows][known]]
        mate_distance[rows.start + known] = own
        rank[rows.start + known] = (nearest[known] <= own[:, None]).sum(axis=1)
    return Searches(mate >= 0, rank, mate_distance, top_distance, len(gallery_names))


def cmc(
    gallery: npt.ArrayLike,
    gallery_labels: Any,
    probes: npt.ArrayLike,
    probe_labels: Any,
    metric: MetricName = "cosine",
) -> Floats:
    """Cumulative match characteristic of a closed set: entry k - 1 is the rank-k identification rate.

    Raises:
        VectorError: as `search`.
        InputError: a probe is not mated; a closed set asks only about the enrolled.

    Example:
        >>> cmc([[0.0], [1.0]], ["a", "b"], [[0.1], [0.4]], ["a", "b"], "euclidean").tolist()
        [0.5, 1.0]
    """
    searches = search(gallery, gallery_labels, probes, probe_labels, metric)
    strangers = int((~searches.mated).sum())
    if strangers:
        raise InputError(
            f"{strangers} of {len(searches.mated)} probes have no picture in the gallery; a closed set asks only "
            "about enrolled identities: use open_set"
        )
    return searches.cmc()


def rank_k(
    gallery: npt.ArrayLike,
    gallery_labels: Any,
    probes: npt.ArrayLike,
    probe_labels: Any,
    k: int = 1,
    metric: MetricName = "cosine",
) -> float:
    """Rank-k identification rate of a closed set; arguments and errors as `cmc`."""
    if k < 1:
        raise InputError(f"k is {k}; ranks start at 1")
    curve = cmc(gallery, gallery_labels, probes, probe_labels, metric)
    return float(curve[min(k, len(curve)) - 1])


@dataclass(frozen=True)
class DirPoint:
    """Detection and identification rate at a false positive identification rate.

    Attributes:
        target: the FPIR asked for.
        dir: share of mated searches that return the mate at rank 1 within the threshold.
        fpir: share of non-mated searches that return anybody; at most the target.
        threshold: a distance of at most this is returned.
        mated: how many mated searches there were.
        non_mated: how many non-mated searches there were.
        sufficient: whether they allow at least 10 errors at the target.
    """

    target: float
    dir: float
    fpir: float
    threshold: float
    mated: int
    non_mated: int
    sufficient: bool


@dataclass(frozen=True, eq=False)
class FnirCurve:
    """Arrays of one length: FPIR and FNIR at every distinct threshold, ascending, the first -inf."""

    thresholds: Floats
    fpir: Floats
    fnir: Floats


@dataclass(frozen=True)
class ThresholdCounts:
    """What happens at one fixed threshold.

    Attributes:
        threshold: a distance of at most this is returned.
        right: mated searches that return the mate at rank 1.
        wrong_name: mated searches that return somebody else at rank 1.
        missed: mated searches that return nobody.
        false_alarms: non-mated searches that return anybody.
        correctly_refused: non-mated searches that return nobody.
    """

    threshold: float
    right: int
    wrong_name: int
    missed: int
    false_alarms: int
    correctly_refused: int

    @property
    def mated(self) -> int:
        """All mated searches."""
        return self.right + self.wrong_name + self.missed

    @property
    def non_mated(self) -> int:
        """All non-mated searches."""
        return self.false_alarms + self.correctly_refused


@dataclass(frozen=True, eq=False)
class OpenSetResult:
    """Open-set searches, and what follows from them.

    Attributes:
        hits: sorted distances of the mates found at rank 1.
        wrong: sorted distances of the identities that came before the mate.
        non_mated: sorted distances of what came back for strangers.
        enrolled: how many identities the gallery holds.
    """

    hits: Floats
    wrong: Floats
    non_mated: Floats
    enrolled: int

    @property
    def mated_searches(self) -> int:
        """How many mated searches there were."""
        return len(self.hits) + len(self.wrong)

    def dir_at_fpir(self, target: float) -> DirPoint:
        """The best detection and identification rate whose FPIR is at most `target`."""
        threshold = loosest_threshold(self.non_mated, target, self.hits)
        return DirPoint(
            target=target,
            dir=int(np.searchsorted(self.hits, threshold, side="right")) / self.mated_searches,
            fpir=rate_at(self.non_mated, threshold),
            threshold=threshold,
            mated=self.mated_searches,
            non_mated=len(self.non_mated),
            sufficient=is_sufficient(target, len(self.non_mated)),
        )

    def curve(self) -> FnirCurve:
        """FNIR against FPIR over all thresholds."""
        grid = np.concatenate([[-np.inf], np.unique(np.concatenate([self.hits, self.non_mated]))])
        found = np.searchsorted(self.hits, grid, side="right") / self.mated_searches
        alarms = np.searchsorted(self.non_mated, grid, side="right") / len(self.non_mated)
        return FnirCurve(grid, alarms, 1 - found)

    def at_threshold(self, threshold: float) -> ThresholdCounts:
        """Count right names, wrong names, misses and false alarms at a fixed threshold."""
        right, wrong, alarms = (
            int(np.searchsorted(values, threshold, side="right")) for values in (self.hits, self.wrong, self.non_mated)
        )
        return ThresholdCounts(
            threshold=threshold,
            right=right,
            wrong_name=wrong,
            missed=self.mated_searches - right - wrong,
            false_alarms=alarms,
            correctly_refused=len(self.non_mated) - alarms,
        )


def open_set(
    gallery: npt.ArrayLike | None,
    gallery_labels: Any,
    probes: npt.ArrayLike | None,
    probe_labels: Any,
    metric: MetricName = "cosine",
    *,
    distances: npt.ArrayLike | None = None,
) -> OpenSetResult:
    """Search mated and non-mated probes; which is which follows from the labels.

    Args: as `search`.

    Raises:
        VectorError: as `search`.
        InputError: no probe is mated, or none is non-mated (then no FPIR can be measured).

    Example:
        >>> result = open_set([[0.0]], ["a"], [[0.1], [0.5]], ["a", "stranger"], "euclidean")
        >>> result.at_threshold(0.2).right, result.at_threshold(0.2).false_alarms
        (1, 0)
    """
    return _open_set(search(gallery, gallery_labels, probes, probe_labels, metric, distances=distances))


def _open_set(searches: Searches) -> OpenSetResult:
    mated = searches.mated
    if mated.all() or not mated.any():
        raise InputError(
            f"{int(mated.sum())} mated and {int((~mated).sum())} non-mated probes were given; an open set needs both: "
            "leave some identities out of the gallery"
        )
    first = mated & (searches.rank == 1)
    return OpenSetResult(
        hits=np.sort(searches.mate_distance[first]),
        wrong=np.sort(searches.top_distance[mated & ~first]),
        non_mated=np.sort(searches.top_distance[~mated]),
        enrolled=searches.enrolled,
    )
