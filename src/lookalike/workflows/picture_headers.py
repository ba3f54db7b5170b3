"""Pictures whose headers show that they cannot be used: found before a model is loaded and a picture decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lookalike.embedder.preparation import named, note_of_unusable
from lookalike.errors import ImageError
from lookalike.images import Picture, check_header
from lookalike.progress import Reporter

__all__ = ["check_headers", "check_pictures"]

#: Headers read between two steps of the progress; as many are read before any is shown.
_STEP = 2000
#: Files that are waited for at a time: they may lie on a network.
_THREADS = 4


def check_headers(paths: Sequence[Path], report: Reporter, *, skip_bad: bool = False) -> None:
    """Refuse pictures that are missing, empty, no pictures or too large, by their files' beginnings.

    What only decoding shows, such as a picture that is cut off, is found later.

    Args:
        paths: of the pictures; about 0.1 ms are spent on each.
        report: told of progress, where they are many.
        skip_bad: pictures that cannot be used are left out when they are decoded, so nothing is checked here.

    Raises:
        DatasetError: some cannot be used; counts them, and names the first.

    Example:
        >>> check_headers(read_pictures("photos/").paths, Reporter())    # doctest: +SKIP
    """
    if skip_bad:
        return
    done = report.counted("Checking pictures", len(paths))
    bad: list[ImageError] = []
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="headers") as pool:
        for start in range(0, len(paths), _STEP):
            some = paths[start : start + _STEP]
            bad += [error for error in pool.map(_problem, some) if error is not None]
            if len(paths) > _STEP:
                done(len(some))
    if bad:
        note_of_unusable(bad, len(paths), skip_bad=False)


def check_pictures(pictures: Iterable[Picture], unusable: Callable[[int, ImageError], None] | None = None) -> None:
    """The same of single pictures that were named one by one: the first that cannot be used is refused.

    Args:
        pictures: in the order given.
        unusable: called with position and error of each that cannot be used, in place of raising it.

    Raises:
        ImageError: it is missing, empty, no picture or too large.
    """
    for position, picture in enumerate(pictures):
        try:
            check_header(picture)
        except ImageError as error:
            if unusable is None:
                raise
            unusable(position, error)


def _problem(path: Path) -> ImageError | None:
    try:
        check_header(path)
    except ImageError as error:
        return named(error, str(path))
    return None
