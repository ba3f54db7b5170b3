"""Error rates of groups of people at one common threshold.

All groups are measured at the *common* threshold, the one that all people are matched with; a threshold of its own for
every group would hide the difference. There are two rates: FNMR, how often two pictures of one person of the group do
not match, and FMR, how often two of its people match. FMR is also measured between groups, because an impostor may be
of any.

Intervals resample identities, of all groups together. Ratios are as in NIST's reports: of a group's FMR to the FMR
over all pairs, of the worst group to the best, and of the worst to the geometric mean.

Source: Grother, Ngan & Hanaoka, FRVT part 3 (NISTIR 8280, 2019); Grother, FRVT part 8 (NISTIR 8429, 2022).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from lookalike.errors import InputError
from lookalike.evaluation.calibration.operating_point import is_sufficient
from lookalike.evaluation.labels import canonical_label, identity_codes
from lookalike.evaluation.statistics.intervals import Bootstrap, Interval
from lookalike.evaluation.verification.all_pairs import VerificationResult

__all__ = ["GroupRate", "GroupRates", "compare_groups"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Pairs that are counted at a time.
PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class GroupRate:
    """An error rate of one group, or between two.

    Attributes:
        rate: errors / pairs; NaN without pairs.
        errors: false matches, or false non-matches.
        pairs: impostor pairs, or genuine ones.
        interval: by bootstrap over identities; None where no replicate held pairs.
        ratio: to the rate over all pairs; NaN where that is 0 or there are no pairs.
        sufficient: whether at least 10 errors were to be expected of so many pairs.
    """

    rate: float
    errors: int
    pairs: int
    interval: Interval | None
    ratio: float
    sufficient: bool


@dataclass(frozen=True)
class GroupRates:
    """Error rates of groups at a common threshold.

    Attributes:
        threshold: a match is a distance of at most this, for all groups.
        groups: their labels.
        fmr: of every two groups, `(group, group)`, in both orders; of a group with itself, between its own people.
        fnmr: of every group, over genuine pairs of two of its pictures.
        overall_fmr: over all impostor pairs.
        overall_fnmr: over all genuine pairs.
        mixed_genuine: genuine pairs left out of `fnmr`, whose pictures are of two groups.
        replicates: of the bootstrap.
    """

    threshold: float
    groups: tuple[Hashable, ...]
    fmr: Mapping[tuple[Hashable, Hashable], GroupRate]
    fnmr: Mapping[Hashable, GroupRate]
    overall_fmr: float
    overall_fnmr: float
    mixed_genuine: int
    replicates: int

    def own_fmr(self) -> dict[Hashable, GroupRate]:
        """FMR within each group."""
        return {group: self.fmr[group, group] for group in self.groups}

    def fmr_matrix(self) -> Floats:
        """`(groups, groups)` FMR, symmetric; NaN where two groups make no impostor pair."""
        return np.array([[self.fmr[a, b].rate for b in self.groups] for a in self.groups])

    def worst_to_best(self, kind: str = "fmr") -> float:
        """Largest rate within a group over the smallest, among groups with enough pairs.

        Args:
            kind: "fmr" or "fnmr".

        Returns:
            1 or more, infinite where only the smallest is 0; NaN where fewer than 2 groups suffice, or all are 0.
        """
        rates = self._sufficient(kind)
        if len(rates) < 2 or rates.max() == 0:
            return float("nan")
        return float(rates.max() / rates.min()) if rates.min() > 0 else float("inf")

    def worst_to_mean(self, kind: str = "fmr") -> float:
        """Largest rate within a group over the geometric mean of all; as `worst_to_best`."""
        rates = self._sufficient(kind)
        if len(rates) < 2 or rates.max() == 0:
            return float("nan")
        return float(rates.max() / np.exp(np.log(rates).mean())) if rates.min() > 0 else float("inf")

    def _sufficient(self, kind: str) -> Floats:
        if kind not in ("fmr", "fnmr"):
            raise InputError(f"kind is {kind!r}; choose fmr or fnmr")
        rates = self.own_fmr() if kind == "fmr" else self.fnmr
        return np.array([rate.rate for rate in rates.values() if rate.sufficient])


def compare_groups(
    result: VerificationResult,
    groups: Any,
    *,
    target: float | None = None,
    threshold: float | None = None,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> GroupRates:
    """FMR and FNMR of every group at one threshold.

    Args:
        result: of the verification of all groups together, with pairs and labels.
        groups: `(n,)` a label per picture; or a mapping from every identity to its group.
        target: FMR over all pairs, whose conservative threshold is the common one; or
        threshold: the common threshold, such as the one a calibration chose on other people.
        replicates: of the bootstrap.
        level: of the intervals.
        seed: of the draws.

    Returns:
        The rates. A rate is sufficient where 10 errors were to be expected: of FMR at the target (without one, at the
        FMR over all pairs), of FNMR at the FNMR over all pairs.

    Raises:
        InputError: neither or both of target and threshold, scores without pairs, fewer than 2 identities, or an
            identity without a group.
        VectorError: not one group per picture, or groups that are neither integers nor strings.

    Example:
        >>> from lookalike.evaluation.verification.all_pairs import verify_all_pairs
        >>> result = verify_all_pairs([[0.0], [0.1], [0.2], [9.0], [9.1]], list("aabcd"), "euclidean")
        >>> rates = compare_groups(result, dict(a="red", b="red", c="blue", d="blue"), threshold=0.15)
        >>> rates.own_fmr()["red"].rate, rates.own_fmr()["blue"].rate, rates.fmr["red", "blue"].rate
        (0.5, 1.0, 0.0)
    """
    codes, names = _picture_groups(result, groups)
    bootstrap = Bootstrap(replicates, level, seed)
    bootstrap.check(len(result.names))
    common = _common_threshold(result, target, threshold)
    counts = _GroupCounts.of(result, codes, len(names), common)
    intervals = iter(counts.intervals(bootstrap))
    overall_fmr, overall_fnmr = result.fmr(common), result.fnmr(common)
    expected = overall_fmr if target is None else target
    fmr: dict[tuple[Hashable, Hashable], GroupRate] = {}
    for (a, b), (errors, pairs) in counts.impostor.items():
        counted = int(errors.sum()), int(pairs.sum())
        fmr[names[a], names[b]] = fmr[names[b], names[a]] = _rate(*counted, next(intervals), overall_fmr, expected)
    own = zip(names, counts.missed.sum(axis=1).tolist(), counts.genuine.sum(axis=1).tolist(), strict=True)
    return GroupRates(
        threshold=common,
        groups=names,
        fmr=fmr,
        fnmr={name: _rate(errors, pairs, next(intervals), overall_fnmr, overall_fnmr) for name, errors, pairs in own},
        overall_fmr=overall_fmr,
        overall_fnmr=overall_fnmr,
        mixed_genuine=counts.mixed_genuine,
        replicates=replicates,
    )


def _rate(errors: int, pairs: int, interval: Interval | None, overall: float, expected: float) -> GroupRate:
    """A rate beside the `overall` one; it is sufficient where 10 errors are expected at the `expected` rate."""
    if not pairs:
        return GroupRate(math.nan, 0, 0, None, math.nan, False)
    return GroupRate(
        rate=errors / pairs,
        errors=errors,
        pairs=pairs,
        interval=interval,
        ratio=errors / pairs / overall if overall else math.nan,
        sufficient=is_sufficient(expected, pairs),
    )


def _common_threshold(result: VerificationResult, target: float | None, threshold: float | None) -> float:
    if (target is None) == (threshold is None):
        raise InputError("give either a target FMR or a threshold, not both and not neither")
    if threshold is None:
        return result.tar_at_far(target).threshold  # type: ignore[arg-type]
    if math.isnan(threshold):
        raise InputError("the threshold is NaN; give a distance")
    return float(threshold)


def _picture_groups(result: VerificationResult, groups: Any) -> tuple[Integers, tuple[Hashable, ...]]:
    """`(n,)` the group of each picture, as a position among the labels of the groups."""
    if result.codes is None or result.genuine_pairs is None or result.impostor_pairs is None:
        raise InputError(
            "groups are of pictures, and only scores were given; give from_scores the pairs and labels too"
        )
    if not isinstance(groups, Mapping):
        return identity_codes(groups, len(result.codes))
    group_of: dict[Hashable, Any] = {}
    for name, group in groups.items():
        if group_of.setdefault(canonical_label(name), group) != group:
            raise InputError(f"identity {name!r} has two groups under two spellings; give it one")
    without = [name for name in result.names if name not in group_of]
    if without:
        raise InputError(
            f"{len(without)} identities have no group, such as {without[0]!r}; give every identity its group"
        )
    of_identity, found = identity_codes([group_of[name] for name in result.names])
    return of_identity[result.codes], found


def _keys(
    pairs: npt.NDArray[np.int32], groups: Integers, group_count: int, codes: Integers, identities: int
) -> Integers:
    """`(p,)` one number for the two groups and the two identities of every pair, in either order."""
    keys = np.empty(len(pairs), np.int64)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        part = pairs[start : start + PAIRS_AT_ONCE]
        cell = np.sort(groups[part], axis=1) @ np.array([group_count, 1])
        people = np.sort(codes[part], axis=1) @ np.array([identities, 1])
        keys[start : start + PAIRS_AT_ONCE] = cell * identities**2 + people
    return keys


def _identity_pairs(keys: Integers, identities: int) -> dict[int, sparse.csr_array]:
    """Per two groups, how many pairs any two identities make: `(identities, identities)`, each pair once."""
    keys, counts = np.unique(keys, return_counts=True)
    cell, rest = np.divmod(keys, identities**2)
    found, starts = np.unique(cell, return_index=True)
    shape = (identities, identities)
    return {
        int(number): sparse.csr_array((counts[a:b].astype(np.float64), np.divmod(rest[a:b], identities)), shape)
        for number, a, b in zip(found, starts, [*starts[1:], len(cell)][: len(found)], strict=True)
    }


@dataclass(frozen=True, eq=False)
class _GroupCounts:
    """Pairs and errors of groups, counted by identity.

    Attributes:
        impostor: of every two groups a ≤ b, false matches and impostor pairs of any two identities: two sparse
            `(identities, identities)` arrays, each pair once.
        missed: `(groups, identities)` false non-matches.
        genuine: `(groups, identities)` genuine pairs of two pictures of the group.
        mixed_genuine: genuine pairs of pictures of two groups.
    """

    impostor: Mapping[tuple[int, int], tuple[sparse.csr_array, sparse.csr_array]]
    missed: Integers
    genuine: Integers
    mixed_genuine: int

    @classmethod
    def of(cls, result: VerificationResult, groups: Integers, group_count: int, threshold: float) -> _GroupCounts:
        """Count the pairs of a result with pairs and labels; `groups` `(n,)` is the group of each picture."""
        assert result.codes is not None
        assert result.genuine_pairs is not None
        assert result.impostor_pairs is not None
        identities = len(result.names)
        # The pairs are sorted by distance: matches come first.
        matches, hits = (
            int(np.searchsorted(side, threshold, side="right")) for side in (result.impostor, result.genuine)
        )
        keys = _keys(result.impostor_pairs, groups, group_count, result.codes, identities)
        erred, tried = _identity_pairs(keys[:matches], identities), _identity_pairs(keys, identities)
        none = sparse.csr_array((identities, identities))
        impostor = {
            (a, b): (erred.get(a * group_count + b, none), tried.get(a * group_count + b, none))
            for a in range(group_count)
            for b in range(a, group_count)
        }
        both = groups[result.genuine_pairs]
        same = both[:, 0] == both[:, 1]
        cell = both[:, 0] * identities + result.codes[result.genuine_pairs[:, 0]]
        missed, genuine = (
            np.bincount(cell[first:][same[first:]], minlength=group_count * identities).reshape(group_count, identities)
            for first in (hits, 0)
        )
        return cls(impostor, missed, genuine, int((~same).sum()))

    def intervals(self, bootstrap: Bootstrap) -> list[Interval | None]:
        """Of the FMR of every two groups and the FNMR of every group; None where no replicate held pairs."""
        values = bootstrap.replicate(self._rates, [self.missed.shape[1]])
        drawn = [column[~np.isnan(column)] for column in values.T]
        return [bootstrap.intervals(column[:, None])[0] if len(column) else None for column in drawn]

    def _rates(self, counts: Floats) -> Floats:
        """`(r, rates)` of multiplicities `(r, identities)`; NaN where a replicate holds no such pair."""
        weights = [[((counts @ side) * counts).sum(axis=1) for side in cell] for cell in self.impostor.values()]
        weights += [
            [counts @ missed, counts @ genuine] for missed, genuine in zip(self.missed, self.genuine, strict=True)
        ]
        errors, pairs = (np.stack([cell[kind] for cell in weights], axis=1) for kind in range(2))
        return np.asarray(np.divide(errors, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0))
