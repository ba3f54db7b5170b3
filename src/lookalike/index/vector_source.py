"""Vectors in one or several files, read a block at a time: larger than memory is fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName
from lookalike.errors import InputError, StorageError, VectorError
from lookalike.index.core.checks import LARGEST_LENGTH, checked_ids

__all__ = ["Floats", "Numbers", "Part", "Positions", "VectorSource", "read_part"]

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]


class Part(Protocol):
    """Some rows of a source in one file."""

    path: Path
    count: int
    dimension: int

    def read(self, start: int, stop: int) -> Numbers:
        """`(stop - start, dimension)` as in the file."""

    def take(self, positions: Positions) -> Numbers:
        """`(n, dimension)` of ascending positions, as in the file."""

    def close(self) -> None:
        """Let go of the file."""


class VectorSource:
    """Vectors in one or several files, read when asked for; made by `open_vectors`, and a context manager.

    Attributes:
        path: what was opened.
        count: how many vectors, at least 1.
        dimension: numbers per vector.
        metric: the one they are meant for, where the file says so.
        fingerprint: of the model that made them; empty when unknown.
        ids: `(count,)` int64 where the source has its own, else None: a vector's row is its id.
        queries: `(q, dimension)` float32 that came with them, held out, else None.
    """

    def __init__(
        self,
        path: Path,
        parts: list[Part],
        metric: MetricName | None = None,
        fingerprint: str = "",
        ids: Positions | None = None,
        queries: Floats | None = None,
    ) -> None:
        self.path, self.metric, self.fingerprint, self.ids, self.queries = path, metric, fingerprint, ids, queries
        self._parts = parts
        self._ends = np.cumsum([part.count for part in parts])
        self.count, self.dimension = int(self._ends[-1]), parts[0].dimension

    def __len__(self) -> int:
        return self.count

    def __enter__(self) -> VectorSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; reading afterwards is an error."""
        for part in self._parts:
            part.close()

    def blocks(self, size: int = 65_536, start: int = 0) -> Iterator[tuple[int, Floats]]:
        """All rows from `start` on, in order, in blocks.

        Args:
            size: rows of a block, at least 1; the last may have fewer.
            start: the first row, for going on after an interruption.

        Yields:
            the first row's number and `(rows, dimension)` float32.

        Raises:
            InputError: `size` or `start` out of range.
            VectorError: a row holds NaN or infinity, or is too long for float32; the file ends early.
            StorageError: the disk fails.
        """
        if size < 1 or not 0 <= start <= self.count:
            raise InputError(
                f"blocks of {size} rows from row {start} were asked of {self.count}; give a size of at least 1 and a "
                "row that is there"
            )
        for first in range(start, self.count, size):
            yield first, self._between(first, min(first + size, self.count))

    def rows(self, positions: npt.ArrayLike) -> Floats:
        """`(n, dimension)` float32: the rows at `(n,)` positions, in that order, repeated or not.

        Raises:
            VectorError: a position that is not there, or as for `blocks`.
        """
        wanted = checked_ids(positions)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < self.count:
            raise VectorError(
                f"{self.path} was asked for rows {wanted.min()} to {wanted.max()}; it has 0 to {self.count - 1}"
            )
        order = np.argsort(wanted, kind="stable")
        ascending = wanted[order]
        vectors = np.empty((len(wanted), self.dimension), np.float32)
        cuts = np.searchsorted(ascending, self._ends)
        for number, part in enumerate(self._parts):
            first, last = (0 if number == 0 else cuts[number - 1]), cuts[number]
            if first < last:
                before = int(self._ends[number]) - part.count
                found = read_part(part.path, part.take, ascending[first:last] - before)
                vectors[order[first:last]] = self._checked(found, ascending[first:last], part.path, before)
        return vectors

    def read(self, progress: Callable[[int], None] | None = None) -> Floats:
        """`(count, dimension)` float32: all of them, in memory; raises as `blocks`.

        Args:
            progress: called with the number of vectors read since the last call.
        """
        vectors = np.empty((self.count, self.dimension), np.float32)
        for first, block in self.blocks():
            vectors[first : first + len(block)] = block
            if progress is not None:
                progress(len(block))
        return vectors

    def _between(self, first: int, last: int) -> Floats:
        pieces = []
        for end, part in zip(self._ends.tolist(), self._parts, strict=True):
            before = end - part.count
            start, stop = max(first, before), min(last, end)
            if start < stop:
                found = read_part(part.path, part.read, start - before, stop - before)
                if len(found) < stop - start:
                    raise VectorError(f"{part.path} ends early, at row {start - before + len(found)}; copy it again")
                pieces.append(self._checked(found, np.arange(start, stop), part.path, before))
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _checked(self, found: Numbers, positions: Positions, path: Path, before: int) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            ready: Floats = np.ascontiguousarray(found, dtype=np.float32)
            short = np.einsum("ij,ij->i", ready, ready) <= LARGEST_LENGTH**2
        if not short.all():
            bad = int(np.flatnonzero(~short)[0])
            wrong = "is too long for float32; rescale the vectors"
            if not np.isfinite(found[bad]).all():
                wrong = "holds NaN or infinity; remove or re-embed it"
            raise VectorError(f"{path}: row {int(positions[bad]) - before} {wrong}")
        return ready


def read_part(path: Path, action: Callable[..., Numbers], *arguments: Any) -> Numbers:
    """Call a function that reads, and raise a `StorageError` where the disk fails."""
    try:
        return action(*arguments)
    except OSError as error:
        raise StorageError(f"{path} could not be read ({error}); check the disk, or copy the file again") from error
