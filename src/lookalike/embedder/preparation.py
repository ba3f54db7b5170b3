"""Prepare many pictures in threads, and say of all that cannot be used why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import DatasetError, ImageError

__all__ = ["kind_of_note", "named", "note_of_unusable", "prepare_many"]

Given = TypeVar("Given")


def named(error: ImageError, where: str) -> ImageError:
    """The error of a picture, with the picture's name in its message."""
    return error if where in str(error) else type(error)(f"{where}: {error}")


def note_of_unusable(bad: Sequence[ImageError], total: int, skip_bad: bool) -> str:
    """What to tell the user of pictures that are left out: how many, and why the first.

    Args:
        bad: the errors, named; at least one.
        total: pictures there were.
        skip_bad: the user said that such pictures may be left out.

    Raises:
        DatasetError: they may not, or none is left.
    """
    if len(bad) == total or not skip_bad:
        advice = "give others" if len(bad) == total else "--skip-bad leaves them out"
        raise DatasetError(f"{len(bad)} of {total} pictures cannot be used ({advice}); {bad[0]}")
    return f"{len(bad)} of {total} pictures cannot be used and are left out; {bad[0]}"


def kind_of_note(note: str) -> str:
    """A note without what differs from picture to picture, so that notes can be counted."""
    return re.sub(r"^\d+ ", "several ", note.split(" (")[0])


def prepare_many(
    prepare: Callable[[Given], Prepared],
    pictures: Iterable[Given],
    batch_size: int,
    unusable: Callable[[int, ImageError], None] | None = None,
) -> Iterator[list[tuple[int, Prepared]]]:
    """Yield batches of (position, prepared picture), in order.

    Args:
        prepare: `Embedder.prepare`, `Preprocessing.prepare`, or what takes more than a picture; called in threads.
        pictures: any iterable of what it takes; consumed batch by batch.
        batch_size: pictures per batch.
        unusable: called with position and error of a picture that cannot be used, which is then left out of its
            batch. Without it, the first such error is raised.
    """

    def one(picture: Given) -> Prepared | ImageError:
        try:
            return prepare(picture)
        except ImageError as error:
            return error

    stream, start = iter(pictures), 0
    # Decoding and resizing release the interpreter lock, so two threads keep a network fed.
    with ThreadPoolExecutor(2, thread_name_prefix="prepare") as pool:
        while batch := list(islice(stream, batch_size)):
            ready = []
            for position, result in enumerate(pool.map(one, batch), start=start):
                if isinstance(result, Prepared):
                    ready.append((position, result))
                elif unusable is None:
                    raise result
                else:
                    unusable(position, result)
            start += len(batch)
            yield ready
