"""The space an engine searches in: unit vectors for cosine, whitened ones for Mahalanobis, else vectors as given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import Covariance, MetricName, unit_length
from lookalike.errors import InputError, VectorError
from lookalike.index.checks import LARGEST_LENGTH, checked_vectors

__all__ = ["MetricSpace"]

Floats = npt.NDArray[np.float32]

_LONGEST_SQUARE = LARGEST_LENGTH**2
#: Below this, float32 squares lose digits; `unit_length` scales first.
_SHORTEST_SQUARE = 1e-20


class MetricSpace:
    """Prepares vectors and queries, so that an engine needs to know four metrics only.

    Args:
        metric: of the index.
        dimension: numbers per vector.
        covariance: for Mahalanobis.

    Raises:
        InputError: Mahalanobis without a covariance of this dimension, or a covariance with another metric.
    """

    def __init__(self, metric: str, dimension: int, covariance: Covariance | None = None) -> None:
        if (metric == "mahalanobis") != (covariance is not None):
            needs = "needs covariance=Covariance.fit(vectors)" if covariance is None else "takes no covariance"
            raise InputError(f"metric {metric!r} {needs}")
        if covariance is not None and len(covariance.matrix) != dimension:
            raise InputError(f"the covariance is for {len(covariance.matrix)} dimensions, the vectors have {dimension}")
        self.covariance = covariance
        self.dimension = dimension
        #: What the engine computes over prepared vectors.
        self.metric: MetricName = "euclidean" if metric == "mahalanobis" else metric  # type: ignore[assignment]
        self._unit = metric == "cosine"
        self._plain = covariance is None

    def vectors(self, vectors: Floats, name: str = "vectors") -> Floats:
        """Prepare checked `(n, d)` vectors; raises a `VectorError` for a zero vector under cosine."""
        if self.covariance is not None:
            # In float64: the whitening of a large vector keeps the digits of small differences.
            whitened = self.covariance.whiten(vectors.astype(np.float64))
            return checked_vectors(whitened, self.dimension, f"whitened {name}", allow_none=True)
        if not self._unit:
            return vectors
        try:
            return np.ascontiguousarray(unit_length(vectors), dtype=np.float32)
        except VectorError as error:
            raise VectorError(f"{name}: {error}; the cosine metric cannot place it") from error

    def queries(self, queries: Any) -> Floats:
        """Check and prepare `(q, d)` queries. One float32 query, the hot path of a service, takes a short way."""
        if (
            self._plain
            and type(queries) is np.ndarray
            and queries.shape == (1, self.dimension)
            and queries.dtype == np.float32
        ):
            row = queries[0]
            square = float(row.dot(row))
            if _SHORTEST_SQUARE < square <= _LONGEST_SQUARE:  # neither is true of NaN
                if self._unit:
                    unit: Floats = queries * (1 / math.sqrt(square))  # type: ignore[assignment] # stays float32
                    return unit
                return np.ascontiguousarray(queries)
        return self.vectors(checked_vectors(queries, self.dimension, "queries", allow_none=True), "queries")
