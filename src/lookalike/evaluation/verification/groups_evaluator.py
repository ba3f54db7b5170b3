"""Error rates of groups of people at the common threshold, as a section of the report."""

from __future__ import annotations

import math
from pathlib import Path

from lookalike.datasets.picture_groups import read_groups
from lookalike.evaluation.calibration.thresholds_evaluator import answering_threshold
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.measured_method import verification
from lookalike.evaluation.report.page import Cell, Section, Table
from lookalike.evaluation.report.rate_text import small_percent
from lookalike.evaluation.sample import sample
from lookalike.evaluation.verification.groups import GroupRate, GroupRates, compare_groups

__all__ = ["Groups", "group_section"]


class Groups:
    """FMR and FNMR of every group, where a CSV says who is of which group."""

    def measure(self, context: EvaluationContext) -> Measurement | None:
        """At the threshold that the model answers with."""
        if context.options.groups is None:
            return None
        groups = list(read_groups(Path(context.options.groups), sample(context).pictures))
        rates = compare_groups(verification(context), groups, threshold=answering_threshold(context))
        return Measurement(group_section(rates), {"groups": _metrics(rates)})


def _metrics(rates: GroupRates) -> dict[str, object]:
    return {
        "threshold": rates.threshold,
        "overall": {"fmr": rates.overall_fmr, "fnmr": rates.overall_fnmr},
        "groups": {
            str(group): {
                "fmr": rates.fmr[group, group],
                "fnmr": rates.fnmr[group],
                "fmr_with": {str(other): rates.fmr[group, other].rate for other in rates.groups},
            }
            for group in rates.groups
        },
        "worst_to_best": {kind: rates.worst_to_best(kind) for kind in ("fmr", "fnmr")},
    }


def group_section(rates: GroupRates) -> Section:
    """FMR and FNMR of every group at the common threshold."""
    rows = tuple(
        (
            str(group),
            _cell(rates.fmr[group, group]),
            _ratio(rates.fmr[group, group].ratio),
            _cell(rates.fnmr[group]),
            _ratio(rates.fnmr[group].ratio),
        )
        for group in rates.groups
    )
    table = Table(
        ("group", "FMR within", "of everybody's", "FNMR", "of everybody's"),
        rows,
        "Below a rate its 95% interval over identities and the pairs it was measured on. † too few pairs to expect 10 "
        "errors: the figure says little.",
    )
    across = Table(
        ("FMR between", *(str(group) for group in rates.groups)),
        tuple((str(a), *(_cell(rates.fmr[a, b], pairs=False) for b in rates.groups)) for a in rates.groups),
        "Impostor pairs of a picture of the row's group and one of the column's.",
    )
    worst = [
        f"{kind.upper()} of the worst group is {value:.3g} times that of the best"
        for kind in ("fmr", "fnmr")
        if not math.isnan(value := rates.worst_to_best(kind))
    ]
    prose = [
        f"All groups are judged at one threshold, {rates.threshold:.4g}: FMR {small_percent(rates.overall_fmr)} and "
        f"FNMR {small_percent(rates.overall_fnmr)} over everybody." + (f" {'; '.join(worst)}." if worst else ""),
    ]
    if rates.mixed_genuine:
        prose.append(f"{rates.mixed_genuine:,} genuine pairs span two groups and are left out of FNMR.")
    return Section("Groups", tuple(prose), (table, across))


def _cell(rate: GroupRate, pairs: bool = True) -> Cell:
    if not rate.pairs:
        return Cell("–", "no pairs")
    notes = []
    if rate.interval is not None:
        notes.append(f"{small_percent(rate.interval.low)} – {small_percent(rate.interval.high)}")
    if pairs:
        notes.append(f"{rate.pairs:,} pairs")
    return Cell(small_percent(rate.rate) + ("" if rate.sufficient else " †"), ", ".join(notes))


def _ratio(value: float) -> str:
    return "–" if math.isnan(value) else f"× {value:.3g}"
