"""Identification (1:N): which of N enrolled identities does a picture show, or none of them?

Every probe is searched in a gallery of enrolled pictures; an identity is as near as its nearest picture. A probe is
*mated* when its identity is enrolled. *Closed set*: all probes are mated, and only the rank of the mate counts (CMC).
*Open set*: a search may return no identity. FPIR is the share of non-mated *searches* that return an identity, not of
comparisons; FNIR the share of mated searches that do not return the mate at rank 1 within the threshold; DIR = 1 -
FNIR. NIST also reports FNIR at other ranks R: the mate must be among the R nearest and within the threshold. Labels
decide which probes are mated, so a non-mated probe never has its own identity in the gallery.

Where distances tie, the mate comes last: with equal vectors for all, no probe is identified.

Source: ISO/IEC 19795-1; Grother, Ngan & Hanaoka, NIST FRTE part 2 (NISTIR 8271); Phillips et al. 2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName
from lookalike.errors import InputError
from lookalike.evaluation.calibration.operating_point import is_sufficient, loosest_threshold, rate_at
from lookalike.evaluation.identification.gallery_search import Searches, search

__all__ = [
    "DirPoint",
    "FnirCurve",
    "FnirPoint",
    "OpenSetResult",
    "Searches",
    "ThresholdCounts",
    "cmc",
    "open_set",
    "open_set_of",
    "rank_k",
    "search",
    "selectivity",
]

Floats = npt.NDArray[np.float64]


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
    non_mated = int((~searches.mated).sum())
    if non_mated:
        raise InputError(
            f"{non_mated} of {len(searches.mated)} probes have no picture in the gallery; a closed set asks only "
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


@dataclass(frozen=True)
class FnirPoint:
    """False negative identification rate at a false positive identification rate, as NIST FRTE tables it.

    Attributes:
        target: the FPIR asked for.
        rank: the mate must be among so many nearest identities.
        fnir: share of mated searches whose mate is not among them, or not within the threshold.
        fpir: share of non-mated searches that return anybody; at most the target.
        threshold: a distance of at most this is returned.
        mated: how many mated searches there were.
        non_mated: how many non-mated searches there were.
        sufficient: whether the non-mated searches allow at least 10 errors at the target.
    """

    target: float
    rank: int
    fnir: float
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
    """Outcomes of searches at one fixed threshold.

    Attributes:
        threshold: a distance of at most this is returned.
        right: mated searches that return the mate at rank 1.
        wrong_name: mated searches that return another identity at rank 1.
        missed: mated searches that return no identity.
        false_alarms: non-mated searches that return an identity.
        correctly_refused: non-mated searches that return no identity.
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
    """Open-set searches, and the figures computed from them.

    Attributes:
        hits: sorted distances of the mates found at rank 1.
        wrong: sorted distances of the identities that came before the mate.
        non_mated: sorted distances of the nearest identities of non-mated searches.
        enrolled: how many identities the gallery holds.
        searches: every search, in the order of the probes.
    """

    hits: Floats
    wrong: Floats
    non_mated: Floats
    enrolled: int
    searches: Searches

    @property
    def mated_searches(self) -> int:
        """How many mated searches there were."""
        return len(self.hits) + len(self.wrong)

    def dir_at_fpir(self, target: float) -> DirPoint:
        """The highest detection and identification rate whose FPIR is at most `target`."""
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

    def fnir(self, threshold: float = np.inf, rank: int = 1) -> float:
        """FNIR at a threshold and a rank; by default any distance counts and only the rank matters (investigation).

        Raises:
            InputError: the rank is below 1.
        """
        return 1 - int(np.searchsorted(self._found(rank), threshold, side="right")) / self.mated_searches

    def fnir_at_fpir(self, target: float, rank: int = 1) -> FnirPoint:
        """The lowest FNIR at a rank whose FPIR is at most `target`; at rank 1 it is 1 - DIR.

        Raises:
            InputError: the rank is below 1, or the target outside 0 to 1.
        """
        threshold = loosest_threshold(self.non_mated, target, self._found(rank))
        return FnirPoint(
            target=target,
            rank=rank,
            fnir=self.fnir(threshold, rank),
            fpir=rate_at(self.non_mated, threshold),
            threshold=threshold,
            mated=self.mated_searches,
            non_mated=len(self.non_mated),
            sufficient=is_sufficient(target, len(self.non_mated)),
        )

    def _found(self, rank: int) -> Floats:
        """Sorted distances of the mates among the `rank` nearest."""
        if rank < 1:
            raise InputError(f"rank is {rank}; ranks start at 1")
        if rank == 1:
            return self.hits
        found = self.searches.mated & (self.searches.rank <= rank)
        return np.sort(self.searches.mate_distance[found])

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
    return open_set_of(search(gallery, gallery_labels, probes, probe_labels, metric, distances=distances))


def open_set_of(searches: Searches) -> OpenSetResult:
    """The open-set result of searches that were made before; raises as `open_set`."""
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
        searches=searches,
    )


def selectivity(
    gallery: npt.ArrayLike | None,
    gallery_labels: Any,
    probes: npt.ArrayLike | None,
    probe_labels: Any,
    threshold: float,
    metric: MetricName = "cosine",
    *,
    distances: npt.ArrayLike | None = None,
) -> float:
    """How many identities a non-mated search returns on average within a threshold: the work of an examiner.

    FPIR counts searches that return any identity, selectivity how many they return (ISO/IEC 19795-1; NIST FRTE part 2).

    Args: as `search`; mated probes are left out.

    Raises:
        VectorError: as `search`.
        InputError: no probe is non-mated.

    Example:
        >>> selectivity([[0.0], [1.0]], ["a", "b"], [[0.4], [9.0]], ["x", "y"], 0.7, "euclidean")
        1.0
    """
    found = search(gallery, gallery_labels, probes, probe_labels, metric, distances=distances, within=float(threshold))
    if found.mated.all() or found.within is None:
        raise InputError(
            "no probe is non-mated; selectivity is of non-mated searches: leave identities out of the gallery"
        )
    return float(found.within[~found.mated].mean())
