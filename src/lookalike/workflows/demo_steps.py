"""What the demos share: numbered steps and how long they took, and a folder that may be written to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lookalike.atomic_files import check_replaceable
from lookalike.errors import StorageError
from lookalike.progress import Progress, ProgressSink

__all__ = ["STAGE", "Steps", "usable_output"]

#: The stage under which a demo reports its steps: `done` of them, and the title of the one that begins as the detail.
STAGE = "Demo"


class Steps:
    """The steps of a demo, in their order; each is reported as it begins, and its time is kept.

    Args:
        titles: of all steps.
        progress: told of every step.

    Attributes:
        seconds: what each timed block took, by its name.

    Example:
        >>> steps = Steps(["Learn", "Ask"], lambda event: print(event.done, event.total, event.detail))
        >>> steps.begin()
        0 2 Learn
        >>> with steps.timed("train"):
        ...     pass
        >>> steps.begin()
        1 2 Ask
    """

    def __init__(self, titles: Sequence[str], progress: ProgressSink) -> None:
        self.seconds: dict[str, float] = {}
        self._titles = titles
        self._progress = progress
        self._begun = 0

    def begin(self) -> None:
        """The next step begins."""
        self._progress(Progress(STAGE, self._begun, len(self._titles), self._titles[self._begun]))
        self._begun += 1

    def end(self) -> None:
        """All is done."""
        self._progress(Progress(STAGE, len(self._titles), len(self._titles)))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Keep how many seconds a block took, unless it raises."""
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started


def usable_output(output: Path, folders: Mapping[str, str]) -> None:
    """Make the folder of a demo, and refuse to replace what no demo wrote, before the work.

    Args:
        output: the folder.
        folders: what the demo writes into it: a folder's name, and the file that makes it one that may be replaced.

    Raises:
        StorageError: the folder cannot be made, or something in it was not written by a demo.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{output} cannot be made: {error.strerror}; choose another with --output") from None
    for name, marker in folders.items():
        check_replaceable(output / name, marker, replace=True)
