"""The first table of a report, and the tiles above it: one line of numbers per method."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.identification.enrolment_trials import Spread
from lookalike.evaluation.measured_method import compared
from lookalike.evaluation.report import figure_style
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.page import Cell, Fact, Section, Table
from lookalike.evaluation.report.rate_text import number_range, percent, percent_range
from lookalike.evaluation.report.summary import MethodSummary, metrics_json

__all__ = ["InShort", "facts_of", "in_short_section"]


class InShort:
    """Verification, identification and retrieval in one line; all their figures, in `methods` of `metrics.json`."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """Of the model under test."""
        methods = compared(context)
        return Measurement(in_short_section(methods), metrics_json(methods.results, seed=methods.seed))


def facts_of(methods: ComparedMethods) -> tuple[Fact, ...]:
    """Tiles of the featured method: EER, TAR at a FAR, rank 1 and the size of the test."""
    name, summary = methods.featured, methods.summaries[methods.featured]
    point = summary.tar_at_far[0]
    facts = [
        Fact(f"equal error rate of {name}", percent(summary.eer), percent_range(summary.eer_interval)),
        Fact(
            f"true accepts at {100 * point.target:g}% false accepts",
            percent(point.tar),
            percent_range(summary.tar_intervals[0]),
        ),
    ]
    if summary.rank_1 is not None:
        facts.append(
            Fact("named right at rank 1, closed set", percent(summary.rank_1.mean), f"± {percent(summary.rank_1.std)}")
        )
    if summary.identities:
        pairs = summary.genuine_pairs + summary.impostor_pairs
        facts.append(
            Fact("identities tested", f"{summary.identities:,}", f"{summary.pictures:,} pictures, {pairs:,} pairs")
        )
    return tuple(facts)


@dataclass(frozen=True)
class _Number:
    """A number in the table: its value, a small note below it, and whether too few trials were made."""

    value: float
    text: str
    note: str = ""
    doubtful: bool = False
    smaller_is_better: bool = False


def in_short_section(methods: ComparedMethods) -> Section:
    """A row per method; where there are several, the best figure of a column is bold."""
    summaries = methods.summaries
    numbers = {name: _numbers(summary) for name, summary in summaries.items()}
    headings = list(dict.fromkeys(heading for columns in numbers.values() for heading in columns))
    best = {}
    for heading in headings:
        known = [columns[heading] for columns in numbers.values() if heading in columns]
        best[heading] = (min if known[0].smaller_is_better else max)(number.value for number in known)
    rows = []
    for name, columns in numbers.items():
        row = [Cell(name, methods.results[name].description, colour=figure_style.css_colour(methods.colours[name]))]
        for heading in headings:
            number = columns.get(heading)
            if number is None:
                row.append(Cell("–"))
                continue
            bold = methods.several and number.value == best[heading]
            row.append(Cell(number.text + (" †" if number.doubtful else ""), number.note, best=bold))
        rows.append(tuple(row))
    flagged = any(number.doubtful for columns in numbers.values() for number in columns.values())
    table = Table(("method", *headings), tuple(rows), _caption(methods, flagged))
    return Section("Side by side" if methods.several else "In short", (), (table,))


def _caption(methods: ComparedMethods, flagged: bool) -> str:
    one = next(iter(methods.summaries.values()))
    return (
        f"{one.genuine_pairs:,} genuine and {one.impostor_pairs:,} impostor pairs"
        + (f", {one.pictures:,} pictures of {one.identities:,} identities" if one.identities else "")
        + ". Below EER, AUC and TAR: 95% interval, bootstrapped over identities. Behind ±: standard deviation over "
        "trials."
        + (
            " Bold: the best figure of a column; where intervals overlap, the order may be chance."
            if methods.several
            else ""
        )
        + (" † too few trials to allow 10 errors: the figure says little." if flagged else "")
    )


def _numbers(summary: MethodSummary) -> dict[str, _Number]:
    """The columns of one method, by heading."""
    point = summary.tar_at_far[0]
    numbers = {
        "EER": _Number(summary.eer, percent(summary.eer), percent_range(summary.eer_interval), smaller_is_better=True),
        "AUC": _Number(summary.auc, f"{summary.auc:.4f}", number_range(summary.auc_interval)),
        f"TAR at FAR {100 * point.target:g}%": _Number(
            point.tar, percent(point.tar), percent_range(summary.tar_intervals[0]), not point.sufficient
        ),
    }
    if summary.rank_1 is not None:
        numbers["rank-1"] = _over_trials(summary.rank_1)
    for found in summary.dir_at_fpir:
        numbers[f"DIR at FPIR {100 * found.target:g}%"] = _over_trials(found.dir, not found.sufficient)
    if summary.map_at_r is not None:
        numbers["MAP@R"] = _Number(summary.map_at_r, f"{summary.map_at_r:.3f}")
    return numbers


def _over_trials(spread: Spread, doubtful: bool = False) -> _Number:
    return _Number(spread.mean, percent(spread.mean), f"± {percent(spread.std)}", doubtful)
