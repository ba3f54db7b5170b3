"""Directions of vectors, and the one rule for the gradients of short ones: embeddings, class weights, proxies.

A direction u = x / |x| does not depend on the length, so its derivative (I - u uᵀ) / |x| grows without bound as the
length falls, to 1e12 for an all-zero vector where lengths are kept above 1e-12. One such row outweighs the rest of its
batch by many orders of magnitude, and clipping the gradient then takes the rest away.

The rule, for every vector by itself, whatever else is in the batch:

- The direction is x / |x| for every vector, however short or long. A zero vector has none: its direction is 0, and its
  cosine with everything is 0. (The largest entry counts as at least `SMALLEST`, so that directions go to 0 below it.)
- The gradient is the true one from a length of `SHORTEST` on. A shorter vector gets that of a vector of length 1 with
  its direction, so |d loss / d x| <= |d loss / d u|; for a zero vector the two are equal. The largest factor between
  the two is therefore 1 / `SHORTEST`, just above the floor, and embeddings that are all short or zero still learn.

`SHORTEST` is 0.001. Embeddings and class weights of ordinary networks, also before training, are 0.01 to 100 long.
Below about 0.001 float16 loses precision: 256 entries at its smallest normal number, 6e-5, have a length of 0.00098.
And 64 / 0.001, the usual scale over the floor, is within float16's range.

Lengths are computed in the vectors' own precision, in which the squares of 1e-30 and of 1e20 may not fit. Rows that are
short, or longer than 1e15, are computed again in float64. All other rows are x / |x| as PyTorch computes it, bit for
bit.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from lookalike.losses.batch_checks import first_derivatives_only

__all__ = ["SHORTEST", "SMALLEST", "lengths_of", "unit_directions", "unit_vectors", "without_stretch"]

#: A vector below this length gets the gradient of one of length 1.
SHORTEST = 1e-3
#: Above this length, float32's squares may not fit.
_LONGEST = 1e15
#: Vectors whose largest entry is below this have a direction shorter than 1.
SMALLEST = 1e-30


def unit_vectors(x: Tensor) -> Tensor:
    """Embeddings `(n, d)` at length 1, with gradients by the rule above; a zero row stays zero.

    Args:
        x: float32 or float64. NaN and infinity give NaN.

    Example:
        >>> x = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
        >>> unit_vectors(x).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    lengths: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    rows = _unusual(lengths.detach()[:, 0])
    if rows is None:
        return x / lengths
    # Ones in their place: no gradient of 0 / 0 may reach these rows.
    ordinary = functional.normalize(x.index_fill(0, rows, 1.0))
    return ordinary.index_copy(0, rows, cast("Tensor", _UnusualDirections.apply(x[rows])))


def lengths_of(x: Tensor) -> Tensor:
    """Lengths `(n,)` of `(n, d)`, which carry gradients: the directions; also where the squares do not fit."""
    lengths: Tensor = torch.linalg.vector_norm(x, dim=1)
    rows = _unusual(lengths.detach())
    if rows is None:
        return lengths
    found = torch.linalg.vecdot(x[rows], _careful(x.detach()[rows])[0])
    ordinary: Tensor = torch.linalg.vector_norm(x.index_fill(0, rows, 1.0), dim=1)
    return ordinary.index_copy(0, rows, found)


def unit_directions(vectors: Tensor, buffer: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Vectors `(n, d)` at length 1, into `buffer` where one is given; and their rates `(n,)`, for `without_stretch`.

    No autograd within: for class weights, whose gradient is computed by hand.
    """
    lengths = torch.linalg.vector_norm(vectors, dim=1)
    rates = lengths.reciprocal()
    directions = torch.mul(vectors, rates[:, None], out=None if buffer is None else buffer[: len(vectors)])
    rows = _unusual(lengths)
    if rows is not None:
        directions[rows], rates[rows] = _careful(vectors[rows])
    return directions, rates


def without_stretch(moved: Tensor, directions: Tensor, rates: Tensor | None) -> Tensor:
    """Gradients by directions `(n, d)` to those by the vectors that have them, in place: a length is nothing.

    Args:
        moved: gradients by directions.
        directions: of length 1, or 0.
        rates: how far a direction turns as its vector moves, by the rule; None where vectors are taken as they are.
    """
    if rates is None:
        return moved
    along = torch.linalg.vecdot(moved, directions)
    return moved.addcmul_(directions, along[:, None], value=-1).mul_(rates[:, None])


class _UnusualDirections(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        directions, rates = _careful(x)
        ctx.save_for_backward(directions, rates)
        return directions

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        first_derivatives_only()
        # A backward pass within autocast would multiply in half precision.
        with torch.autocast(gradient.device.type, enabled=False):
            return without_stretch(gradient.clone(), *ctx.saved_tensors)


def _unusual(lengths: Tensor) -> Tensor | None:
    """Rows that are short, very long or no number, `(k,)` int64; None where none is."""
    if not len(lengths):
        return None
    least, most = lengths.aminmax()
    if float(least) >= SHORTEST and float(most) <= _LONGEST:
        return None
    return (~((lengths >= SHORTEST) & (lengths <= _LONGEST))).nonzero()[:, 0]


def _careful(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Directions and rates of vectors of any length, in float64, where no square leaves the range."""
    largest = torch.linalg.vector_norm(vectors.double(), ord=torch.inf, dim=1, keepdim=True).clamp_(min=SMALLEST)
    scaled = vectors / largest
    shrunk = torch.linalg.vector_norm(scaled, dim=1, keepdim=True)
    lengths = (largest * shrunk)[:, 0]
    rates = torch.where(lengths < SHORTEST, 1.0, lengths.reciprocal())
    return (scaled / shrunk.clamp(min=1.0)).to(vectors.dtype), rates.to(vectors.dtype)
