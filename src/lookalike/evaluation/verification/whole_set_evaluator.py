"""Every pair of a set too large to keep them: rates down to one error of all pairs there are."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.evaluation import sample as sampling
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement, measured_once
from lookalike.evaluation.report.page import Section, Table
from lookalike.evaluation.report.rate_text import small_percent
from lookalike.evaluation.verification.all_pairs import TarPoint
from lookalike.evaluation.verification.pair_counts import PairCounts, count_all_pairs

__all__ = ["WholeSet", "pair_counts", "whole_set_section"]


@measured_once
def pair_counts(context: EvaluationContext) -> PairCounts:
    """All pairs of all pictures, counted."""
    return count_all_pairs(context.vectors, context.pictures.identities, context.model.metric, context.report)


class WholeSet:
    """Verification over all pairs, where the other figures come from a sample; not measured on a small set."""

    def measure(self, context: EvaluationContext) -> Measurement | None:
        """TAR at every FAR for which there are impostor pairs enough for one error."""
        if sampling.sample(context).whole:
            return None
        counts = pair_counts(context)
        targets = [target for power in range(2, 13) if (target := 10.0**-power) * counts.impostor_pairs >= 1]
        points = [counts.tar_at_far(target) for target in targets]
        metrics = {
            "genuine_pairs": counts.genuine_pairs,
            "impostor_pairs": counts.impostor_pairs,
            "eer": counts.eer,
            "auc": counts.auc,
            "tar_at_far": points,
        }
        section = whole_set_section(counts, points, len(context.pictures), sampling.SAMPLE)
        return Measurement(section, {"all_pairs": metrics})


def whole_set_section(counts: PairCounts, points: Sequence[TarPoint], pictures: int, sampled: int) -> Section:
    """What all pairs of a large set say.

    Args:
        counts: of all pairs.
        points: TAR at some FARs.
        pictures: how many were compared.
        sampled: how many the other figures of the report come from, about.
    """
    rows = tuple(
        (f"{point.target:g}", f"{100 * point.tar:.2f}%", f"{point.far:.3g}", f"{point.threshold:.5g}", _enough(point))
        for point in points
    )
    table = Table(
        ("FAR at most", "TAR", "FAR measured", "threshold", "enough data"),
        rows,
        f"EER {small_percent(counts.eer)}, AUC {counts.auc:.5f}.",
    )
    prose = (
        f"All pairs of {pictures:,} pictures were compared: {counts.genuine_pairs:,} genuine and "
        f"{counts.impostor_pairs:,} impostor ones. Figures, intervals and look-alikes above come from a random sample "
        f"of the identities, about {sampled:,} pictures; the rates here do not.",
    )
    return Section("All pairs", prose, (table,))


def _enough(point: TarPoint) -> str:
    return "yes" if point.sufficient else "no: fewer than 10 errors allowed"
