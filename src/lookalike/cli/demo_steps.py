"""How the demos show where they are: a heading for each step, and the step's progress bars below it."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from lookalike.cli.terminal import console, escape, note, show_progress
from lookalike.progress import Progress, ProgressSink
from lookalike.workflows.demo_steps import STAGE

__all__ = ["StepDisplay"]


class StepDisplay:
    """A progress sink for a demo; use it as a context, so that its bars end when the demo does.

    Example:
        >>> with StepDisplay() as display:    # doctest: +SKIP
        ...     demo_faces(FacesDemoOptions(), display)
    """

    def __init__(self) -> None:
        self._bars = ExitStack()
        self._sink: ProgressSink | None = None

    def __enter__(self) -> StepDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_bars()

    def __call__(self, event: Progress) -> None:
        """Show an event."""
        if event.stage != STAGE:
            if self._sink is None:
                self._sink = self._bars.enter_context(show_progress())
            self._sink(event)
        elif event.warning:
            note(event.warning)
        else:
            self.end_bars()
            if event.detail:
                console.print(f"\n[bold cyan]{event.done + 1}[/bold cyan]  [bold]{escape(event.detail)}[/bold]")

    def end_bars(self) -> None:
        """Draw the bars for the last time: what is printed now stands below them."""
        self._bars.close()
        self._sink = None
