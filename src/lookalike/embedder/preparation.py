"""Prepare many pictures in threads, ahead of whoever uses them; report those that cannot be used, with the reason."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from lookalike.embedder.processors import available_processors
from lookalike.errors import DatasetError, ImageError

__all__ = ["kind_of_note", "named", "note_of_unusable", "prepare_many"]

Given = TypeVar("Given")
Made = TypeVar("Made")


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
    prepare: Callable[[Given], Made],
    pictures: Iterable[Given],
    batch_size: int,
    unusable: Callable[[int, ImageError], None] | None = None,
) -> Iterator[list[tuple[int, Made]]]:
    """Yield batches of (position, prepared picture), in order; threads prepare the next batch meanwhile.

    Args:
        prepare: `Embedder.prepare`, `Embedder.faces`, or what takes more than a picture; called in threads.
        pictures: any iterable of what it takes; read up to two batches ahead.
        batch_size: pictures per batch; at most two batches of prepared pictures are held.
        unusable: called with position and error of a picture that cannot be used, which is then left out of its
            batch. Without it, the first such error is raised.
    """

    def one(picture: Given) -> Made | ImageError:
        try:
            return prepare(picture)
        except ImageError as error:
            return error

    # Decoding, resizing and dlib release the interpreter lock, so threads are enough; two at least, for one may be
    # waiting for the disk.
    pool = ThreadPoolExecutor(min(8, max(2, available_processors())), thread_name_prefix="prepare")
    stream, waiting, position = iter(pictures), deque[Future[Made | ImageError]](), 0
    try:
        waiting.extend(pool.submit(one, picture) for picture in islice(stream, 2 * batch_size))
        while waiting:
            ready: list[tuple[int, Made]] = []
            count = min(batch_size, len(waiting))
            for _ in range(count):
                result = waiting.popleft().result()
                if not isinstance(result, ImageError):
                    ready.append((position, result))
                elif unusable is None:
                    raise result
                else:
                    unusable(position, result)
                position += 1
            # Before the batch is handed over: the threads work while whoever asked for it does.
            waiting.extend(pool.submit(one, picture) for picture in islice(stream, count))
            yield ready
    finally:
        pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C, pictures that are not needed are not begun
