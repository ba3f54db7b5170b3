"""Distances in two ways: fast and rounded, with a bound on the rounding; and exact, pair by pair.

A ranking needs the exact distance of few pairs only: of those that differ by less than the rounding of the fast ones.
The fast ones are matrix products of vectors centred on their mean, which keeps the bound small even where all vectors
lie in a narrow cone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike import distances
from lookalike.distances import MetricName, blocks
from lookalike.errors import VectorError

__all__ = ["TIE", "RoundedDistances"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Relative difference up to which two float64 distances are equal.
TIE = 1e-12


class RoundedDistances:
    """Numbers in the order of the distances from each query to the references.

    They are distances that are squared (euclidean; cosine as the squared distance of unit vectors), shifted by a number
    per query (inner product) and scaled by a power of two.

    Args:
        queries: `(q, d)` finite vectors.
        references: `(n, d)` finite vectors.
        metric: name of the distance.
        alone: whether the queries are the references.
        precision: of the fast distances, float32 or float64.

    Attributes:
        symmetric: whether the distance of a to b is that of b to a.

    Raises:
        VectorError: a vector is all zeros, or too long (cosine).

    Example:
        >>> x = np.array([[0.0, 0.0], [3.0, 4.0]])
        >>> RoundedDistances(x, x, "euclidean", True, np.float32).exact(np.array([0]), np.array([[1]])).item() * 4**2
        25.0
    """

    def __init__(
        self,
        queries: npt.NDArray[Any],
        references: npt.NDArray[Any],
        metric: MetricName,
        alone: bool,
        precision: type[np.floating[Any]],
    ) -> None:
        self.metric, self.queries, self.references = metric, queries, references
        self._kept: Floats | None = None
        if metric == "cosine":
            self._by = _lengths(references)
            self._query_by = self._by if alone else _lengths(queries)
        else:
            largest = max(max(float(a.max()), -float(a.min())) for a in (queries, references))
            power = math.ldexp(1.0, math.frexp(largest)[1] - 1)
            self._by, self._query_by = np.full(len(references), power), np.full(len(queries), power)
        self.symmetric = alone and metric != "inner_product"
        n, d = references.shape
        #: The vectors as `_wide` makes them, where that takes no more than a block.
        self._kept = self._wide(np.arange(n)) if n * d <= distances.BLOCK_NUMBERS else None
        parts = [np.arange(rows.start, rows.stop) for rows in blocks(n, 4 * d)]
        self._mean = np.sum([self._wide(rows).sum(axis=0) for rows in parts], axis=0) / n
        self._farthest = max(float(self._sizes(self._wide(rows) - self._mean).max()) for rows in parts)
        # A sum of d + 2 products of rounded numbers, twice over (Higham, Accuracy and Stability, section 3.1).
        self._rounding = (d + 4) * float(np.finfo(precision).eps)
        shape = (0 if metric == "manhattan" else n, d if metric == "inner_product" else d + 2)
        self._right = np.empty(shape, precision)
        if len(self._right):
            for rows in parts:
                x = self._wide(rows) - self._mean
                self._right[rows, :d] = -x if metric == "inner_product" else -2 * x
                if metric != "inner_product":
                    self._right[rows, d] = self._sizes(x) ** 2
                    self._right[rows, d + 1] = 1

    def _sizes(self, vectors: Floats) -> Floats:
        return np.asarray(np.linalg.norm(vectors, ord=1 if self.metric == "manhattan" else 2, axis=1))

    def _wide(self, rows: Integers) -> Floats:
        if self._kept is not None:
            return np.asarray(self._kept[rows])
        return np.asarray(self.references[rows].astype(np.float64) / self._by[rows][:, None])

    def _wide_queries(self, rows: Integers) -> Floats:
        return np.asarray(self.queries[rows].astype(np.float64) / self._query_by[rows][:, None])

    def left(self, rows: Integers) -> tuple[npt.NDArray[Any], Floats]:
        """The left factor for some queries, and the largest error of their products."""
        wide = self._wide_queries(rows)
        if self.metric == "inner_product":
            return wide.astype(self._right.dtype), self._rounding * self._sizes(wide) * self._farthest
        x = wide - self._mean
        sizes = self._sizes(x)
        if self.metric == "manhattan":
            return wide, self._rounding * (sizes + self._farthest)
        # (x, 1, x·x) times (-2y, y·y, 1) is the squared distance of x and y.
        left = np.column_stack([x, np.ones(len(x)), sizes**2]).astype(self._right.dtype)
        return left, self._rounding * (sizes + self._farthest) ** 2

    def product(self, left: npt.NDArray[Any], columns: slice) -> npt.NDArray[Any]:
        """Rounded distances of some queries to the references `columns`."""
        if self.metric == "manhattan":
            right = self._wide(np.arange(*columns.indices(len(self.references))))
            return np.asarray(distances.minkowski(left, right, 1).astype(self._right.dtype))
        return np.asarray(left @ self._right[columns].T)

    def exact(self, rows: Integers, positions: Integers) -> Floats:
        """`(b, c)`: float64 distances of queries `rows` `(b,)` to references `positions` `(b, c)`."""
        found = np.empty(positions.shape)
        d = 4 * self.references.shape[1]
        for columns in blocks(positions.shape[1], d):
            for part in blocks(len(rows), d * (columns.stop - columns.start)):
                some = positions[part, columns]
                there = self._wide(some.ravel()).reshape(*some.shape, -1)
                here = self._wide_queries(rows[part])[:, None, :]
                if self.metric == "inner_product":
                    found[part, columns] = -((there - self._mean) * here).sum(axis=2)
                    continue
                there -= here
                if self.metric == "manhattan":
                    found[part, columns] = np.abs(there, out=there).sum(axis=2)
                else:
                    found[part, columns] = np.einsum("bcd,bcd->bc", there, there)
        return found

    def up_to(self, rows: Integers, exact: Floats) -> Floats:
        """The largest distance that counts as equal to `exact` `(b, c)`."""
        if self.metric == "inner_product":
            return exact + TIE * self._farthest * self._sizes(self._wide_queries(rows))[:, None]
        floor = 1e-14 if self.metric == "manhattan" else 1e-28
        return exact * (1 + TIE) + floor


def _lengths(vectors: npt.NDArray[Any]) -> Floats:
    found = np.empty(len(vectors))
    for rows in blocks(len(vectors), vectors.shape[1]):
        wide = vectors[rows].astype(np.float64)
        largest = np.abs(wide).max(axis=1)
        if (largest == 0).any():
            position = rows.start + int(np.flatnonzero(largest == 0)[0])
            raise VectorError(
                f"vector {position} is all zeros; it has no direction, so no cosine: remove or re-embed it"
            )
        with np.errstate(over="ignore"):
            found[rows] = largest * np.linalg.norm(wide / largest[:, None], axis=1)
    if not np.isfinite(found).all():
        raise VectorError(f"the length of vector {int(np.argmax(found))} overflows float64; scale the vectors down")
    return found
