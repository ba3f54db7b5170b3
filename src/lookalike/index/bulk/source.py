"""Where a bulk build reads its vectors from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["BulkSource"]


class BulkSource(Protocol):
    """Vectors that are read in blocks, from any thread; `vector_files.VectorSource` is one."""

    @property
    def count(self) -> int:
        """How many vectors."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    def blocks(self, size: int, start: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """The rows from `start` on in blocks, each with its first row's number; a build reads only the first block."""

    def rows(self, positions: npt.NDArray[np.int64], /) -> npt.NDArray[np.float32]:
        """`(m, d)` vectors at ascending positions, a few dozen of them."""
