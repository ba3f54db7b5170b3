"""How densely non-landmarks lie around a vector: what makes a likeness suspicious.

Trees, food and people look a little like every place. The winners of Google Landmark Recognition therefore take the
mean similarity to the nearest non-landmarks off the similarity to a place: Henkel & Singer, "Supporting large-scale
image recognition with out-of-domain samples" (2020, first place), and Henkel, "Efficient large-scale image retrieval
with deep feature orthogonality and Hybrid-Swin-Transformers" (2021, first place). Here, where smaller is more alike,
the density is *added* to a distance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, nearest
from lookalike.errors import InputError, VectorError

__all__ = ["density", "density_without_itself"]

Floats = npt.NDArray[np.float64]


def density(vectors: npt.ArrayLike, bank: npt.ArrayLike, k: int = 5, metric: MetricName = "cosine") -> Floats:
    """Minus the mean distance to the `k` nearest of a bank of non-landmarks: larger is denser.

    Under the cosine metric it is the mean similarity, less one.

    Args:
        vectors: `(n, d)`.
        bank: `(b, d)` embeddings of non-landmarks, none of them among `vectors`.
        k: how many; all of them where the bank has fewer.
        metric: of the distances.

    Returns:
        `(n,)` float64.

    Raises:
        VectorError: shapes differ, NaN, or an empty bank.

    Example:
        >>> density([[0.0], [9.0]], [[1.0], [2.0], [30.0]], k=2, metric="euclidean").tolist()
        [-1.5, -7.5]
    """
    distances = nearest(vectors, bank, k, metric)[1]
    if distances.shape[1] == 0:
        raise VectorError("the bank of non-landmarks is empty; give the embedding of at least one")
    return np.asarray(-distances.mean(axis=1, dtype=np.float64))


def density_without_itself(bank: npt.ArrayLike, k: int = 5, metric: MetricName = "cosine") -> Floats:
    """The density around every non-landmark of the bank, measured on the others.

    With itself at distance 0 in the bank, each would look denser than a photo that was never seen.

    Args:
        bank: `(b, d)`, at least two, no two of them equal.
        k: how many, at most `b - 1`.
        metric: of the distances.

    Returns:
        `(b,)` float64.

    Raises:
        VectorError: wrong shapes or NaN.
        InputError: not 1 to `b - 1` neighbours.

    Example:
        >>> density_without_itself([[1.0], [2.0], [30.0]], k=1, metric="euclidean").tolist()
        [-1.0, -1.0, -28.0]
    """
    count = len(np.asarray(bank))
    if not 1 <= k < count:
        raise InputError(f"{k} neighbours of each of {count} non-landmarks were asked for; expected 1 to {count - 1}")
    positions, distances = nearest(bank, bank, k + 1, metric)
    itself = positions == np.arange(count)[:, None]
    # Under inner_product others may be nearer than the vector itself, which is then not among these.
    itself[~itself.any(axis=1), -1] = True
    return np.asarray(-distances[~itself].reshape(count, k).mean(axis=1, dtype=np.float64))
