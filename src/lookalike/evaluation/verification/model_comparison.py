"""Compare two models on the same pictures: the difference of a figure, and whether chance explains it.

Both models are measured on the same pictures of the same people. Their errors are correlated, because a bad picture is
bad for both: two separate intervals may overlap although the difference is significant. So the bootstrap is paired: the
identities drawn in a replicate are the same for both models, and the *difference* gets the interval. Where the interval
includes 0, the models do not differ significantly on these pictures.

The interval covers which people were measured. It does not cover the randomness of training; train with several seeds
to see that.

Source: Bisani & Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation" (ICASSP 2004), for
the paired bootstrap and the share of replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.identification.closed_and_open_set import open_set_of
from lookalike.evaluation.identification.gallery_search import Searches
from lookalike.evaluation.labels import identity_codes
from lookalike.evaluation.statistics.intervals import Bootstrap, Interval, mean_replicates
from lookalike.evaluation.statistics.search_intervals import search_replicates
from lookalike.evaluation.statistics.verification_intervals import verification_replicates
from lookalike.evaluation.verification.all_pairs import VerificationResult

__all__ = [
    "Difference",
    "SearchComparison",
    "VerificationComparison",
    "compare_means",
    "compare_searches",
    "compare_statistic",
    "compare_verification",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Difference:
    """One figure of two models, A and B, and the interval of its difference.

    Attributes:
        a: of model A.
        b: of model B.
        difference: a - b.
        interval: of the difference, by paired bootstrap over identities.
        a_better: share of replicates in which A is better, ties counting half.
        larger_is_better: whether the larger figure is the better one (TAR is, EER is not).
        replicates: how many replicates the figure existed in.
    """

    a: float
    b: float
    difference: float
    interval: Interval
    a_better: float
    larger_is_better: bool
    replicates: int

    @property
    def significant(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return self.interval.low > 0 or self.interval.high < 0


@dataclass(frozen=True)
class VerificationComparison:
    """Two models' verification: EER, AUC, and TAR per FAR target, each model at its own threshold."""

    eer: Difference
    auc: Difference
    tar_at_far: Mapping[float, Difference]


@dataclass(frozen=True)
class SearchComparison:
    """Two models' identification: rates per rank, and DIR per FPIR target, each model at its own threshold."""

    rank_k: Mapping[int, Difference]
    dir_at_fpir: Mapping[float, Difference]


def compare_verification(
    a: VerificationResult,
    b: VerificationResult,
    *,
    targets: Sequence[float] = (0.01,),
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> VerificationComparison:
    """Compare two models' verification of the same pairs of pictures.

    Args:
        a: of model A.
        b: of model B.
        targets: FAR targets.
        replicates: of the bootstrap; time as two of `bootstrap_verification`.
        level: of the intervals.
        seed: of the draws.

    Raises:
        InputError: the two are not of the same pictures, labels and pairs; or as `bootstrap_verification`.

    Example:
        >>> from lookalike.evaluation.verification.all_pairs import verify_all_pairs
        >>> labels = ["a", "a", "b", "b", "c", "c"]
        >>> sharp = verify_all_pairs([[0.0], [0.1], [1.0], [1.1], [2.0], [2.1]], labels, "euclidean")
        >>> blunt = verify_all_pairs([[0.0], [0.9], [1.0], [1.1], [2.0], [1.2]], labels, "euclidean")
        >>> found = compare_verification(sharp, blunt, replicates=200)
        >>> found.auc.difference > 0, found.eer.difference < 0, found.eer.a_better > 0.8
        (True, True, True)
    """
    _check_same_pairs(a, b)
    bootstrap = Bootstrap(replicates, level, seed)
    sides = []
    for result in (a, b):
        values = verification_replicates(result.compared_pairs(), bootstrap, targets=targets)
        estimates = [result.eer, result.auc, *(result.tar_at_far(target).tar for target in targets)]
        sides.append((np.array(estimates), values))
    differences = _differences(sides[0], sides[1], bootstrap, larger=[False] + [True] * (1 + len(targets)))
    return VerificationComparison(differences[0], differences[1], dict(zip(targets, differences[2:], strict=True)))


def compare_searches(
    a: Searches,
    b: Searches,
    *,
    ranks: Sequence[int] = (1,),
    targets: Sequence[float] = (),
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> SearchComparison:
    """Compare two models' identification of the same probes in the same gallery, which is kept.

    Args:
        a: of model A.
        b: of model B.
        ranks: for rank-k rates.
        targets: FPIR targets.
        replicates: of the bootstrap.
        level: of the intervals.
        seed: of the draws.

    Raises:
        InputError: the two are not of the same probes and enrolled identities; or as `bootstrap_searches`.
    """
    if a.enrolled != b.enrolled or not np.array_equal(a.mated, b.mated) or not np.array_equal(a.identity, b.identity):
        raise InputError(
            f"model A was searched with {len(a.mated)} probes among {a.enrolled} identities, model B with "
            f"{len(b.mated)} among {b.enrolled}, or their labels differ; give both the same pictures in the same order"
        )
    bootstrap = Bootstrap(replicates, level, seed)
    sides = []
    for searches in (a, b):
        values = search_replicates(searches, bootstrap, ranks=ranks, targets=targets)
        ranked = searches.rank[searches.mated]
        estimates = [float((ranked <= rank).mean()) for rank in ranks]
        estimates += [open_set_of(searches).dir_at_fpir(target).dir for target in targets]
        sides.append((np.array(estimates), values))
    differences = _differences(sides[0], sides[1], bootstrap, larger=[True] * (len(ranks) + len(targets)))
    return SearchComparison(
        rank_k=dict(zip(ranks, differences, strict=False)),
        dir_at_fpir=dict(zip(targets, differences[len(ranks) :], strict=True)),
    )


def compare_means(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    labels: Any,
    *,
    larger_is_better: bool = True,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Compare the means of a number per picture, search or pair: rank-1 hits, average precisions, errors.

    Args:
        a: `(n,)` finite numbers of model A.
        b: `(n,)` of model B, in the same order.
        labels: `(n,)` the identity of each; integers or strings.
        larger_is_better: whether more is better.
        replicates: of the bootstrap.
        level: of the interval.
        seed: of the draws.

    Raises:
        InputError: A and B have different numbers of entries, or some are not finite; or as `bootstrap_means`.
        VectorError: not one label for each.

    Example:
        >>> compare_means([1, 1, 1, 0], [1, 0, 0, 0], ["x", "x", "y", "z"]).difference
        0.5
    """
    numbers = [np.asarray(side, np.float64) for side in (a, b)]
    if numbers[0].ndim != 1 or numbers[0].shape != numbers[1].shape or not np.isfinite(numbers).all():
        raise InputError(
            f"the numbers have shapes {numbers[0].shape} and {numbers[1].shape}; expected one finite number for each "
            "picture from both models"
        )
    codes, _ = identity_codes(labels, len(numbers[0]))
    bootstrap = Bootstrap(replicates, level, seed)
    values = mean_replicates(np.stack(numbers), codes, bootstrap)
    sides = [(np.array([side.mean()]), values[:, [i]]) for i, side in enumerate(numbers)]
    return _differences(sides[0], sides[1], bootstrap, larger=[larger_is_better])[0]


def compare_statistic(
    a: Callable[[Integers], float],
    b: Callable[[Integers], float],
    labels: Any,
    *,
    larger_is_better: bool = True,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Compare any statistic of weighted pictures; slow, because each replicate is computed anew.

    Args:
        a: from `(n,)` int64, how often each picture counts, to the statistic of model A; NaN where it does not exist.
        b: likewise of model B.
        labels: `(n,)` the identity of each picture; all pictures of an identity count as often as it is drawn.
        larger_is_better: whether more is better.
        replicates: how often both are called, and once more with ones.
        level: of the interval.
        seed: of the draws.

    Raises:
        InputError: fewer than 2 identities, or a statistic that exists in no replicate.
        VectorError: labels that are neither integers nor strings.

    Example:
        >>> wrong = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0])
        >>> means = [lambda weights, w=w: float(np.average(w, weights=weights)) for w in wrong]
        >>> round(compare_statistic(*means, ["x", "y", "z"], larger_is_better=False).difference, 6)
        -0.333333
    """
    codes, names = identity_codes(labels)
    bootstrap = Bootstrap(replicates, level, seed)
    bootstrap.check(len(names))

    def both(weights: Integers) -> list[float]:
        return [float(a(weights)), float(b(weights))]

    def of_replicates(counts: Floats) -> Floats:
        return np.array([both(row) for row in counts.astype(np.int64)[:, codes]])

    values = bootstrap.replicate(of_replicates, [len(names)], numbers=len(codes))
    once = np.array(both(np.ones(len(codes), np.int64)))
    sides = [(once[[i]], values[:, [i]]) for i in range(2)]
    return _differences(sides[0], sides[1], bootstrap, larger=[larger_is_better])[0]


def _check_same_pairs(a: VerificationResult, b: VerificationResult) -> None:
    """Raise an `InputError` unless both results are of the same pictures and pairs."""
    if a.codes is None or b.codes is None:
        raise InputError(
            "a comparison resamples identities, and only scores were given; give from_scores the pairs and labels too"
        )
    if len(a.codes) != len(b.codes) or a.names != b.names or not np.array_equal(a.codes, b.codes):
        raise InputError(
            f"model A was measured on {len(a.codes)} pictures of {len(a.names)} identities, model B on {len(b.codes)} "
            f"of {len(b.names)}, or their labels differ; give both the same pictures in the same order"
        )
    for kind in ("genuine_pairs", "impostor_pairs"):
        first, second = (_in_order(getattr(result, kind), len(a.codes)) for result in (a, b))
        if not np.array_equal(first, second):
            raise InputError(
                f"model A was measured on {len(first)} {kind.replace('_', ' ')}, model B on {len(second)}, and they "
                "are not the same; give both the same pairs"
            )


def _in_order(pairs: npt.NDArray[np.int32], pictures: int) -> Integers:
    """One number per pair, sorted, whichever picture comes first."""
    both = np.sort(pairs, axis=1).astype(np.int64)
    return np.sort(both[:, 0] * pictures + both[:, 1])


def _differences(
    a: tuple[Floats, Floats], b: tuple[Floats, Floats], bootstrap: Bootstrap, larger: Sequence[bool]
) -> list[Difference]:
    """Of `(columns,)` estimates and `(replicates, columns)`; a replicate that is NaN for either model is left out."""
    found = []
    for column, larger_is_better in enumerate(larger):
        apart = a[1][:, column] - b[1][:, column]
        apart = apart[~np.isnan(apart)]
        if not len(apart):
            raise InputError(f"the figure could be computed in none of {len(a[1])} replicates; measure more identities")
        better = apart if larger_is_better else -apart
        estimates = float(a[0][column]), float(b[0][column])
        found.append(
            Difference(
                a=estimates[0],
                b=estimates[1],
                difference=estimates[0] - estimates[1],
                interval=bootstrap.intervals(apart[:, None])[0],
                a_better=float((better > 0).mean() + (better == 0).mean() / 2),
                larger_is_better=larger_is_better,
                replicates=len(apart),
            )
        )
    return found
