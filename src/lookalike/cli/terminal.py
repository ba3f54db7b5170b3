"""What the verbs print: results on stdout, progress and remarks on stderr."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

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
    """Bars that show what is done, of how much, and how long it will take; silent where stderr is no terminal."""
    return Bars(
        TextColumn("[bold]{task.description}", justify="left"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[extra]}"),
        console=console,
        disable=not console.is_terminal,
    )


@contextmanager
def show_progress(log: bool = False) -> Iterator[ProgressSink]:
    """Yields a sink that draws one bar per stage, and prints warnings as notes at once.

    Args:
        log: where stderr is not a terminal, print a line for every stage and every new detail, with the seconds since
            the start: for jobs of minutes or hours whose output goes to a file.
    """
    start, latest = time.monotonic(), ("", "")
    log = log and not console.is_terminal
    with _bars() as bars:
        tasks: dict[str, TaskID] = {}

        def show(event: Progress) -> None:
            nonlocal latest
            if event.warning:
                note(event.warning)
            if not event.stage:
                return
            if log and (event.stage != latest[0] or event.detail not in ("", latest[1])):
                latest = event.stage, event.detail
                line = ": ".join(part for part in latest if part)
                console.print(f"{time.monotonic() - start:8.1f} s  {escape(line)}", soft_wrap=True)
            if event.stage not in tasks:
                tasks[event.stage] = bars.add_task(event.stage, total=event.total, extra="")
            bars.update(tasks[event.stage], completed=event.done, total=event.total, extra=event.detail)

        yield show


def note(text: str) -> None:
    """A remark on stderr that the user should see but that is no error."""
    console.print(f"[yellow]note:[/yellow] {escape(text)}", soft_wrap=True)


def without_notes(result: Any) -> dict[str, Any]:
    """A workflow's result as JSON types; its notes were told as they were made."""
    return {key: value for key, value in plain(result).items() if key != "notes"}


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(plain(document), ensure_ascii=False, indent=2, allow_nan=False))  # noqa: T201
