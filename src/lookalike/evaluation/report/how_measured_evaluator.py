"""How the figures of a report were measured: its last section."""

from __future__ import annotations

from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.measured_method import compared
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.page import Section

__all__ = ["HowMeasured", "how_measured_section"]


class HowMeasured:
    """The conventions of all figures; it has none of its own."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """Of the model under test."""
        return Measurement(how_measured_section(compared(context)))


def how_measured_section(methods: ComparedMethods) -> Section:
    """Distances, ties, intervals and thresholds, in words."""
    one = next(iter(methods.summaries.values()))
    prose = [
        "All distances are exact; no index takes part. Where distances tie, the mate comes last. A rate at a target is "
        "the best whose false alarms do not exceed the target.",
    ]
    if one.eer_interval is not None:
        prose.append(
            f"Intervals come from {methods.replicates:,} bootstrap replicates that resample identities, not pairs, "
            "since the pairs of one identity stand or fall together. An interval of no width means that no replicate "
            f"held an error, not that there are none: {one.identities:,} identities cannot show rare errors."
        )
    if any(method.threshold is None for method in methods.results.values()):
        prose.append(
            "A threshold in a histogram that was not chosen beforehand is that of the equal error rate, on these very "
            "pairs; it describes them and promises nothing."
        )
    return Section("How this was measured", tuple(prose))
