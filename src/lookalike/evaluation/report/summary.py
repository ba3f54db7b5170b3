"""One line of numbers per method: what `metrics.json` and the first table of a report say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.identification.closed_and_open_set import ThresholdCounts
from lookalike.evaluation.identification.enrolment_trials import DirSpread, IdentificationResult, Spread
from lookalike.evaluation.retrieval.ranking_metrics import RetrievalResult
from lookalike.evaluation.statistics.intervals import Interval
from lookalike.evaluation.verification.all_pairs import TarPoint, VerificationResult

__all__ = ["FORMAT_VERSION", "MethodResult", "MethodSummary", "metrics_json", "summarise"]

#: The version of `metrics.json`.
FORMAT_VERSION = 1
#: Points of a curve in `metrics.json`.
CURVE_POINTS = 200


@dataclass(frozen=True, eq=False)
class MethodResult:
    """Everything measured of one method.

    Attributes:
        verification: over all pairs.
        identification: over enrolment trials, if measured.
        retrieval: if measured.
        threshold: the distance the method answers with, chosen on *other* identities; None when it has none.
        colour: `#rrggbb` in figures; None for the next of `figure_style.PALETTE`.
        description: one sentence for readers.
    """

    verification: VerificationResult
    identification: IdentificationResult | None = None
    retrieval: RetrievalResult | None = None
    threshold: float | None = None
    colour: str | None = None
    description: str = ""


@dataclass(frozen=True)
class MethodSummary:
    """The numbers of one method; intervals are None when only scores were given.

    Attributes:
        identities: how many were measured on (0 when unknown).
        pictures: how many were measured on (0 when unknown).
        genuine_pairs: how many.
        impostor_pairs: how many.
        eer: equal error rate.
        eer_threshold: the distance at which it is reached.
        eer_interval: bootstrapped over identities.
        auc: area under the ROC.
        auc_interval: likewise.
        tar_at_far: one point per target.
        tar_intervals: likewise, in the same order.
        rank_1: closed-set rank-1 over trials.
        dir_at_fpir: open set, one per target.
        at_threshold: open-set counts at the method's threshold, summed over trials.
        map_at_r: of the retrieval.
    """

    identities: int
    pictures: int
    genuine_pairs: int
    impostor_pairs: int
    eer: float
    eer_threshold: float
    eer_interval: Interval | None
    auc: float
    auc_interval: Interval | None
    tar_at_far: tuple[TarPoint, ...]
    tar_intervals: tuple[Interval | None, ...]
    rank_1: Spread | None
    dir_at_fpir: tuple[DirSpread, ...]
    at_threshold: ThresholdCounts | None
    map_at_r: float | None


def summarise(
    method: MethodResult, far_targets: Sequence[float] = (0.01,), replicates: int = 1000, seed: int = 0
) -> MethodSummary:
    """Compute the numbers of one method; the bootstrap is done once per result and asked again for free."""
    verification, identification = method.verification, method.identification
    known = verification.codes is not None
    intervals = verification.intervals(far_targets, replicates=replicates, seed=seed) if known else None
    return MethodSummary(
        identities=len(verification.names),
        pictures=verification.pictures,
        genuine_pairs=len(verification.genuine),
        impostor_pairs=len(verification.impostor),
        eer=verification.eer,
        eer_threshold=verification.eer_threshold,
        eer_interval=intervals.eer if intervals else None,
        auc=verification.auc,
        auc_interval=intervals.auc if intervals else None,
        tar_at_far=tuple(verification.tar_at_far(target) for target in far_targets),
        tar_intervals=tuple(intervals.tar_at_far[target] if intervals else None for target in far_targets),
        rank_1=identification.rank_1 if identification else None,
        dir_at_fpir=identification.dir_at_fpir if identification else (),
        at_threshold=identification.at_threshold if identification else None,
        map_at_r=method.retrieval.map_at_r if method.retrieval else None,
    )


def metrics_json(
    methods: Mapping[str, MethodResult],
    far_targets: Sequence[float] = (0.1, 0.01, 0.001),
    replicates: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """The figures of a report as plain JSON types: numbers, text, lists and dicts; never NaN or infinity.

    Args:
        methods: by name.
        far_targets: for TAR@FAR.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: no methods.
    """
    if not methods:
        raise InputError("no methods were given; give at least one name with its results")
    return {
        "format_version": FORMAT_VERSION,
        "bootstrap": {"over": "identities", "replicates": replicates, "seed": seed, "level": 0.95},
        "methods": {
            str(name): _one(method, summarise(method, far_targets, replicates, seed))
            for name, method in methods.items()
        },
    }


def _one(method: MethodResult, summary: MethodSummary) -> dict[str, Any]:
    numbers = asdict(summary)
    points, intervals = numbers.pop("tar_at_far"), numbers.pop("tar_intervals")
    numbers["tar_at_far"] = [
        point | {"tar_interval": interval} for point, interval in zip(points, intervals, strict=True)
    ]
    numbers["dir_at_fpir"] = list(numbers["dir_at_fpir"])
    roc = method.verification.roc()
    numbers["roc"] = {"fmr": _thin(roc.fmr), "tar": _thin(roc.tar)}
    if method.identification is not None:
        found = method.identification
        numbers["identification"] = {
            "trials": found.trials,
            "enrolled_per_identity": found.enrolled,
            "identities": found.identities,
            "known_in_open_set": found.known,
            "closed_searches_per_trial": found.closed_searches,
            "mated_searches_per_trial": found.mated,
            "non_mated_searches_per_trial": found.non_mated,
            "cmc": [float(rate) for rate in found.cmc],
            "fpir": [float(rate) for rate in found.fpir],
            "fnir": [float(rate) for rate in found.fnir],
            "notes": list(found.notes),
        }
    if method.retrieval is not None:
        numbers["retrieval"] = {
            "recall_at_k": {str(k): value for k, value in method.retrieval.recall.items()},
            "precision_at_k": {str(k): value for k, value in method.retrieval.precision.items()},
            "r_precision": method.retrieval.r_precision,
            "map_at_r": method.retrieval.map_at_r,
            "queries": method.retrieval.queries,
            "left_out": method.retrieval.left_out,
        }
    numbers["threshold"] = method.threshold
    numbers["description"] = method.description
    return numbers


def _thin(values: npt.NDArray[np.float64]) -> list[float]:
    """At most `CURVE_POINTS` of a curve's points, its ends among them."""
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), CURVE_POINTS)).round().astype(int))
    return [float(value) for value in values[chosen]]
