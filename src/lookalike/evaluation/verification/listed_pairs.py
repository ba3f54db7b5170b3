"""Distances of listed pairs, as benchmarks give them: not all pairs, but these."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.distances import MetricName, pairwise, unit_length
from lookalike.errors import VectorError
from lookalike.evaluation.labels import checked_vectors

__all__ = ["pair_distances"]

#: Numbers of one block of pairs, on each side: 16 MiB of float64.
BLOCK_NUMBERS = 2_097_152


def pair_distances(
    embeddings: npt.ArrayLike, pairs: npt.ArrayLike, metric: MetricName = "cosine"
) -> npt.NDArray[np.float64]:
    """The distance of every listed pair, in blocks: memory, without the result, does not grow with the pairs.

    Args:
        embeddings: `(n, d)` vectors.
        pairs: `(p, 2)` integers, positions of the two vectors of each pair.
        metric: name of the distance.

    Returns:
        `(p,)` float64, computed in float64.

    Raises:
        VectorError: wrong shapes, NaN, a position out of range, an unknown metric, or a zero vector under cosine.

    Example:
        >>> pair_distances([[0.0], [1.0], [4.0]], [[0, 1], [2, 0]], "euclidean").tolist()
        [1.0, 4.0]
    """
    vectors, positions = checked_vectors(embeddings), as_array(pairs, "pairs")
    if positions.ndim != 2 or positions.shape[1] != 2 or positions.dtype.kind not in "iu":
        raise VectorError(f"pairs have shape {positions.shape} and dtype {positions.dtype}; expected (p, 2) integers")
    if len(positions) and (positions.min() < 0 or positions.max() >= len(vectors)):
        raise VectorError(
            f"pairs name vectors {positions.min()} to {positions.max()}; there are 0 to {len(vectors) - 1}"
        )
    pairwise(vectors[:1], vectors[:1], metric)  # raises where the metric is unknown
    found = np.empty(len(positions))
    step = max(1, BLOCK_NUMBERS // vectors.shape[1])
    for start in range(0, len(positions), step):
        block = positions[start : start + step]
        first, second = (vectors[block[:, side]].astype(np.float64) for side in (0, 1))
        found[start : start + step] = _row_distances(first, second, metric)
    return found


def _row_distances(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], metric: MetricName
) -> npt.NDArray[Any]:
    """From `(b, d)` and `(b, d)` to `(b,)`: the diagonal of `distances.pairwise`."""
    if metric == "cosine":
        difference = unit_length(first) - unit_length(second)
        return np.asarray(np.minimum(np.einsum("ij,ij->i", difference, difference) / 2, 2))
    if metric == "inner_product":
        return cast("npt.NDArray[Any]", -np.einsum("ij,ij->i", first, second))
    difference = first - second
    if metric == "euclidean":
        return cast("npt.NDArray[Any]", np.linalg.norm(difference, axis=1))
    if metric == "manhattan":
        return cast("npt.NDArray[Any]", np.abs(difference).sum(axis=1))
    raise VectorError(f"metric {metric!r} cannot be computed for listed pairs")
