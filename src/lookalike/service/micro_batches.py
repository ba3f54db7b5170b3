"""Pictures of several requests embedded together, without making anybody wait for company.

A network takes less time for each picture of a batch than for one alone. While it is busy with one batch, what the
requests of other threads bring is collected; the next thread in line takes all of it at once. So a request that comes
alone is embedded at once, and batches grow only as far as there is something to collect.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from lookalike.embedder import Embedder

__all__ = ["MicroBatches", "micro_batched"]

Pixels = npt.NDArray[np.uint8]
Vectors = npt.NDArray[np.float32]


class _Waiting:
    """What one thread brought, and what came of it."""

    __slots__ = ("error", "pixels", "vectors")

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.vectors: Vectors | None = None
        self.error: BaseException | None = None


class MicroBatches:
    """A function of stacked pictures that is called for several threads at once.

    Args:
        embed: `(n, h, w, c)` pixels to `(n, d)` vectors, each row by itself.
        most: rows of a batch; a thread that brings more has them embedded in one piece.

    Attributes:
        calls: of `embed`.
        rows: that were embedded.
    """

    def __init__(self, embed: Callable[[Pixels], Vectors], most: int = 64) -> None:
        self._embed, self._most = embed, most
        self._turn, self._lock = Lock(), Lock()
        self._waiting: list[_Waiting] = []
        self.calls = self.rows = 0

    def __call__(self, pixels: Pixels) -> Vectors:
        """Embed rows, with those of other threads that wait; raises what `embed` raises for these rows."""
        own = _Waiting(pixels)
        with self._lock:
            self._waiting.append(own)
        with self._turn:
            if own.vectors is None and own.error is None:
                self._answer(self._taken(own))
        if own.error is not None:
            raise own.error
        assert own.vectors is not None
        return own.vectors

    def _taken(self, own: _Waiting) -> list[_Waiting]:
        """The thread's own rows, and as many of others of the same shape as a batch holds."""
        with self._lock:
            taken, left, rows = [own], list[_Waiting](), len(own.pixels)
            for one in self._waiting:
                if one is own:
                    continue
                fits = one.pixels.shape[1:] == own.pixels.shape[1:] and rows + len(one.pixels) <= self._most
                (taken if fits else left).append(one)
                rows += len(one.pixels) if fits else 0
            self._waiting = left
        return taken

    def _answer(self, taken: list[_Waiting]) -> None:
        try:
            together = taken[0].pixels if len(taken) == 1 else np.concatenate([one.pixels for one in taken])
            self.calls, self.rows = self.calls + 1, self.rows + len(together)
            vectors = self._embed(together)
        except BaseException as error:
            if len(taken) == 1:
                taken[0].error = error
                return
            for one in taken:  # whose rows they were is found out one by one
                self._answer([one])
            return
        ends = np.cumsum([len(one.pixels) for one in taken])[:-1]
        for one, rows in zip(taken, np.split(vectors, ends), strict=True):
            one.vectors = rows


class _Batched:
    """An embedder whose `embed_prepared` collects what several threads bring; all else is the embedder's own."""

    def __init__(self, embedder: Embedder, batches: MicroBatches) -> None:
        self._embedder, self.embed_prepared = embedder, batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)


def micro_batched(embedder: Embedder, most: int = 64) -> tuple[Embedder, MicroBatches]:
    """An embedder that embeds for several threads at once, and what counts its batches."""
    batches = MicroBatches(embedder.embed_prepared, most)
    made = _Batched(embedder, batches)
    # `embed` calls `embed_prepared` of the object that it is bound to.
    made.embed = type(embedder).embed.__get__(made)  # type: ignore[attr-defined]
    return cast("Embedder", made), batches
