"""Distances between embeddings: Minkowski, Mahalanobis and cosine; exact nearest neighbours in blocks.

All functions are pairwise: `(n, d)` and `(m, d)` give `(n, m)`. They take NumPy arrays (and return
NumPy) or torch tensors (and return tensors that carry gradients). Smaller always means more alike.

Floating inputs keep their precision (float32 stays float32), but float16 and bfloat16 become float32: their sums have
two or three digits, and overflow. Integers are computed in float64. Distances of arrays are computed in float64 and
rounded once: near duplicates keep their digits, under cosine too, which is ``|x - y|² / 2`` of unit vectors.

Arrays are searched for NaN, infinity and (cosine) zero vectors, which raise. Tensors are not, for that would
stall a GPU at every step: NaN stays NaN, and a zero vector is at cosine distance 1 from everything.

Sources: Minkowski, *Geometrie der Zahlen* (1896); Mahalanobis, "On the generalised distance in
statistics" (1936); Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance
matrices" (2004) for the shrinkage.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array, at_least_float32
from lookalike.counted_nouns import how_many
from lookalike.errors import VectorError

__all__ = [
    "Covariance",
    "MetricName",
    "check_metric",
    "cosine",
    "inner_product",
    "mahalanobis",
    "minkowski",
    "nearest",
    "pairwise",
    "squared_differences",
    "unit_length",
]

MetricName = Literal["euclidean", "cosine", "inner_product", "manhattan"]

#: One block of a pairwise computation holds at most about this many numbers (64 MiB of float32).
BLOCK_NUMBERS = 16_777_216

#: A squared difference below this share of the squared lengths is computed from the difference.
_CLOSE = 1e-4
#: Where more than one in so many is close, the differences of the whole block are computed.
_MANY = 16


def _is_torch(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _array(name: str, value: Any) -> npt.NDArray[Any]:
    a = as_array(value, name)
    if a.dtype.kind not in "fiub":
        raise VectorError(f"{name} has dtype {a.dtype}; vectors must be numbers")
    return at_least_float32(a)


def _wide_tensor(x: Any) -> Any:
    """A tensor of float32 or float64; gradients pass."""
    import torch

    return x.to(torch.promote_types(x.dtype, torch.float32) if x.dtype.is_floating_point else torch.float64)


def _checked(x: Any, y: Any, finite: bool = True) -> tuple[Any, Any]:
    """Return both inputs as 2-D floating arrays of one library, or raise a `VectorError`."""
    if _is_torch(x) != _is_torch(y):
        raise VectorError(
            f"x is a {type(x).__name__} and y a {type(y).__name__}; give both as NumPy arrays or both as tensors"
        )
    if _is_torch(x):
        import torch

        dtype = torch.promote_types(x.dtype, y.dtype)
        if dtype.is_complex:
            raise VectorError(f"x has dtype {x.dtype} and y {y.dtype}; vectors must be real numbers")
        dtype = torch.promote_types(dtype, torch.float32) if dtype.is_floating_point else torch.float64
        x, y = x.to(dtype), y.to(dtype)
    else:
        x, y = _array("x", x), _array("y", y)
        if x.dtype.kind != "f" or y.dtype.kind != "f":
            x, y = x.astype(np.float64), y.astype(np.float64)
    if x.ndim != 2 or y.ndim != 2:
        raise VectorError(
            f"x has shape {tuple(x.shape)} and y {tuple(y.shape)}; both must be two-dimensional (vectors, dimensions)"
        )
    if x.shape[1] != y.shape[1]:
        raise VectorError(f"x has {x.shape[1]} dimensions and y has {y.shape[1]}; they must be equal (from one model)")
    if finite and not _is_torch(x):
        for name, a in (("x", x), ("y", y)):
            if not np.isfinite(a).all():
                row = int(np.flatnonzero(~np.isfinite(a).all(axis=1))[0])
                raise VectorError(f"{name}[{row}] holds NaN or infinity; remove or re-embed it")
    return x, y


def minkowski(x: Any, y: Any, p: float = 2.0) -> Any:
    """Minkowski distance of order `p`: ``(sum_i |x_i - y_i|^p)^(1/p)``.

    `p=1` is Manhattan, `p=2` Euclidean, `p=inf` Chebyshev. It is a metric for every `p >= 1`.

    Args:
        x: `(n, d)` array or tensor.
        y: `(m, d)` array or tensor.
        p: order, at least 1, `math.inf` allowed.

    Returns:
        `(n, m)` distances, of the inputs' library and floating dtype, float32 at least.

    Raises:
        VectorError: shapes differ, an array holds NaN or infinity, or `p < 1` (below 1 the triangle inequality fails).

    Example:
        >>> minkowski([[0.0, 0.0]], [[3.0, 4.0]]).item()
        5.0
    """
    if not p >= 1:
        raise VectorError(f"p is {p}; a Minkowski distance needs p >= 1 (below, the triangle inequality fails)")
    x, y = _checked(x, y)
    if _is_torch(x):
        import torch

        # The matrix-multiply shortcut loses half the digits for near-duplicates, which is where margins act.
        return torch.cdist(x, y, p=p, compute_mode="donot_use_mm_for_euclid_dist")
    from scipy.spatial.distance import cdist

    name, extra = {1.0: "cityblock", 2.0: "euclidean", math.inf: "chebyshev"}.get(float(p), "minkowski"), {}
    if name == "minkowski":
        extra["p"] = p
    # SciPy computes in float64; the result goes back to the inputs' precision.
    return cdist(x, y, name, **extra).astype(np.result_type(x, y), copy=False)


class Covariance:
    """A covariance matrix prepared for Mahalanobis distances, kept as its whitening transform.

    `whiten(x)` maps vectors so that their Euclidean distance is the Mahalanobis distance; this is how
    any index serves a Mahalanobis metric.

    Args:
        matrix: `(d, d)` symmetric positive definite covariance.

    Raises:
        VectorError: the matrix is not square, not symmetric or not positive definite.

    Example:
        >>> Covariance(np.diag([4.0, 1.0])).whiten(np.array([[2.0, 1.0]])).tolist()
        [[1.0, 1.0]]
    """

    def __init__(self, matrix: npt.ArrayLike) -> None:
        m = _array("the covariance", matrix).astype(np.float64)
        if m.ndim != 2 or m.shape[0] != m.shape[1] or not m.size:
            raise VectorError(f"the covariance has shape {m.shape}; it must be square (d, d)")
        largest = float(np.abs(m).max())
        if not np.isfinite(m).all() or not np.allclose(m, m.T, rtol=1e-6, atol=1e-12 * largest):
            raise VectorError("the covariance must be finite and symmetric")
        values, vectors = np.linalg.eigh((m + m.T) / 2)
        if values[0] <= values[-1] * np.finfo(np.float64).eps * len(values) or values[-1] <= 0:
            raise VectorError(
                f"the covariance is not positive definite (smallest eigenvalue {values[0]:.3g}, largest "
                f"{values[-1]:.3g}); use Covariance.fit, which shrinks it, or reduce dimensions first"
            )
        self.matrix: npt.NDArray[np.float64] = m
        #: `(d, d)`: x @ whitening has identity covariance.
        self.whitening: npt.NDArray[np.float64] = (vectors / np.sqrt(values)) @ vectors.T

    @classmethod
    def fit(cls, x: npt.ArrayLike, shrinkage: float | Literal["ledoit-wolf"] = "ledoit-wolf") -> Covariance:
        """Estimate from `(n, d)` vectors: ``(1 - s) S + s (tr S / d) I``; `s` given, or by Ledoit & Wolf (2004)."""
        given = _array("x", x)
        vectors: npt.NDArray[np.float64] = _checked(given, given)[0].astype(np.float64)
        n, d = vectors.shape
        if n < 2 or d < 1:
            raise VectorError(
                f"a covariance was to be fitted on {how_many(n, 'vector')} of {d}; at least 2 of 1 are needed"
            )
        vectors = vectors - vectors.mean(axis=0)
        s = vectors.T @ vectors / n
        mu = float(np.trace(s)) / d
        if mu <= 0:
            raise VectorError("all vectors are equal; a covariance cannot be fitted")
        if shrinkage == "ledoit-wolf":
            delta = float(((s - mu * np.eye(d)) ** 2).sum())
            squared = (vectors**2).sum(axis=1)
            beta = float((squared**2).sum()) / n**2 - float((s**2).sum()) / n
            amount = 1.0 if delta <= 0 else min(max(beta / delta, 0.0), 1.0)
        else:
            amount = shrinkage if isinstance(shrinkage, int | float) else math.nan
            if not 0 <= amount <= 1:
                raise VectorError(f"shrinkage is {shrinkage!r}; it must lie between 0 and 1, or be 'ledoit-wolf'")
        return cls((1 - amount) * s + amount * mu * np.eye(d))

    def whiten(self, x: Any) -> Any:
        """Map `(n, d)` vectors to whitened ones of the same shape and library."""
        x = x if _is_torch(x) else _array("x", x)
        if x.ndim != 2 or x.shape[1] != len(self.matrix):
            raise VectorError(f"vectors have shape {tuple(x.shape)}; the covariance expects (n, {len(self.matrix)})")
        if _is_torch(x):
            import torch

            x = _wide_tensor(x)
            return x @ torch.as_tensor(self.whitening, dtype=x.dtype, device=x.device)
        return (x @ self.whitening).astype(x.dtype if x.dtype.kind == "f" else np.float64, copy=False)


def mahalanobis(x: Any, y: Any, covariance: Covariance | npt.ArrayLike) -> Any:
    """Mahalanobis distance ``sqrt((x - y)^T C^-1 (x - y))``, computed as Euclidean distance after whitening.

    Args:
        x: `(n, d)` array or tensor.
        y: `(m, d)` array or tensor.
        covariance: a `Covariance` (prepare it once when calling often), or a `(d, d)` matrix.

    Returns:
        `(n, m)` distances.

    Raises:
        VectorError: shapes differ, or the covariance is not symmetric positive definite.

    Example:
        >>> mahalanobis([[0.0, 0.0]], [[2.0, 0.0]], np.diag([4.0, 1.0])).item()
        1.0
    """
    x, y = _checked(x, y)
    c = covariance if isinstance(covariance, Covariance) else Covariance(covariance)
    if len(c.matrix) != x.shape[1]:
        raise VectorError(f"the covariance is for {len(c.matrix)} dimensions, the vectors have {x.shape[1]}")
    if _is_torch(x):
        return minkowski(c.whiten(x), c.whiten(y))
    # Whitened in float64, or the difference of two large float32 vectors keeps few digits.
    wide = minkowski(c.whiten(x.astype(np.float64)), c.whiten(y.astype(np.float64)))
    return wide.astype(np.result_type(x, y), copy=False)


def unit_length(x: Any) -> Any:
    """Scale `(n, d)` vectors to Euclidean length 1; float16 and bfloat16 come back as float32.

    A zero vector has no direction: in an array it raises a `VectorError`, in a tensor it stays zero.

    Args:
        x: `(n, d)` array or tensor.

    Returns:
        `(n, d)`, of the input's library and floating dtype, float32 at least.

    Raises:
        VectorError: not two-dimensional, or an array with a zero vector.

    Example:
        >>> unit_length([[3.0, 4.0]]).tolist()
        [[0.6, 0.8]]
    """
    x = x if _is_torch(x) else _array("x", x)
    if x.ndim != 2:
        raise VectorError(f"x has shape {tuple(x.shape)}; it must be two-dimensional (vectors, dimensions)")
    if _is_torch(x):
        import torch

        return torch.nn.functional.normalize(_wide_tensor(x), dim=1)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    # Divide by the largest entry first, so that huge or tiny vectors neither overflow nor vanish.
    largest = np.abs(x).max(axis=1, keepdims=True, initial=0.0)
    if (largest == 0).any():
        raise VectorError(f"vector {int(np.flatnonzero(largest[:, 0] == 0)[0])} is all zeros; it has no direction")
    x = x / largest
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def cosine(x: Any, y: Any) -> Any:
    """Cosine distance ``1 - x·y / (|x| |y|)``, in [0, 2], computed as ``|x - y|² / 2`` of unit vectors.

    It is not a metric: the triangle inequality fails (its square root, on unit vectors, is one).

    Args:
        x: `(n, d)` array or tensor; lengths do not matter.
        y: `(m, d)` array or tensor.

    Returns:
        `(n, m)` distances.

    Raises:
        VectorError: shapes differ; in arrays, values are not finite or a vector is all zeros.

    Example:
        >>> cosine([[1.0, 0.0]], [[0.0, 2.0]]).item()
        1.0
    """
    x, y = _checked(x, y)
    if _is_torch(x):
        import torch

        x, y = unit_length(x), unit_length(y)
        squares = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()
        zero = (x == 0).all(dim=1)[:, None] | (y == 0).all(dim=1)  # without a direction: orthogonal to all
        return torch.where(zero, 1.0, (squares / 2).clip(max=2))
    dtype = np.result_type(x, y)
    x, y = unit_length(x.astype(np.float64)), unit_length(y.astype(np.float64))
    # A common offset changes no difference, but costs digits where the vectors lie in a narrow cone.
    centre = y.mean(axis=0) if len(y) else 0.0
    x, y = x - centre, y - centre
    found = np.empty((len(x), len(y)), dtype)
    for rows in blocks(len(x), 8 * len(y)):
        np.minimum(squared_differences(x[rows], y) / 2, 2, out=found[rows], casting="same_kind")
    return found


def squared_differences(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """``|x - y|²`` of `(n, d)` and `(m, d)` float64 vectors, as `(n, m)`, each to eight digits or more.

    It is ``|x|² - 2xy + |y|²``, one matrix product; where this cancels most of the digits, the difference is computed.
    Centre both on a common mean first: fewer differences are computed then.

    Example:
        >>> squared_differences(np.array([[1.0, 0.0]]), np.array([[1.0, 1e-9], [0.0, 0.0]])).tolist()
        [[1e-18, 1.0]]
    """
    own, other = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    found: npt.NDArray[np.float64] = (-2 * x) @ y.T
    found += own[:, None]
    found += other
    close = np.flatnonzero(found < _CLOSE * (own + other.max(initial=0.0))[:, None])
    if len(close):
        rows, columns = np.divmod(close, len(y))
        close = close[found.ravel()[close] < _CLOSE * (own[rows] + other[columns])]
    if len(close) > found.size // _MANY:
        from scipy.spatial.distance import cdist

        return np.asarray(cdist(x, y, "sqeuclidean"))
    for part in blocks(len(close), x.shape[1]):
        rows, columns = np.divmod(close[part], len(y))
        difference = x[rows] - y[columns]
        found.ravel()[close[part]] = np.einsum("ij,ij->i", difference, difference)
    return found


def inner_product(x: Any, y: Any) -> Any:
    """Negated inner product ``-x·y``, so that smaller means more alike; not a metric.

    Args:
        x: `(n, d)` array or tensor.
        y: `(m, d)` array or tensor.

    Returns:
        `(n, m)` numbers, which may be negative.

    Raises:
        VectorError: shapes differ, or an array holds NaN or infinity.

    Example:
        >>> inner_product([[1.0, 2.0]], [[3.0, 4.0]]).item()
        -11.0
    """
    x, y = _checked(x, y)
    if _is_torch(x):
        return -(x @ y.T)
    found = np.empty((len(x), len(y)), np.result_type(x, y))
    wide = y.astype(np.float64, copy=False).T
    for rows in blocks(len(x), len(y)):
        found[rows] = x[rows].astype(np.float64, copy=False) @ wide
    return np.negative(found, out=found)


def check_metric(metric: object) -> None:
    """Raise a `VectorError` unless `metric` is a name of `MetricName`."""
    if metric not in get_args(MetricName):
        raise VectorError(f"metric {metric!r} is unknown; choose one of {', '.join(get_args(MetricName))}")


def pairwise(x: Any, y: Any, metric: MetricName) -> Any:
    """Distances of `(n, d)` to `(m, d)` under a metric given by name; returns `(n, m)`."""
    functions: dict[str, Callable[[Any, Any], Any]] = {
        "euclidean": minkowski,
        "cosine": cosine,
        "inner_product": inner_product,
        "manhattan": lambda a, b: minkowski(a, b, p=1),
    }
    check_metric(metric)
    return functions[metric](x, y)


def blocks(rows: int, columns: int) -> Iterator[slice]:
    """Cut `rows` into slices so that a block of rows × columns stays within `BLOCK_NUMBERS`."""
    step = max(1, BLOCK_NUMBERS // max(1, columns))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def nearest(
    queries: npt.ArrayLike, vectors: npt.ArrayLike, k: int, metric: MetricName = "euclidean"
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating[Any]]]:
    """Exact `k` nearest vectors of every query, in blocks: memory does not grow with the number of pairs.

    Args:
        queries: `(q, d)`.
        vectors: `(n, d)`.
        k: how many; at most `n` are returned.
        metric: a name that `pairwise` knows.

    Returns:
        positions `(q, min(k, n))` int64 and their distances, nearest first; ties by lower position.

    Raises:
        VectorError: shapes differ, values are not finite, `k` is no whole number above 0, or the metric is unknown.

    Example:
        >>> nearest([[0.0]], [[3.0], [1.0]], k=1)[0].tolist()
        [[1]]
    """
    if not isinstance(k, int | np.integer) or k < 1:
        raise VectorError(f"k is {k!r}; it must be a whole number, at least 1")
    check_metric(metric)
    q, v = _checked(_array("queries", queries), _array("vectors", vectors))
    k = min(operator.index(k), len(v))
    positions = np.empty((len(q), k), np.int64)
    distances = np.empty((len(q), k), np.result_type(q, v))
    if not k:
        return positions, distances
    q, v = q.astype(np.float64), v.astype(np.float64)
    if metric == "cosine":
        q, v = unit_length(q), unit_length(v)
    for rows in blocks(len(q), len(v)):
        block, slack = _roughly(q[rows], v, metric)
        # All vectors up to the k-th distance, with ties and a margin for the rounding, then sorted stably: the answer
        # does not depend on the block size, and equal distances come in order of position.
        kth = np.partition(block, k - 1, axis=1)[:, k - 1] + slack
        for row, (line, limit) in enumerate(zip(block, kth, strict=True), start=rows.start):
            close = np.flatnonzero(line <= limit)
            exact = line[close] if metric in ("euclidean", "manhattan") else _one_by_one(q[row], v[close], metric)
            order = np.argsort(exact, kind="stable")[:k]
            positions[row], distances[row] = close[order], exact[order]
    return positions, distances


def _roughly(
    q: npt.NDArray[np.float64], v: npt.NDArray[np.float64], metric: MetricName
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Distances of float64 vectors (of length 1 under cosine), and twice the largest rounding error of each query's."""
    if metric in ("euclidean", "manhattan"):
        return pairwise(q, v, metric), np.zeros(len(q))  # SciPy computes each pair alone, the same in any block
    if metric == "cosine":
        centre = v.mean(axis=0)
        q, v = q - centre, v - centre
    own, other = np.einsum("ij,ij->i", q, q), np.einsum("ij,ij->i", v, v)
    found = q @ v.T
    np.negative(found, out=found)
    # Sums of d + 2 products (Higham, Accuracy and Stability, section 3.1).
    slack = 4 * (q.shape[1] + 8) * 2.0**-52 * np.sqrt(own * other.max())
    if metric == "cosine":
        found += own[:, None] / 2
        found += other / 2
        slack += 4 * (q.shape[1] + 8) * 2.0**-52 * (own + other.max())
    return found, slack


def _one_by_one(
    query: npt.NDArray[np.float64], vectors: npt.NDArray[np.float64], metric: MetricName
) -> npt.NDArray[np.float64]:
    """Distances of one query, each summed alone: the rounding of a matrix product depends on its block's shape."""
    if metric == "cosine":
        return np.asarray(np.minimum(((vectors - query) ** 2).sum(axis=1) / 2, 2))
    return np.asarray(-(vectors * query).sum(axis=1))
