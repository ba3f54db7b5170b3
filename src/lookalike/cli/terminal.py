"""What the verbs print: results on stdout, progress and remarks on stderr."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from lookalike.cli.progress_events import ProgressEvents, tells_events
from lookalike.cli.progress_log import ProgressLog
from lookalike.json_values import plain
from lookalike.progress import Progress, ProgressSink

__all__ = [
    "console",
    "escape",
    "note",
    "print_json",
    "print_line",
    "print_table",
    "show_progress",
    "without_notes",
]


class _Console(Console):
    """A console that leaves it to `main` what happens when its reader has gone, where Rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, "the reader has gone")


#: For people: progress bars and remarks. Results go to stdout. Names and paths pass `escape`: they may hold "[bold]".
console = _Console(stderr=True, highlight=False, emoji=False)


def print_table(table: Table) -> None:
    """A table of results on stdout: as wide as the terminal, or as its longest line where nobody looks at it."""
    out = _Console(highlight=False, emoji=False)
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = max(out.width, out.measure(table, options=out.options.update_width(10_000)).maximum)
    out.print(table)


def print_line(text: str) -> None:
    """One line of results on stdout, never folded."""
    _Console(highlight=False, emoji=False).print(escape(text), soft_wrap=True)


def _bars() -> Bars:
    """Bars that show what is done, of how much, and how long it will take."""
    return Bars(
        TextColumn("[bold]{task.description}", justify="left"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[extra]}"),
        console=console,
    )


@contextmanager
def show_progress(log: bool = False) -> Iterator[ProgressSink]:
    """Yields a sink that shows how far a job is, and prints warnings as notes at once.

    On a terminal it draws one bar for each stage. Where stderr is not a terminal, it prints a line after two seconds
    and then every ten, with the seconds since the start (`progress_log`): a job of hours whose output goes to a file
    is never silent. For programs it prints events (`progress_events`).

    Args:
        log: where stderr is not a terminal, also print a line for every stage and every new detail, at once.
    """
    if tells_events():
        yield ProgressEvents()
    elif console.is_terminal:
        with _bars() as bars:
            yield _noting(_BarSink(bars))
    else:
        with ProgressLog(lambda line: console.print(escape(line), soft_wrap=True), every_change=log) as lines:
            yield _noting(lines)


def _noting(sink: ProgressSink) -> ProgressSink:
    """A sink that prints warnings as notes before it passes an event on."""

    def show(event: Progress) -> None:
        if event.warning:
            note(event.warning)
        sink(event)

    return show


class _BarSink:
    """Draws one bar for each stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Progress) -> None:
        if not event.stage:
            return
        if event.stage not in self._tasks:
            self._tasks[event.stage] = self._bars.add_task(event.stage, total=event.total, extra="")
        self._bars.update(self._tasks[event.stage], completed=event.done, total=event.total, extra=event.detail)


def note(text: str) -> None:
    """A remark on stderr that the user should see but that is no error."""
    if tells_events():
        ProgressEvents()(Progress("", 0, warning=text))
        return
    console.print(f"[yellow]note:[/yellow] {escape(text)}", soft_wrap=True)


def without_notes(result: Any) -> dict[str, Any]:
    """A workflow's result as JSON types; its notes were told as they were made."""
    return {key: value for key, value in plain(result).items() if key != "notes"}


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(plain(document), ensure_ascii=False, indent=2, allow_nan=False))  # noqa: T201
