"""How losses compare pictures: rows of distances, and what a change of them does to the embeddings.

Euclidean distances come from a matrix product, ten times faster than differences, which loses digits of
close pairs. Those pairs, and only those, are computed again from their difference, in value and gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor

from lookalike.distances import Covariance, cosine, minkowski
from lookalike.errors import InputError, VectorError
from lookalike.losses.directions import unit_vectors

__all__ = ["LossMetric", "Measure", "Similarity", "measure_of"]

LossMetric = Literal["euclidean", "squared_euclidean", "cosine", "inner_product", "manhattan"]

#: d(distances) `(t, M)` to d(rows) `(t, d)`; d(columns) is added to the `(M, d)` tensor given.
Backward = Callable[[Tensor, Tensor], Tensor]
#: Rows `(t, d)` to their distances to fixed columns, `(t, M)`, and their backward pass.
Against = Callable[[Tensor], tuple[Tensor, Backward]]

#: A squared distance below this share of the squared lengths is computed from the difference.
_CLOSE = 1e-2
#: Above this share of close pairs in a tile, all its pairs are.
_MANY = 1 / 64


class Measure(Protocol):
    """A distance as losses use it."""

    def prepare(self, x: Tensor) -> Tensor:
        """Embeddings `(n, d)` to what is compared, differentiable: unit vectors, whitened ones, or as they are."""

    def against(self, columns: Tensor) -> Against:
        """Fix the columns `(M, d)`; no autograd within."""


def measure_of(metric: object) -> Measure:
    """The measure of a metric: a name of `LossMetric`, a `Covariance` (Mahalanobis), or a function.

    A function takes `(n, d)` and `(m, d)` tensors and returns `(n, m)` distances that carry gradients, as
    ``functools.partial(minkowski, p=3)`` does.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(metric, Covariance):
        return _Euclidean(whiten=metric)
    if metric is cosine:
        metric = "cosine"  # by the rule for short vectors, which its function leaves to its caller
    if callable(metric):
        return _AnyMetric(metric)
    measures: dict[object, Callable[[], Measure]] = {
        "euclidean": _Euclidean,
        "squared_euclidean": partial(_Euclidean, squared=True),
        "cosine": partial(_Product, sign=-1.0, shift=1.0, unit=True),
        "inner_product": partial(_Product, sign=-1.0, shift=0.0, unit=False),
        "manhattan": partial(_AnyMetric, partial(minkowski, p=1)),
    }
    if not isinstance(metric, str) or metric not in measures:
        raise InputError(
            f"metric is {metric!r}; choose one of {', '.join(get_args(LossMetric))}, or give a Covariance or a function"
        )
    return measures[metric]()


class _Product:
    """``shift + sign · x·y``, of unit vectors or as they are."""

    def __init__(self, sign: float, shift: float, unit: bool) -> None:
        self.sign, self.shift, self.unit = sign, shift, unit

    def prepare(self, x: Tensor) -> Tensor:
        return unit_vectors(x) if self.unit else x

    def against(self, columns: Tensor) -> Against:
        def rows_to(rows: Tensor) -> tuple[Tensor, Backward]:
            values = torch.mm(rows, columns.T).mul_(self.sign)
            if self.shift:
                # Rounding takes unit vectors' products past 1; a distance is never negative.
                values.add_(self.shift).clamp_(0, 2)

            def backward(gradient: Tensor, to_columns: Tensor) -> Tensor:
                to_columns.addmm_(gradient.T, rows, alpha=self.sign)
                return (gradient @ columns).mul_(self.sign)

            return values, backward

        return rows_to


class Similarity(_Product):
    """``x·y`` of unit vectors (cosine similarity), or as they are: larger is more alike."""

    def __init__(self, unit: bool = True) -> None:
        super().__init__(1.0, 0.0, unit)


class _Euclidean:
    """Euclidean distance or its square, after whitening where a covariance is given."""

    def __init__(self, squared: bool = False, whiten: Covariance | None = None) -> None:
        self.squared, self.whiten = squared, whiten

    def prepare(self, x: Tensor) -> Tensor:
        if self.whiten is None:
            return x
        whitened: Tensor = self.whiten.whiten(x)
        return whitened

    def against(self, columns: Tensor) -> Against:
        origin = _origin(columns)
        given, columns = columns, columns - origin
        squares = columns.square().sum(dim=1)
        largest = squares.amax() if len(squares) else 0.0

        def rows_to(given_rows: Tensor) -> tuple[Tensor, Backward]:
            rows = given_rows - origin
            own_squares = rows.square().sum(dim=1, keepdim=True)
            if len(own_squares) and not bool(own_squares.amax() + largest <= torch.finfo(rows.dtype).max / 8):
                return self._far(given_rows, given)
            values = torch.addmm(squares, rows, columns.T, alpha=-2.0).add_(own_squares)
            i, j = (values <= (own_squares + largest) * _CLOSE).nonzero(as_tuple=True)
            # As given: moving to the origin rounds, which is little of a length but much of a short difference.
            if len(i) > _MANY * values.numel():
                return self._differences(given_rows, given)
            # A few pairs at a time, or their differences would take more memory than the tile.
            step = max(1, values.numel() // max(1, rows.shape[1]))
            pieces = [slice(start, start + step) for start in range(0, len(i), step)]

            def gaps(piece: slice) -> Tensor:
                return given_rows[i[piece]] - given[j[piece]]

            near = torch.cat([gaps(piece).square().sum(dim=1) for piece in pieces]) if pieces else values[i, j]
            values[i, j] = near
            if not self.squared:
                values.sqrt_()

            def backward(gradient: Tensor, to_columns: Tensor) -> Tensor:
                of_close = gradient[i, j]
                # Distances of the far pairs are above zero; the close ones are taken out and added one by one.
                weights = gradient.mul(2.0) if self.squared else gradient / values
                weights[i, j] = 0.0
                of_close = of_close.mul(2.0) if self.squared else of_close * _inverse(near.sqrt())
                to_rows = torch.addmm(weights.sum(dim=1, keepdim=True) * rows, weights, columns, alpha=-1.0)
                to_columns.addcmul_(weights.sum(dim=0)[:, None], columns)
                to_columns.addmm_(weights.T, rows, alpha=-1.0)
                for piece in pieces:
                    moves = gaps(piece) * of_close[piece, None]
                    to_rows.index_add_(0, i[piece], moves)
                    to_columns.index_add_(0, j[piece], moves, alpha=-1.0)
                return to_rows

            return values, backward

        return rows_to

    def _far(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Backward]:
        """Where squares leave the vectors' precision: every pair from its difference, in float64.

        Raises:
            VectorError: vectors are finite and their distances are not.
        """
        values, wide_backward = self._differences(rows.double(), columns.double())
        values = values.to(rows.dtype)
        largest = float(torch.cat([rows, columns]).abs().amax())
        if largest < math.inf and not bool(torch.isfinite(values).all()):
            raise VectorError(
                f"embeddings have entries up to {largest:.3g}, whose distances do not fit {rows.dtype}; "
                "expected lengths of about 1 to 100: scale them, or lower the learning rate"
            )

        def backward(gradient: Tensor, to_columns: Tensor) -> Tensor:
            wide = torch.zeros_like(to_columns, dtype=torch.float64)
            to_rows = wide_backward(gradient.double(), wide).to(rows.dtype)
            to_columns.add_(wide)
            return to_rows

        return values, backward

    def _differences(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Backward]:
        """Every pair from its difference, for tiles with many close pairs."""

        def distances(a: Tensor, b: Tensor) -> Tensor:
            d: Tensor = minkowski(a, b)
            return d.square() if self.squared else d

        return _by_autograd(distances, rows, columns)


class _AnyMetric:
    """A function whose backward pass autograd computes."""

    def __init__(self, metric: Callable[[Any, Any], Any]) -> None:
        self.metric = metric

    def prepare(self, x: Tensor) -> Tensor:
        return x

    def against(self, columns: Tensor) -> Against:
        return lambda rows: _by_autograd(self.metric, rows, columns)


def _by_autograd(metric: Callable[[Any, Any], Any], rows: Tensor, columns: Tensor) -> tuple[Tensor, Backward]:
    with torch.enable_grad():
        a, b = rows.detach().requires_grad_(), columns.detach().requires_grad_()
        values = metric(a, b)
    if not isinstance(values, Tensor) or values.shape != (len(rows), len(columns)):
        raise VectorError(
            f"the metric returned {getattr(values, 'shape', type(values).__name__)} for {len(rows)} and "
            f"{len(columns)} vectors; expected a tensor of shape ({len(rows)}, {len(columns)})"
        )

    def backward(gradient: Tensor, to_columns: Tensor) -> Tensor:
        to_rows, more = torch.autograd.grad(values, (a, b), gradient)
        to_columns.add_(more)
        return to_rows

    return values.detach(), backward


def _origin(columns: Tensor) -> Tensor:
    """A point amid the vectors, `(1, d)`: distances do not depend on the origin, their digits do.

    Rounded to few bits, so that the move rounds nothing that had few bits itself: equal distances stay equal.
    """
    if not len(columns):
        return columns.new_zeros(1, columns.shape[1])
    unit = torch.exp2(columns.abs().amax().clamp(min=1e-30).log2().ceil() - 4)
    return torch.nan_to_num((columns.mean(dim=0, keepdim=True) / unit).round() * unit)


def _inverse(lengths: Tensor) -> Tensor:
    """1 / length, and 0 where the length is 0: the gradient of two equal vectors is 0."""
    return torch.where(lengths > 0, lengths.reciprocal(), 0.0)
