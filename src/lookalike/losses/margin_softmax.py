"""What all angular margin losses share: unit vectors, one center a class, a margin on the right class's angle."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lookalike.losses.batch_checks import check_scale
from lookalike.losses.class_chunks import class_scores
from lookalike.losses.class_loss import ClassLoss
from lookalike.losses.directions import unit_vectors

__all__ = ["MarginSoftmaxLoss", "add_angle", "multiply_angle", "share_lost"]

#: sin² below this counts as this: at the poles the slope of an angle would be unbounded.
_POLE = 1e-6


class MarginSoftmaxLoss(ClassLoss):
    """``-log softmax(s · [f(cos θ_y), cos θ_j])[y]``, mean over the batch; subclasses define f.

    θ_j is the angle between the embedding and the center of class j; lengths do not matter. The B × C cosines are
    never held: classes come in chunks (see `class_chunks`).

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.

    Raises:
        InputError: scale out of range, or a size below 1.
    """

    def __init__(self, num_classes: int, embedding_size: int, scale: float, subcenters: int = 1) -> None:
        super().__init__(num_classes, embedding_size)
        self.scale = check_scale(scale)
        shape = (num_classes, embedding_size) if subcenters == 1 else (num_classes, subcenters, embedding_size)
        self.centers = nn.Parameter(torch.empty(shape))
        nn.init.normal_(self.centers, std=0.01)

    def target_logits(self, cos: Tensor) -> Tensor:
        """Cos θ of the right class to its margin logit, before the scale; same shape."""
        raise NotImplementedError

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of a checked batch."""
        scores = class_scores(unit_vectors(x), self.centers, labels, scale=self.scale)
        return share_lost(self.scale * self.target_logits(scores.target), scores.rest)


def share_lost(target: Tensor, rest: Tensor) -> Tensor:
    """Cross-entropy ``mean of -log(e^target / (e^target + e^rest))`` of `(B,)` logits and log-sums."""
    return torch.logaddexp(rest - target, target.new_zeros(())).mean()


def sine(cos: Tensor) -> Tensor:
    """Sin θ, kept above 0.001."""
    return (1 - cos * cos).clamp(min=_POLE).sqrt()


def with_slope(value: Tensor, slope: Tensor, cos: Tensor) -> Tensor:
    """`value`, whose derivative by `cos` is `slope` exactly."""
    return value.detach() + slope.detach() * (cos - cos.detach())


def add_angle(cos: Tensor, margin: Tensor | float) -> Tensor:
    """``cos(θ + m)``, falling all the way to θ = π; a tensor of margins has one for every cosine.

    Where θ + m passes π, where cos turns back up, it goes on as ``cos θ - m sin m``, as in ArcFace's authors' code. The
    slope is the true one: ``d / d cos θ = sin(θ + m) / sin θ``.
    """
    c = cos.detach().clamp(-1, 1)
    m = torch.as_tensor(margin, dtype=c.dtype, device=c.device)
    sin = sine(c)
    beyond = c <= torch.cos(math.pi - m)
    # The second term keeps the logit falling where the authors' m sin m would let it jump up (m > 2.33).
    penalty = torch.maximum(m * m.sin(), 1 - m.cos())
    value = torch.where(beyond, c - penalty, c * m.cos() - sin * m.sin())
    slope = torch.where(beyond, 1.0, m.cos() + c / sin * m.sin())
    return with_slope(value, slope, cos)


def multiply_angle(cos: Tensor, factor: float, margin: float = 0.0) -> Tensor:
    """``ψ(φ) = (-1)^k cos φ - 2k`` of ``φ = factor · θ + margin``, with ``k = floor(φ / π)``.

    Equals cos φ up to φ = π and then keeps falling (SphereFace, equation 6, with the margin inside).
    """
    c = cos.detach().clamp(-1, 1)
    sin = sine(c)
    phi = factor * torch.atan2(sin, c) + margin
    k = (phi / math.pi).floor()
    sign = 1 - 2 * (k % 2)
    return with_slope(sign * phi.cos() - 2 * k, sign * factor * phi.sin() / sin, cos)
