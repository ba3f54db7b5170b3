"""The table that evaluations print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from lookalike.cli.terminal import print_table

if TYPE_CHECKING:
    from lookalike.evaluation.report.summary import MethodSummary
    from lookalike.evaluation.statistics.intervals import Interval

__all__ = ["print_summary"]


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f"\n[dim]{interval.low:.3f}–{interval.high:.3f}[/dim]"


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
            f"{s.eer:.3f}{_interval(s.eer_interval)}",
            f"{s.auc:.3f}",
            f"{point.tar:.3f}{_interval(s.tar_intervals[0])}",
            "–" if s.rank_1 is None else f"{s.rank_1.mean:.3f}\n[dim]± {s.rank_1.std:.3f}[/dim]",
            "–" if at is None else f"{1 - at.false_alarms / at.non_mated:.3f}",
            "–" if at is None else f"{at.right / at.mated:.3f}",
        )
    print_table(table)
    if any(s.at_threshold for s in summaries.values()):
        typer.echo("* open set, half of the people enrolled, at a threshold measured on other people")
