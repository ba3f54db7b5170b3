"""Pictures that cannot be used, among many that can: listed with the reason, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.errors import ImageError
    from lookalike.progress import Reporter

__all__ = ["UnusablePicture", "UnusablePictures"]


@dataclass(frozen=True)
class UnusablePicture:
    """A picture that could not be used.

    Attributes:
        picture: as it was given; an empty text for a picture in memory.
        reason: what is wrong with it.
        position: among all that were given, from 0.
    """

    picture: str
    reason: str
    position: int


class UnusablePictures:
    """Collects them while a job runs.

    Args:
        names: what the pictures are called in results.
        skip_bad: leave such pictures out, in place of an error.

    Example:
        >>> bad = UnusablePictures(["a.jpg", "b.jpg"], skip_bad=True)
        >>> bad(0, ImageError("a.jpg is empty (0 bytes)"))
        >>> bad.listed()
        (UnusablePicture(picture='a.jpg', reason='a.jpg is empty (0 bytes)', position=0),)
    """

    def __init__(self, names: Sequence[str], skip_bad: bool) -> None:
        self._names, self._skip_bad = names, skip_bad
        self._errors: dict[int, ImageError] = {}

    def __call__(self, position: int, error: ImageError) -> None:
        """Told of a picture by its position; raises the error where pictures may not be left out."""
        if not self._skip_bad:
            advice = " (--skip-bad leaves such pictures out)" if len(self._names) > 1 else ""
            raise type(error)(f"{error}{advice}")
        self._errors[position] = error

    def kept(self) -> list[int]:
        """Positions of the pictures that can be used."""
        return [position for position in range(len(self._names)) if position not in self._errors]

    def listed(self) -> tuple[UnusablePicture, ...]:
        """Those that cannot, in the order given."""
        return tuple(UnusablePicture(self._names[at], str(error), at) for at, error in sorted(self._errors.items()))

    def report(self, report: Reporter) -> None:
        """Say how many were left out, and why the first.

        Raises:
            DatasetError: none can be used.
        """
        from lookalike.embedder.preparation import note_of_unusable

        if self._errors:
            errors = [error for _, error in sorted(self._errors.items())]
            report.remark(note_of_unusable(errors, len(self._names), self._skip_bad))
