"""Does one threshold err more often for some groups of people than for others?

All groups are judged at the *common* threshold, the one everybody is matched with; a threshold of its own for every
group would hide the difference. Two rates count: FNMR, how often a group's own people are missed, and FMR, how often
two of its people match falsely, and also between groups, since a stranger may be of any.

Intervals resample identities, of all groups together. Ratios as in NIST's reports: of a group's FMR to that of
everybody, of the worst group to the best, and of the worst to the geometric mean.

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
from lookalike.evaluation.statistics.bootstrap import Interval, checked_bootstrap, drawn_counts, percentile_intervals
from lookalike.evaluation.verification.all_pairs import VerificationResult

__all__ = ["GroupRate", "GroupRates", "compare_groups"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Numbers in one array of a chunk of replicates.
CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True)
class GroupRate:
    """An error rate of one group, or between two.

    Attributes:
        rate: errors / pairs; NaN without pairs.
        errors: false matches, or false non-matches.
        pairs: impostor pairs, or genuine ones.
        interval: by bootstrap over identities; None where no replicate held pairs.
        ratio: to the rate of everybody; NaN where that is 0 or there are no pairs.
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
        threshold: a match is a distance of at most this, for everybody.
        groups: their labels.
        fmr: of every two groups, `(group, group)`, in both orders; of a group with itself, among its own people.
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
        target: FMR whose conservative threshold, over everybody, is the common one; or
        threshold: the common threshold, such as the one a calibration chose on other people.
        replicates: of the bootstrap.
        level: of the intervals.
        seed: of the draws.

    Returns:
        The rates. A rate is sufficient where 10 errors were to be expected: of FMR at the target (without one, at the
        rate of everybody), of FNMR at the rate of everybody.

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
    if (target is None) == (threshold is None):
        raise InputError("give either a target FMR or a threshold, not both and not neither")
    if result.codes is None or result.genuine_pairs is None or result.impostor_pairs is None:
        raise InputError(
            "groups are of pictures, and only scores were given; give from_scores the pairs and labels too"
        )
    if threshold is not None and math.isnan(threshold):
        raise InputError("the threshold is NaN; give a distance")
    identities = len(result.names)
    checked_bootstrap(identities, replicates, level)
    codes, names = _picture_groups(result.codes, result.names, groups)
    common = float(threshold) if target is None else result.tar_at_far(target).threshold  # type: ignore[arg-type]
    overall_fmr, overall_fnmr = result.fmr(common), result.fnmr(common)
    # The pairs are sorted by distance: matches come first.
    matches, hits = (int(np.searchsorted(side, common, side="right")) for side in (result.impostor, result.genuine))
    draws = _Draws(drawn_counts(np.random.default_rng(seed), replicates, identities), level)

    keys = _keys(result.impostor_pairs, codes, len(names), result.codes, identities)
    tried, erred = _identity_pairs(keys, identities), _identity_pairs(keys[:matches], identities)
    fmr = {}
    for a, first in enumerate(names):
        for b, second in enumerate(names[a:], start=a):
            errors, pairs = (side.get(a * len(names) + b) for side in (erred, tried))
            rate = draws.of_pairs(errors, pairs, overall_fmr, overall_fmr if target is None else target)
            fmr[first, second] = fmr[second, first] = rate

    both = codes[result.genuine_pairs]
    same = both[:, 0] == both[:, 1]
    where = both[:, 0] * identities + result.codes[result.genuine_pairs[:, 0]]
    shape = (len(names), identities)
    all_genuine = np.bincount(where[same], minlength=shape[0] * shape[1]).reshape(shape)
    missed = np.bincount(where[hits:][same[hits:]], minlength=shape[0] * shape[1]).reshape(shape)
    return GroupRates(
        threshold=common,
        groups=names,
        fmr=fmr,
        fnmr={
            name: draws.of_identities(missed[group], all_genuine[group], overall_fnmr)
            for group, name in enumerate(names)
        },
        overall_fmr=overall_fmr,
        overall_fnmr=overall_fnmr,
        mixed_genuine=int((~same).sum()),
        replicates=replicates,
    )


def _picture_groups(codes: Integers, names: tuple[Hashable, ...], groups: Any) -> tuple[Integers, tuple[Hashable, ...]]:
    if not isinstance(groups, Mapping):
        return identity_codes(groups, len(codes))
    group_of: dict[Hashable, Any] = {}
    for name, group in groups.items():
        if group_of.setdefault(canonical_label(name), group) != group:
            raise InputError(f"identity {name!r} has two groups under two spellings; give it one")
    without = [name for name in names if name not in group_of]
    if without:
        raise InputError(
            f"{len(without)} identities have no group, {without[0]!r} for one; give every identity its group"
        )
    of_identity, found = identity_codes([group_of[name] for name in names])
    return of_identity[codes], found


def _keys(
    pairs: npt.NDArray[np.int32], groups: Integers, group_count: int, codes: Integers, identities: int
) -> Integers:
    """`(p,)` one number for the two groups and the two identities of every pair, in either order."""
    keys = np.empty(len(pairs), np.int64)
    for start in range(0, len(pairs), CHUNK_NUMBERS):
        part = pairs[start : start + CHUNK_NUMBERS]
        cell = np.sort(groups[part], axis=1) @ np.array([group_count, 1])
        people = np.sort(codes[part], axis=1) @ np.array([identities, 1])
        keys[start : start + CHUNK_NUMBERS] = cell * identities**2 + people
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
class _Draws:
    """`(replicates, identities)` how often each identity was drawn, the same for all groups and rates."""

    counts: Floats
    level: float

    def of_pairs(
        self, errors: sparse.csr_array | None, pairs: sparse.csr_array | None, overall: float, expected: float
    ) -> GroupRate:
        """Of impostor pairs: a pair of i and j counts c_i·c_j times."""
        if pairs is None:
            return GroupRate(math.nan, 0, 0, None, math.nan, False)
        wrong = np.zeros(len(self.counts)) if errors is None else self._weights(errors)
        count = 0 if errors is None else int(errors.sum())
        return self._rate(count, int(pairs.sum()), wrong, self._weights(pairs), overall, expected)

    def of_identities(self, errors: Integers, pairs: Integers, overall: float) -> GroupRate:
        """Of genuine pairs: a pair of i counts c_i times."""
        if not pairs.any():
            return GroupRate(math.nan, 0, 0, None, math.nan, False)
        return self._rate(
            int(errors.sum()), int(pairs.sum()), self.counts @ errors, self.counts @ pairs, overall, overall
        )

    def _weights(self, pairs: sparse.csr_array) -> Floats:
        step = max(1, CHUNK_NUMBERS // self.counts.shape[1])
        parts = [self.counts[start : start + step] for start in range(0, len(self.counts), step)]
        return np.concatenate([((part @ pairs) * part).sum(axis=1) for part in parts])

    def _rate(
        self, errors: int, pairs: int, error_weights: Floats, pair_weights: Floats, overall: float, expected: float
    ) -> GroupRate:
        drawn = pair_weights > 0
        shares = error_weights[drawn] / pair_weights[drawn]
        return GroupRate(
            rate=errors / pairs,
            errors=errors,
            pairs=pairs,
            interval=percentile_intervals(shares[:, None], self.level)[0] if len(shares) else None,
            ratio=errors / pairs / overall if overall else math.nan,
            sufficient=is_sufficient(expected, pairs),
        )
