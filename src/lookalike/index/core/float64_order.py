"""A second look, in float64, at what float32 found: the order of near neighbours beyond float32's digits.

A float32 distance is off by its rounding, in a narrow cone of vectors by more than all distances there are. So exact
search fetches some more neighbours than asked for, computes their distances again in float64, one by one, and orders
them by these. Nothing that was not fetched can belong among them if the last fetched distance, less what rounding may
add to it, still is beyond the k-th. The bounds are Higham's (*Accuracy and Stability of Numerical Algorithms*, section
3.1), which hold for any order of summation: a sum of d products is off by at most ``d u`` of the sum of their sizes,
``u = 2**-24``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.distances import nearest as nearest_of_any

__all__ = [
    "exact_values",
    "in_order",
    "least_of_expanded_squares",
    "least_of_sums",
    "most_of_products",
    "nearest_in_float64",
    "squared_lengths",
]

Floats = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]

_UNIT = 2.0**-24
#: What a single operation may lose where numbers are too small for float32.
_SMALLEST = 2.0**-126
#: Numbers of the differences that are computed at a time (0.5 MB, which stay in the cache).
_NUMBERS = 1 << 16
#: And of a single query, whose memory this bounds (8 MB).
_LARGEST = 1 << 20
#: Vectors compared at a time where all have to be in float64.
_ROWS = 1 << 14


def squared_lengths(queries: Floats) -> Wide:
    """`(q,)` in float64."""
    wide = queries.astype(np.float64)
    return np.asarray(np.einsum("ij,ij->i", wide, wide))


def least_of_sums(values: Wide, dimension: int) -> Wide:
    """What distances are at least that float32 summed from `dimension` differences, or their squares, to `values`."""
    # No term is negative, so a sum is right to a share of itself.
    least: Wide = values * (1 - 1.01 * (dimension + 8) * _UNIT) - (dimension + 8) * _SMALLEST
    return least


def least_of_expanded_squares(values: Wide, dimension: int, squares: Wide, longest: float) -> Wide:
    """The same of ``|x|² - 2xy + |y|²``, for queries of these squared lengths and vectors up to a length."""
    error = 1.01 * (dimension + 8) * _UNIT * (np.sqrt(squares) + longest) ** 2 + 4 * (dimension + 8) * _SMALLEST
    least: Wide = values - error
    return least


def most_of_products(values: Wide, dimension: int, squares: Wide, longest: float) -> Wide:
    """What inner products are at most that came out as `values`, for the same."""
    most: Wide = values + (1.01 * (dimension + 8) * _UNIT * longest * np.sqrt(squares) + (dimension + 8) * _SMALLEST)
    return most


def exact_values(queries: Floats, vectors: Floats, positions: Positions, metric: str) -> Wide:
    """What ranks the vectors at `(q, c)` positions, each computed alone in float64: equal vectors come out equal.

    Returns:
        `(q, c)` squared Euclidean distances (cosine, euclidean), negated inner products, or Manhattan distances.
    """
    found = np.empty(positions.shape)
    width = max(1, _LARGEST // queries.shape[1])
    for first in range(0, positions.shape[1], width):
        part = positions[:, first : first + width]
        step = max(1, _NUMBERS // (part.shape[1] * queries.shape[1]))
        for start in range(0, len(queries), step):
            rows = slice(start, start + step)
            values = found[rows, first : first + width]
            # A file may be mapped at an odd address; `take` would copy all of it first.
            near = vectors.take(part[rows], axis=0) if vectors.flags.aligned else vectors[part[rows]]
            terms = near.astype(np.float64)
            own = queries[rows, None, :].astype(np.float64)
            if metric == "inner_product":
                np.negative(np.einsum("qcd,qcd->qc", terms, np.broadcast_to(own, terms.shape)), out=values)
                continue
            terms -= own
            if metric == "manhattan":
                np.abs(terms, out=terms).sum(axis=2, out=values)
            else:
                np.einsum("qcd,qcd->qc", terms, terms, out=values)
    return found


def in_order(values: Wide, positions: Positions, k: int) -> tuple[Wide, Positions]:
    """The k lowest of `(q, c)` values and their positions; where values are equal, the lower position comes first."""
    if len(values) == 1:  # the hot path of a service
        first = np.lexsort((positions[0], values[0]))[:k]
        return values[:, first], positions[:, first]
    order = np.lexsort((positions, values))[:, :k]
    return np.take_along_axis(values, order, 1), np.take_along_axis(positions, order, 1)


def nearest_in_float64(queries: Floats, vectors: Floats, k: int, metric: str) -> tuple[Wide, Positions]:
    """`(q, k)` values as `exact_values` gives and positions, every vector compared in float64.

    Slower than float32 by an order, for what that cannot order. A block of vectors at a time: memory does not grow
    with their number.
    """
    asked = queries.astype(np.float64)
    best = np.empty((len(queries), 0)), np.empty((len(queries), 0), np.int64)
    for start in range(0, len(vectors), _ROWS):
        block = vectors[start : start + _ROWS]
        # Cosine ranks unit vectors as they are stored, rounded to float32: by their difference, like euclidean.
        name = metric if metric in ("inner_product", "manhattan") else "euclidean"
        positions = nearest_of_any(asked, block, k, name)[0]  # type: ignore[arg-type]
        values = np.hstack([best[0], exact_values(queries, block, positions, metric)])
        best = in_order(values, np.hstack([best[1], positions + start]), k)
    return best
