"""Eigenfaces with Mahalanobis distance: what a learned embedding has to beat.

Turk & Pentland, "Eigenfaces for Recognition" (1991); Moon & Phillips, "Computational and Performance Aspects of
PCA-based Face-Recognition Algorithms" (2001) for the Mahalanobis distance in the eigenspace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import Covariance, mahalanobis
from lookalike.errors import InputError

__all__ = ["Eigenfaces"]

Floats = npt.NDArray[np.floating[Any]]


class Eigenfaces:
    """Principal components of face pictures; distances weigh every component by its variance.

    Args:
        pictures: `(n, ...)` of equal size, any numbers; each is flattened.
        components: how many are kept, below `n`.

    Raises:
        InputError: too few pictures for the components.

    Example:
        >>> faces = np.random.default_rng(0).normal(size=(20, 4, 4))
        >>> Eigenfaces(faces, components=5).embed(faces).shape
        (20, 5)
    """

    def __init__(self, pictures: npt.ArrayLike, components: int = 30) -> None:
        x = np.asarray(pictures, np.float64).reshape(len(np.asarray(pictures)), -1)
        if not 0 < components < len(x):
            raise InputError(f"{components} eigenfaces were asked of {len(x)} pictures; ask for at most {len(x) - 1}")
        self.mean = x.mean(axis=0)
        _, _, axes = np.linalg.svd(x - self.mean, full_matrices=False)
        self.axes = axes[:components]
        coordinates = (x - self.mean) @ self.axes.T
        # Principal coordinates are uncorrelated: their covariance is diagonal.
        self.covariance = Covariance(np.diag(coordinates.var(axis=0, ddof=1)))

    def embed(self, pictures: npt.ArrayLike) -> Floats:
        """`(n, ...)` pictures to `(n, components)` float64 coordinates."""
        x = np.asarray(pictures, np.float64)
        coordinates: Floats = (x.reshape(len(x), -1) - self.mean) @ self.axes.T
        return coordinates

    def distances(self, x: Floats, y: Floats) -> Floats:
        """Mahalanobis distances of coordinates, `(n, m)`."""
        result: Floats = mahalanobis(x, y, self.covariance)
        return result
