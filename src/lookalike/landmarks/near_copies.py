"""Copies among vectors: the same picture embedded twice, in batches of different company, differs in the last digits.

A non-landmark that stood twice among the others would find itself as its nearest neighbour, and the promise would be
about photos that were seen before. So copies are found within rounding, not bit by bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.errors import VectorError

__all__ = ["ROUNDING", "copy_of"]

#: Vectors that differ by less than this share of the longest are one picture's.
ROUNDING = 1e-5


def copy_of(vectors: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
    """Of every vector the earliest that it is a copy of; its own position where it is none.

    Sorted along one random direction, copies are neighbours: all of them are found, without comparing all pairs.

    Args:
        vectors: `(n, d)`.
        groups: `(n,)`; vectors of different groups are no copies. By default all are of one.

    Returns:
        `(n,)` int64 positions.

    Raises:
        VectorError: not one group per vector.

    Example:
        >>> copy_of(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1e-7], [0.0, 1.0]], np.float32)).tolist()
        [0, 1, 0, 1]
    """
    n, dimension = vectors.shape
    codes = np.zeros(n, np.int64) if groups is None else groups
    if len(codes) != n:
        raise VectorError(f"{len(codes)} groups were given for {n} vectors; give one each")
    first = np.arange(n)
    if n < 2:
        return first
    direction = np.random.default_rng(0).normal(size=dimension)
    along = vectors @ (direction / np.linalg.norm(direction))
    near = ROUNDING * float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)).max())
    order = np.lexsort((along, codes))
    # Ranks in this order whose neighbour `shift` ranks further on may be a copy. One that was too far away at a
    # smaller shift is not looked at again, so the work is that of the pairs that are close, not of all vectors.
    candidates = np.arange(n)
    for shift in range(1, n):
        candidates = candidates[candidates < n - shift]
        a, b = order[candidates], order[candidates + shift]
        close = (codes[a] == codes[b]) & (along[b] - along[a] <= near)
        if not close.any():
            break
        candidates, a, b = candidates[close], a[close], b[close]
        same = np.linalg.norm(vectors[a] - vectors[b], axis=1) <= near
        earlier, later = np.minimum(a[same], b[same]), np.maximum(a[same], b[same])
        np.minimum.at(first, later, earlier)
    while (first[first] != first).any():  # copies of copies
        first = first[first]
    return first
