"""Verification (1:1): do two pictures show the same identity?

Vocabulary of ISO/IEC 19795-1: a *genuine* pair shows one identity, an *impostor* pair two; the false match
rate (FMR, here also FAR) is the share of impostor pairs at or below the threshold, the false non-match rate
(FNMR = 1 - TAR) the share of genuine pairs above it. Everything is a distance: a match is ``<= threshold``.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array, at_least_float32
from lookalike.distances import MetricName, blocks, pairwise
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.operating_point import is_sufficient, loosest_threshold, rate_at
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.evaluation.statistics.intervals import Bootstrap
from lookalike.evaluation.statistics.verification_intervals import (
    ComparedPairs,
    VerificationIntervals,
    bootstrap_verification,
)
from lookalike.evaluation.verification.hardest_pairs import HardPairs

__all__ = [
    "MAX_PAIRS",
    "DetCurve",
    "HardPairs",
    "RocCurve",
    "TarPoint",
    "VerificationResult",
    "checked_scores",
    "comparable_identities",
    "equal_error",
    "from_scores",
    "verify_all_pairs",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: All pairs are held in memory: at this many, about 2 GB. 10,000 pictures make just under 50 million pairs.
MAX_PAIRS = 50_000_000


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Arrays of one length: at `thresholds[i]`, the share of impostor (`fmr`) and genuine (`tar`) pairs accepted.

    The first threshold is -inf, at which nothing is accepted; then every distinct distance, ascending.
    """

    thresholds: Floats
    fmr: Floats
    tar: Floats


@dataclass(frozen=True, eq=False)
class DetCurve:
    """Arrays of one length: false match and false non-match rate at every threshold of the ROC."""

    thresholds: Floats
    fmr: Floats
    fnmr: Floats


@dataclass(frozen=True)
class TarPoint:
    """True accept rate at a false accept rate.

    Attributes:
        target: the FAR asked for.
        tar: share of genuine pairs accepted.
        far: share of impostor pairs accepted; at most the target, ties included.
        threshold: a match is a distance of at most this.
        genuine_pairs: how many there are.
        impostor_pairs: how many there are.
        sufficient: whether they allow at least 10 errors at the target (``target * impostor_pairs >= 10``).
    """

    target: float
    tar: float
    far: float
    threshold: float
    genuine_pairs: int
    impostor_pairs: int
    sufficient: bool


def equal_error(curve: RocCurve) -> tuple[float, float]:
    """Where FMR and FNMR cross, linearly interpolated between the points of a curve: the rate and the threshold."""
    difference = curve.fmr - (1 - curve.tar)
    after = int(np.argmax(difference >= 0))  # never 0: at the first point nothing is accepted
    before = after - 1
    share = -difference[before] / (difference[after] - difference[before])
    rate = curve.fmr[before] + share * (curve.fmr[after] - curve.fmr[before])
    if difference[after] == 0:  # a whole gap between two distances is at the EER: its middle
        threshold = curve.thresholds[after : after + 2].mean()
    elif before == 0:
        threshold = curve.thresholds[after]
    else:
        threshold = curve.thresholds[before] + share * (curve.thresholds[after] - curve.thresholds[before])
    return float(rate), float(threshold)


@dataclass(frozen=True, eq=False)
class VerificationResult:
    """The distances of all genuine and all impostor pairs, and the figures computed from them.

    Attributes:
        genuine: `(g,)` float64, sorted.
        impostor: `(p,)` float64, sorted.
        genuine_pairs: `(g, 2)` positions of the two pictures, in the order of `genuine`; None when unknown.
        impostor_pairs: `(p, 2)` likewise.
        codes: `(n,)` the identity of every picture, as a position in `names`; None when unknown.
        names: the label of every identity.
    """

    genuine: Floats
    impostor: Floats
    genuine_pairs: npt.NDArray[np.int32] | None = None
    impostor_pairs: npt.NDArray[np.int32] | None = None
    codes: Integers | None = None
    names: tuple[Hashable, ...] = ()
    _intervals: dict[Any, VerificationIntervals] = field(default_factory=dict, repr=False)

    @property
    def pictures(self) -> int:
        """How many pictures were compared (0 when only scores were given)."""
        return 0 if self.codes is None else len(self.codes)

    @cached_property
    def _roc(self) -> RocCurve:
        grid = np.unique(np.concatenate([self.genuine, self.impostor]))
        fmr = np.searchsorted(self.impostor, grid, side="right") / len(self.impostor)
        tar = np.searchsorted(self.genuine, grid, side="right") / len(self.genuine)
        zero = np.zeros(1)
        return RocCurve(*(np.concatenate(ends) for ends in (([-np.inf], grid), (zero, fmr), (zero, tar))))

    def roc(self) -> RocCurve:
        """Receiver operating characteristic, one point per distinct distance; from (0, 0) to (1, 1)."""
        return self._roc

    def det(self) -> DetCurve:
        """Detection error trade-off (Martin et al. 1997): FNMR against FMR."""
        return DetCurve(self._roc.thresholds, self._roc.fmr, 1 - self._roc.tar)

    @cached_property
    def auc(self) -> float:
        """Probability that a genuine pair is nearer than an impostor pair, ties counting half (Mann & Whitney)."""
        nearer = np.searchsorted(self.impostor, self.genuine, side="left")
        not_farther = np.searchsorted(self.impostor, self.genuine, side="right")
        beaten = 2 * len(self.impostor) - nearer - not_farther  # twice the count, so that halves stay whole
        return float(beaten.sum() / (2 * len(self.impostor) * len(self.genuine)))

    @cached_property
    def _crossing(self) -> tuple[float, float]:
        return equal_error(self._roc)

    @property
    def eer(self) -> float:
        """Equal error rate: where FMR and FNMR cross, linearly interpolated between the points of the curve."""
        return self._crossing[0]

    @property
    def eer_threshold(self) -> float:
        """The distance at the equal error rate, interpolated likewise."""
        return self._crossing[1]

    def fmr(self, threshold: float) -> float:
        """False match rate at a threshold."""
        return rate_at(self.impostor, threshold)

    def fnmr(self, threshold: float) -> float:
        """False non-match rate at a threshold."""
        return 1 - rate_at(self.genuine, threshold)

    def tar_at_far(self, target: float) -> TarPoint:
        """The highest true accept rate whose false accept rate is at most `target`; see `TarPoint`."""
        threshold = loosest_threshold(self.impostor, target, self.genuine)
        return TarPoint(
            target=target,
            tar=rate_at(self.genuine, threshold),
            far=self.fmr(threshold),
            threshold=threshold,
            genuine_pairs=len(self.genuine),
            impostor_pairs=len(self.impostor),
            sufficient=is_sufficient(target, len(self.impostor)),
        )

    def intervals(
        self,
        targets: Sequence[float] = (0.01,),
        thresholds: Sequence[float] = (),
        replicates: int = 1000,
        level: float = 0.95,
        seed: int = 0,
    ) -> VerificationIntervals:
        """Confidence intervals by bootstrap over identities; see `verification_intervals.bootstrap_verification`.

        Raises:
            InputError: the result was made from scores without pairs and labels.
        """
        bootstrap = Bootstrap(replicates, level, seed)
        key = (tuple(targets), tuple(thresholds), bootstrap)
        if key not in self._intervals:
            self._intervals[key] = bootstrap_verification(
                self.compared_pairs(), bootstrap, targets=targets, thresholds=thresholds
            )
        return self._intervals[key]

    def compared_pairs(self) -> ComparedPairs:
        """The pairs as the bootstrap over identities takes them.

        Raises:
            InputError: the result was made from scores without pairs and labels.
        """
        if self.codes is None or self.genuine_pairs is None or self.impostor_pairs is None:
            raise InputError(
                "intervals resample identities, and only scores were given; give from_scores the pairs and labels too"
            )
        return ComparedPairs(
            genuine=self.genuine,
            genuine_identity=self.codes[self.genuine_pairs[:, 0]],
            impostor=self.impostor,
            impostor_identities=self.codes[self.impostor_pairs],
            identities=len(self.names),
        )

    def hardest_impostors(self, k: int, one_per_identities: bool = False) -> HardPairs:
        """The `k` nearest impostor pairs: the look-alikes.

        Args:
            k: how many, at least 1; fewer come back when there are fewer.
            one_per_identities: only the nearest pair of any two identities.
        """
        return self._hardest(self.impostor, self.impostor_pairs, k, one_per_identities, nearest=True)

    def hardest_genuine(self, k: int, one_per_identities: bool = False) -> HardPairs:
        """The `k` farthest genuine pairs, the least alike of one identity; arguments as `hardest_impostors`."""
        return self._hardest(self.genuine, self.genuine_pairs, k, one_per_identities, nearest=False)

    def _hardest(
        self,
        distances: Floats,
        pairs: npt.NDArray[np.int32] | None,
        k: int,
        one_per_identities: bool,
        nearest: bool,
    ) -> HardPairs:
        if pairs is None or (one_per_identities and self.codes is None):
            raise InputError("only scores were given; give from_scores the pairs and labels to name the hardest")
        if k < 1:
            raise InputError(f"k is {k}; at least 1 pair must be asked for")
        order = np.arange(len(distances)) if nearest else np.arange(len(distances))[::-1]
        if one_per_identities and self.codes is not None:
            both = np.sort(self.codes[pairs[order]], axis=1)
            _, firsts = np.unique(both[:, 0] * len(self.names) + both[:, 1], return_index=True)
            order = order[np.sort(firsts)]
        order = order[:k]
        chosen = pairs[order].astype(np.int64)
        return HardPairs(chosen[:, 0], chosen[:, 1], distances[order])


def verify_all_pairs(
    embeddings: npt.ArrayLike | None,
    labels: Any,
    metric: MetricName = "cosine",
    *,
    distances: npt.ArrayLike | None = None,
) -> VerificationResult:
    """Compare every picture with every other one.

    Args:
        embeddings: `(n, d)` vectors, or None when `distances` are given.
        labels: `(n,)` integers or strings, compared exactly.
        metric: name of the distance.
        distances: `(n, n)` symmetric matrix instead of embeddings, for any other distance.

    Returns:
        The result; all ``n (n - 1) / 2`` pairs are held in memory.

    Raises:
        VectorError: wrong shapes, NaN, or not one label per vector.
        InputError: one identity only, no identity with two pictures, or more than `MAX_PAIRS` pairs
            (`pair_counts.count_all_pairs` takes any number).

    Example:
        >>> result = verify_all_pairs([[0.0], [0.1], [1.0], [1.3]], ["a", "a", "b", "b"], "euclidean")
        >>> result.eer, result.auc
        (0.0, 1.0)
    """
    if (embeddings is None) == (distances is None):
        raise VectorError("give either embeddings or a matrix of distances, not both and not neither")
    matrix = None if distances is None else _checked_matrix(distances)
    vectors = matrix if matrix is not None else checked_vectors(embeddings)  # type: ignore[arg-type]
    n = len(vectors)
    codes, names = comparable_identities(labels, n)
    count = n * (n - 1) // 2
    _check_count(count, f"{n} pictures make {count:,} pairs", "10,000 pictures", "use pair_counts.count_all_pairs")
    first, second = np.empty((2, count), np.int32)
    values = np.empty(count, np.float64)
    start = 0
    for rows in blocks(n, n):
        part = pairwise(vectors[rows], vectors[rows.start :], metric) if matrix is None else matrix[rows, rows.start :]
        i, j = np.triu_indices(rows.stop - rows.start, k=1, m=n - rows.start)
        stop = start + len(i)
        first[start:stop], second[start:stop], values[start:stop] = i + rows.start, j + rows.start, part[i, j]
        start = stop
    return _result(values, codes[first] == codes[second], np.stack([first, second], axis=1), codes, names)


def comparable_identities(labels: Any, n: int) -> tuple[Integers, tuple[Hashable, ...]]:
    """`labels.identity_codes` of `n` pictures that make both genuine and impostor pairs, or an `InputError`."""
    codes, names = identity_codes(labels, n)
    if len(names) < 2:
        raise InputError(
            f"all {n} pictures are of one identity, {names[0]!r}; verification needs at least 2 to make impostor pairs"
        )
    if len(names) == n:
        raise InputError(f"each of {n} identities has one picture; at least one needs 2 to make a genuine pair")
    return codes, names


def from_scores(
    distances: npt.ArrayLike,
    genuine: npt.ArrayLike,
    *,
    pairs: npt.ArrayLike | None = None,
    labels: Any = None,
) -> VerificationResult:
    """A result from listed pairs.

    Args:
        distances: `(p,)`, smaller is more alike (negate similarities).
        genuine: `(p,)` bool, whether the pair shows one identity.
        pairs: `(p, 2)` positions of the two pictures in `labels`; needed for the hardest pairs.
        labels: `(n,)` identity of every picture; needed, with `pairs`, for intervals.

    Raises:
        VectorError: wrong shapes, NaN, or `genuine` contradicts the labels.
        InputError: no genuine or no impostor pairs, or more than `MAX_PAIRS` (`pair_counts.PairCounts` takes any
            number, in parts).

    Example:
        >>> from_scores([0.1, 0.4, 0.3, 0.9], [True, True, False, False]).auc
        0.75
    """
    values, truth = checked_scores(distances, genuine)
    _check_count(
        len(values),
        f"{len(values):,} pairs were given",
        "50 million pairs",
        "add them in parts to pair_counts.PairCounts",
    )
    if truth.all() or not truth.any():
        raise InputError(
            f"{int(truth.sum())} genuine and {int((~truth).sum())} impostor pairs were given; both kinds are needed"
        )
    if pairs is None:
        if labels is not None:
            raise VectorError("labels were given without pairs; give the two positions of every pair too")
        return _result(values, truth, None, None, ())
    positions = as_array(pairs, "pairs")
    if positions.shape != (len(values), 2) or positions.dtype.kind not in "iu":
        raise VectorError(
            f"pairs have shape {positions.shape} and dtype {positions.dtype}; expected ({len(values)}, 2) integers"
        )
    codes, names = (None, ()) if labels is None else identity_codes(labels)
    limit = np.iinfo(np.int32).max if codes is None else len(codes)
    if positions.min() < 0 or positions.max() >= limit:
        raise VectorError(f"pairs name pictures {positions.min()} to {positions.max()}; there are 0 to {limit - 1}")
    if codes is not None:
        wrong = np.flatnonzero((codes[positions[:, 0]] == codes[positions[:, 1]]) != truth)
        if len(wrong):
            raise VectorError(
                f"pair {wrong[0]} is called {'genuine' if truth[wrong[0]] else 'impostor'}, its labels contradict that"
            )
    return _result(values, truth, positions.astype(np.int32), codes, names)


def checked_scores(distances: npt.ArrayLike, genuine: npt.ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """`(p,)` finite distances and as many booleans as arrays, with at least one pair, or a `VectorError`."""
    values, truth = at_least_float32(as_array(distances, "distances")), as_array(genuine, "genuine")
    if values.ndim != 1 or values.shape != truth.shape or not len(values):
        raise VectorError(
            f"distances have shape {values.shape} and genuine {truth.shape}; both must be (pairs,), with at least one"
        )
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise VectorError(f"distances (dtype {values.dtype}) must be finite numbers; remove the pairs without a score")
    if truth.dtype.kind != "b" and not (truth.dtype.kind in "iu" and np.isin(truth, (0, 1)).all()):
        raise VectorError(f"genuine has dtype {truth.dtype}; it must be true or false for every pair")
    return values, truth.astype(bool)


def _result(
    values: npt.NDArray[Any],
    genuine: npt.NDArray[np.bool_],
    pairs: npt.NDArray[np.int32] | None,
    codes: Integers | None,
    names: tuple[Hashable, ...],
) -> VerificationResult:
    sides = []
    for mask in (genuine, ~genuine):
        chosen = values[mask].astype(np.float64)
        order = np.argsort(chosen, kind="stable")
        sides.append((chosen[order], None if pairs is None else pairs[mask][order]))
    (genuine_values, genuine_pairs), (impostor_values, impostor_pairs) = sides
    return VerificationResult(genuine_values, impostor_values, genuine_pairs, impostor_pairs, codes, names)


def _check_count(count: int, given: str, example: str, instead: str) -> None:
    if count > MAX_PAIRS:
        raise InputError(
            f"{given}; at most {MAX_PAIRS:,} are held in memory ({example}): {instead}, whose memory does not grow "
            "with the pairs"
        )


def _checked_matrix(distances: npt.ArrayLike) -> npt.NDArray[Any]:
    matrix = checked_vectors(distances, "distances")
    if matrix.shape[0] != matrix.shape[1]:
        raise VectorError(f"the matrix of distances has shape {matrix.shape}; it must be square (n, n)")
    if not np.allclose(matrix, matrix.T, rtol=1e-4, atol=1e-6 * float(np.abs(matrix).max())):
        raise VectorError("the matrix of distances is not symmetric; give (matrix + matrix.T) / 2 if that is meant")
    return matrix
