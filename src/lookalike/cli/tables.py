"""The tables that evaluations print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from lookalike.cli.terminal import print_table
from lookalike.counted_nouns import how_many

if TYPE_CHECKING:
    from lookalike.decisions.promise import PromisedRate
    from lookalike.evaluation.report.summary import MethodSummary
    from lookalike.evaluation.retrieval.landmark_metrics import LandmarkMeasures, RetrievalMeasures
    from lookalike.evaluation.statistics.intervals import Interval, Rate

__all__ = ["ends_below", "print_recognition", "print_retrieval", "print_summary"]


def _ends(interval: Interval | Rate | None) -> str:
    return "" if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"


def ends_below(interval: Interval | Rate | None) -> str:
    """The ends of an interval, for the line below a value in a cell; empty where there is none."""
    return "" if interval is None else f"\n[dim]{_ends(interval)}[/dim]"


def print_summary(summaries: Mapping[str, MethodSummary]) -> None:
    """One row a method; below a rate its 95% interval over identities, or ± its spread over trials."""
    one = next(iter(summaries.values()))
    table = Table(
        title=f"{one.pictures} pictures of {one.identities} people: {one.genuine_pairs:,} genuine pairs, "
        f"{one.impostor_pairs:,} impostor pairs",
        title_justify="left",
        caption="95% intervals by bootstrap over identities; ± standard deviation over enrolment trials",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    # Cells of two lines: the table fits a terminal of 80 columns.
    table.add_column("Method", min_width=11)
    for heading in ("EER", "AUC", "TAR at FAR 1%", "Rank-1", "Strangers\nkept out*", "Enrolled\nnamed right*"):
        table.add_column(heading, no_wrap=True)
    for name, s in summaries.items():
        point, at = s.tar_at_far[0], s.at_threshold
        table.add_row(
            escape(name),
            f"{s.eer:.3f}{ends_below(s.eer_interval)}",
            f"{s.auc:.3f}",
            f"{point.tar:.3f}{ends_below(s.tar_intervals[0])}",
            "–" if s.rank_1 is None else f"{s.rank_1.mean:.3f}\n[dim]± {s.rank_1.std:.3f}[/dim]",
            "–" if at is None else f"{1 - at.false_alarms / at.non_mated:.3f}",
            "–" if at is None else f"{at.right / at.mated:.3f}",
        )
    print_table(table)
    if any(s.at_threshold for s in summaries.values()):
        typer.echo("* open set, half of the people enrolled, at a threshold measured on other people")


def print_recognition(
    found: LandmarkMeasures, promised: PromisedRate | None = None, retrieval: RetrievalMeasures | None = None
) -> None:
    """A row a measure, with its 95% interval.

    Args:
        found: of photos of places, and of photos that show none.
        promised: of the gallery that answered; None for a submission, which does not say which of its predictions are
            answers.
        retrieval: of the same photos among those enrolled, if measured.
    """
    rows = [
        ("GAP", f"{found.gap:.3f}", _ends(found.gap_interval), "all pictures, by confidence"),
        ("top-1", f"{found.top_1:.3f}", _ends(found.top_1_interval), "the best guess, however unsure"),
    ]
    if promised is not None:
        right = (f"{found.right_answers:.3f}", _ends(found.right_answers_interval))
        rows.append(("right answers", *right, "right, and given"))
        if (rate := found.false_positives) is not None:
            limit = f"promised: at most {promised.promise:g}"
            rows.append(("false positives", f"{rate.value:.3f}", _ends(rate), limit))
    if retrieval is not None:
        rows.append(_retrieval_row(retrieval))
    title = (
        f"{how_many(found.landmarks, 'photo')} of {how_many(found.places, 'place')}, "
        f"{how_many(found.non_landmarks, 'picture')} without a place: {how_many(found.predicted, 'guess', 'guesses')}"
    )
    _print_measures(title, rows)


def print_retrieval(found: RetrievalMeasures) -> None:
    """MAP@k of a submission, with its 95% interval."""
    _print_measures(f"{how_many(found.queries, 'photo')} of {how_many(found.places, 'place')}", [_retrieval_row(found)])


def _retrieval_row(found: RetrievalMeasures) -> tuple[str, str, str, str]:
    asked = f"{how_many(found.queries, 'photo')}, among those to be found"
    return f"mAP@{found.k}", f"{found.mean_average_precision:.3f}", _ends(found.interval), asked


def _print_measures(title: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("Measure", "Value", "95% interval", "Of"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    print_table(table)
