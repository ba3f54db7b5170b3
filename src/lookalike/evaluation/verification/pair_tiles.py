"""Distances of all pairs of pictures, a tile of rows and columns at a time.

Pictures are sorted by identity first. Then the genuine pairs of some rows lie in a strip next to the diagonal, and all
pairs to the right of it are impostor pairs: no label is compared there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, check_metric, pairwise, squared_differences, unit_length

__all__ = ["COLUMNS", "ROWS", "PairTiles", "Tile"]

Integers = npt.NDArray[np.int64]
Distances = npt.NDArray[np.float32]

#: Of a tile: 2 MiB of float32, which fit into a core's cache together with the vectors.
ROWS, COLUMNS = 512, 1024


@dataclass(frozen=True)
class Tile:
    """Pairs of sorted pictures `first_row` … `last_row` - 1 with `first_column` … `last_column` - 1.

    `mixed` tiles hold genuine pairs or part of the diagonal; only their pairs above the diagonal count.
    """

    first_row: int
    last_row: int
    first_column: int
    last_column: int
    mixed: bool


class PairTiles:
    """All pairs of `(n, d)` vectors, cut into tiles.

    Distances are computed in float64 and rounded to float32: cosine and Euclidean ones as differences of centred
    vectors, by `distances.squared_differences`; others by `distances.pairwise`.
    """

    def __init__(self, vectors: npt.NDArray[Any], codes: Integers, metric: MetricName) -> None:
        self._metric = metric
        self._order = np.argsort(codes, kind="stable")
        self._codes = codes[self._order]
        self._ends = np.searchsorted(self._codes, self._codes, side="right")
        check_metric(metric)
        if metric == "cosine":
            vectors = unit_length(vectors.astype(np.float64))
        if metric in ("cosine", "euclidean"):
            vectors = vectors - vectors.mean(axis=0, dtype=np.float64)
        self._vectors = vectors.astype(np.float64, copy=False)[self._order]

    def __iter__(self) -> Iterator[Tile]:
        n = len(self._order)
        for row in range(0, n, ROWS):
            last = min(row + ROWS, n)
            strip = int(self._ends[last - 1])
            for start, stop, mixed in ((row, strip, True), (strip, n, False)):
                for column in range(start, stop, COLUMNS):
                    yield Tile(row, last, column, min(column + COLUMNS, stop), mixed)

    def distances(self, tile: Tile) -> Distances:
        """`(rows, columns)` float32."""
        x = self._vectors[tile.first_row : tile.last_row]
        y = self._vectors[tile.first_column : tile.last_column]
        if self._metric in ("cosine", "euclidean"):
            squares = squared_differences(x, y)
            if self._metric == "euclidean":
                return cast("Distances", np.sqrt(squares, out=squares).astype(np.float32))
            squares /= 2
            return cast("Distances", np.minimum(squares, 2, out=squares).astype(np.float32))
        return np.asarray(pairwise(x, y, self._metric)).astype(np.float32)

    def genuine(self, tile: Tile) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which pairs of a mixed tile are genuine, and which are impostors: `(rows, columns)` each."""
        rows, columns = slice(tile.first_row, tile.last_row), slice(tile.first_column, tile.last_column)
        same = self._codes[rows, None] == self._codes[columns]
        above = np.arange(tile.first_row, tile.last_row)[:, None] < np.arange(tile.first_column, tile.last_column)
        return same & above, ~same & above

    def positions(self, tile: Tile, among: Integers | None = None) -> Callable[[Integers], tuple[Integers, Integers]]:
        """From positions in the flattened tile (or in those `among` it) to the two pictures, the earlier one first."""
        width = tile.last_column - tile.first_column

        def found(at: Integers) -> tuple[Integers, Integers]:
            cells = at if among is None else among[at]
            a = self._order[tile.first_row + cells // width]
            b = self._order[tile.first_column + cells % width]
            return np.minimum(a, b), np.maximum(a, b)

        return found
