"""The tables of results that `lookalike index` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from lookalike.cli.terminal import escape, note, print_line, print_table

if TYPE_CHECKING:
    from lookalike.evaluation.identification.index_loss import IndexLoss
    from lookalike.index.planning.capacity import CapacityPlan
    from lookalike.index.tuning.comparison import Comparison
    from lookalike.index.tuning.tune import Tuning

__all__ = [
    "print_accuracy",
    "print_bulk_summary",
    "print_comparison",
    "print_options",
    "print_plan",
    "print_stats",
    "print_trials",
    "titled_table",
]


def _size(count: float) -> str:
    from lookalike.index.quantities import size_text

    return size_text(int(count)) if count >= 1 else "0"


def _settings(settings: dict[str, Any]) -> str:
    return escape(", ".join(f"{name}={value}" for name, value in settings.items()))


def titled_table(title: str, heads: list[str], right_from: int) -> Table:
    """Print a title, and return an empty table with these heads; columns from `right_from` on are right-aligned."""
    print_line(title)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place >= right_from else "left")
    return table


def print_stats(path: Path, stats: dict[str, Any]) -> None:
    """What an index is, one line each."""
    print_line(str(path))
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    tuned = stats["tuned"]
    rows = {
        "kind": stats["kind"],
        "vectors": f"{stats['count']:,} × {stats['dimension']}, {stats['metric']}",
        "removed, not yet compacted": f"{stats['tombstones']:,}" if stats["tombstones"] else "",
        "memory": "mapped from disk" if stats["mapped"] else _size(stats["bytes"]),
        "build settings": _settings(stats["build"]),
        "search settings": _settings(stats["search"]),
        "model": stats["fingerprint"],
    }
    if tuned:
        asked = "of its own vectors" if tuned["queries_held_out"] else "queries not indexed"
        rows["promise"] = (
            f"recall@{tuned['k']} of {tuned['recall_target']:g}: measured {tuned['recall']:.4f} "
            f"({tuned['recall_low']:.4f}–{tuned['recall_high']:.4f}) on {tuned['queries']:,} {asked}"
        )
        rows["speed when tuned"] = f"{1e3 * tuned['seconds_per_query']:.3f} ms a query, {tuned['objective']}"
    for name, value in rows.items():
        if value:
            table.add_row(f"[dim]{name}[/dim]", str(value))
    print_table(table)


def print_bulk_summary(path: Path, summary: dict[str, Any]) -> None:
    """What a streamed build wrote, on stderr."""
    seconds = summary["seconds"]
    phases = ", ".join(f"{phase} {taken:g}" for phase, taken in seconds.items())
    note(
        f"{path}: {summary['count']:,} × {summary['dimension']}, {summary['kind']} of {summary['lists']:,} lists, "
        f"{_size(sum(summary['bytes'].values()))} on disk; {sum(seconds.values()):.1f} s ({phases})"
    )


def print_trials(tuning: Tuning) -> None:
    """What a tuner tried, the chosen one first."""
    heads = ["Index", "Search", "Built over", "Build s", "Recall", "ms/query", "In full", "Memory", "Verdict"]
    table = titled_table(f"recall@{tuning.k} of {tuning.target:g}, by {tuning.objective}", heads, 2)
    table.columns[-1].justify = "left"
    for trial in tuning.trials:
        row = trial.row()
        built = bool(trial.stage)
        table.add_row(
            f"[bold]{row['kind']}[/bold] {_settings(row['build'])}",
            _settings(row["search"]),
            f"{row['vectors']:,}" if built else "",
            f"{row['build_seconds']:.1f}" if built else "",
            f"{row['recall']:.4f}" if row["recall"] is not None else "",
            f"{1e3 * row['seconds']:.3f}" if row["seconds"] else "",
            f"{1e3 * row['predicted_seconds']:.3f}" if row["predicted_seconds"] else "",
            _size(row["bytes"]),
            escape(row["verdict"]),
        )
    print_table(table)


def print_comparison(comparison: Comparison) -> None:
    """One row a kind, fastest first."""
    title = (
        f"{comparison.count:,} × {comparison.dimension}, {comparison.metric}; {comparison.queries:,} queries not "
        f"indexed; at recall@{comparison.k} of at least {comparison.recall:g}"
    )
    heads = ["Index", "Build", "Search", "Build s", "Bytes/vector", "Recall", "Queries/s alone", "in batches"]
    table = titled_table(title, heads, 3)
    for row in comparison.rows():
        table.add_row(
            f"[bold]{row['name']}[/bold]",
            _settings(row["build"]),
            _settings(row["search"] or {}) if row["search"] is not None else "not reached",
            f"{row['build_seconds']:,.1f}",
            f"{row['bytes_per_vector']:,.0f}",
            f"{row['recall']:.4f}",
            f"{row['queries_per_second']:,.0f}" if row["queries_per_second"] else "–",
            f"{row['batch_queries_per_second']:,.0f}" if row["batch_queries_per_second"] else "–",
        )
    print_table(table)


def print_options(table: Table, rows: list[list[str]]) -> None:
    """The options of a plan, its verdicts left-aligned, in bold what is marked in the first column as recommended."""
    table.columns[-1].justify = "left"
    for row in rows:
        table.add_row(*(f"[bold]{escape(cell)}[/bold]" if row[0] else escape(cell) for cell in row))
    print_table(table)


def print_plan(plan: CapacityPlan) -> None:
    """Every option, the recommended one marked, and how to build it."""
    from lookalike.index.quantities import count_text

    heads, rows = plan.rows()
    table = titled_table(f"{count_text(plan.vectors)} × {plan.dimension}, {plan.metric}", heads, 2)
    print_options(table, rows)
    print_line(plan.advice)
    if plan.command:
        print_line(plan.command)


def print_accuracy(loss: IndexLoss) -> None:
    """Identifications kept, lost and gained."""
    title = f"{loss.gallery:,} vectors enrolled, {loss.probes:,} probes with a mate, index {loss.kind}"
    table = titled_table(title, ["Search", "Rank-1", "95% interval"], 1)
    table.add_row("exact", f"{loss.exact_rank1.value:.4f}", f"{loss.exact_rank1.low:.4f}–{loss.exact_rank1.high:.4f}")
    table.add_row("index", f"{loss.index_rank1.value:.4f}", f"{loss.index_rank1.low:.4f}–{loss.index_rank1.high:.4f}")
    print_table(table)
    print_line(
        f"the index loses {loss.lost} identifications that exact search makes, and wins {loss.gained} by chance; the "
        f"nearest vector itself is found for {loss.recall1:.4f} of the probes"
    )
