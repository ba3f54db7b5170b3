"""Prepare many pictures in threads, and say of all that cannot be used why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import ImageError
from lookalike.images import Picture

__all__ = ["prepare_many"]


def prepare_many(
    prepare: Callable[[Picture], Prepared],
    pictures: Iterable[Picture],
    batch_size: int,
    unusable: Callable[[int, ImageError], None] | None = None,
) -> Iterator[list[tuple[int, Prepared]]]:
    """Yield batches of (position, prepared picture), in order.

    Args:
        prepare: `Embedder.prepare` or `Preprocessing.prepare`.
        pictures: any iterable; consumed batch by batch.
        batch_size: pictures per batch.
        unusable: called with position and error of a picture that cannot be used, which is then left out of its
            batch. Without it, the first such error is raised.
    """

    def one(picture: Picture) -> Prepared | ImageError:
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
