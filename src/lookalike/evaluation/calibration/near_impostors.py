"""What the tail of the impostor distances is fitted to, whether all pairs were kept or only counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.verification.all_pairs import VerificationResult
from lookalike.evaluation.verification.pair_counts import PairCounts

__all__ = ["FEWEST_PAIRS", "NearImpostors"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: With fewer impostor pairs there is no tail to fit.
FEWEST_PAIRS = 500
#: Exceedances the tail is fitted to: a hundredth of all pairs, within these limits.
FEWEST_EXCEEDANCES, MOST_EXCEEDANCES = 50, 2000
#: Distances looked at above the tail.
BULK_POINTS = 40
#: The standard normal's one-sided 95% quantile.
NORMAL_LEVEL = 1.6449


@dataclass(frozen=True, eq=False)
class NearImpostors:
    """The nearest impostor pairs, and how the others are distributed.

    Attributes:
        start: the distance that the tail's pairs are below.
        distances: `(k,)` float64 of the tail's pairs, ascending.
        pictures: `(k, 2)` int64 positions of their pictures.
        codes: `(n,)` int64 identity of every picture.
        total: how many impostor pairs there are.
        involved: `(identities,)` float64, in how many impostor pairs each identity is.
        bulk: `(b,)` distances above `start`, ascending, up to the median.
        bulk_spread: `(b,)` relative standard deviation of the false match rate there; None where it is not known, but
            less than at `start`.
        measured: the measured false match rate at ascending distances.
        probes: how many of the pictures, the first ones, are probes; the others are what they are compared with. None
            where every picture of a pair is a probe of the other.
    """

    start: float
    distances: Floats
    pictures: Integers
    codes: Integers
    total: int
    involved: Floats
    bulk: Floats
    bulk_spread: Floats | None
    measured: Callable[[Floats], Floats]
    probes: int | None = None

    @classmethod
    def of_result(cls, result: VerificationResult, probes: int | None = None) -> NearImpostors:
        """Of a result that keeps all pairs; `probes` as the attribute.

        Raises:
            InputError: only scores were given, or fewer than `FEWEST_PAIRS` impostor pairs.
        """
        if result.codes is None or result.impostor_pairs is None:
            raise InputError(
                "a tail is bounded by resampling identities, and only scores were given; give pairs and labels"
            )
        impostor, count = result.impostor, len(result.impostor)
        size = _size(count)
        # Ties with the start are no exceedances.
        start = float(impostor[size])
        size = int(np.searchsorted(impostor, start, side="left"))
        pairs = result.codes[result.impostor_pairs]
        involved = np.bincount(pairs.ravel(), minlength=len(result.names)).astype(np.float64)
        ranks = np.unique(np.geomspace(size + 1, max(count // 2, size + 2), BULK_POINTS).astype(np.int64))
        bulk = np.unique(impostor[ranks])
        bulk = bulk[bulk > start]
        return cls(
            start=start,
            distances=impostor[:size],
            pictures=result.impostor_pairs[:size].astype(np.int64),
            codes=result.codes,
            total=count,
            involved=involved,
            bulk=bulk,
            bulk_spread=_spread(np.searchsorted(impostor, bulk, side="right"), pairs, involved),
            measured=lambda at: np.searchsorted(impostor, at, side="right") / count,
            probes=probes,
        )

    @classmethod
    def of_counts(cls, counts: PairCounts, codes: Integers) -> NearImpostors:
        """Of all pairs, counted; `codes` are the identities of the pictures, as `labels.identity_codes` gives them.

        Raises:
            InputError: fewer than `FEWEST_PAIRS` impostor pairs, or not all pairs of these pictures.
        """
        size = _size(counts.impostor_pairs)
        pictures = np.bincount(codes).astype(np.float64)
        involved = pictures * (len(codes) - pictures)
        if round(involved.sum() / 2) != counts.impostor_pairs:
            raise InputError(
                f"{counts.impostor_pairs:,} impostor pairs were counted; all pairs of these {len(codes):,} pictures "
                f"are {round(involved.sum() / 2):,}: give the labels that count_all_pairs was given"
            )
        hardest = counts.hardest_impostors(size + 1)
        start = float(hardest.distances[size])
        size = int(np.searchsorted(hardest.distances, start, side="left"))
        shares = np.geomspace(max((size + 1) / counts.impostor_pairs, 1e-12), 0.5, BULK_POINTS)
        bulk = np.unique([counts.quantile(float(share)) for share in shares])
        return cls(
            start=start,
            distances=hardest.distances[:size],
            pictures=np.stack([hardest.first[:size], hardest.second[:size]], axis=1),
            codes=codes,
            total=counts.impostor_pairs,
            involved=involved,
            bulk=bulk[bulk > start],
            bulk_spread=None,
            measured=lambda at: np.array([counts.fmr(float(one)) for one in at]),
        )


def _size(count: int) -> int:
    if count < FEWEST_PAIRS:
        raise InputError(
            f"{count:,} impostor pairs are too few to fit a tail, at least {FEWEST_PAIRS} are needed; measure on more "
            "identities"
        )
    return min(MOST_EXCEEDANCES, max(FEWEST_EXCEEDANCES, count // 100))


def _spread(accepted: Integers, pairs: Integers, involved: Floats) -> Floats:
    """Relative standard deviation of FMR over resampled identities where so many pairs are accepted.

    So many pairs lie there that the bootstrap's spread is that of its linear part: to first order a draw of identity i
    once more changes log FMR by its share of the accepted pairs less its share of all pairs (Hájek's projection).
    """
    of_each = np.zeros(len(involved))
    spread = np.empty(len(accepted))
    before = 0
    for number, after in enumerate(accepted.tolist()):
        of_each += np.bincount(pairs[before:after].ravel(), minlength=len(involved))
        before = after
        spread[number] = np.sqrt(np.square(of_each / after - involved / len(pairs)).sum())
    return spread
