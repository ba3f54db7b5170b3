"""Margins that follow the training: by picture quality (AdaFace), by how far it has come (CurricularFace)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lookalike.errors import InputError
from lookalike.losses.angular_margin import check_angle
from lookalike.losses.class_chunks import class_scores
from lookalike.losses.directions import unit_vectors
from lookalike.losses.margin_softmax import MarginSoftmaxLoss, add_angle, share_lost, sine, with_slope

__all__ = ["AdaFaceLoss", "CurricularFaceLoss"]


class AdaFaceLoss(MarginSoftmaxLoss):
    """A margin by picture quality, measured by the embedding's length: ``s · (cos(θ_y - m ẑ) - (m ẑ + m))``.

    ``ẑ = clip(h (|x| - μ) / σ, -1, 1)``, with μ and σ of the lengths in the batches seen (moving averages, saved with
    the weights; they learn in training mode). Poor pictures (ẑ = -1) get ArcFace's margin, which matters least where θ
    is large: a blurred face that cannot be recognised changes the network little. Average ones (0) get CosFace's.
    Good ones (1) get ``cos(θ - m) - 2m``, with the largest gradient where θ is large. θ - m ẑ is kept from falling
    below 0; past π the logit falls on. No gradient flows through ẑ.

    Kim, Jain, Liu, "AdaFace: Quality Adaptive Margin for Face Recognition", CVPR 2022, equations 13 to 17.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings; give them with their lengths, not normalised.
        margin: m, in radians, in [0, π/2).
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.
        concentration: h; 0.333 puts two thirds of the lengths within ẑ of ±0.33.
        momentum: weight of the newest batch in the averages.

    Raises:
        InputError: a value out of range, or a size below 1.

    Example:
        >>> head = AdaFaceLoss(num_classes=1000, embedding_size=128)
        >>> head(torch.randn(8, 128), torch.arange(8)).ndim
        0
    """

    lengths: Tensor

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        margin: float = 0.4,
        scale: float = 64.0,
        concentration: float = 0.333,
        momentum: float = 0.99,
    ) -> None:
        super().__init__(num_classes, embedding_size, scale)
        if not 0 <= margin < math.pi / 2:
            raise InputError(f"margin is {margin}; AdaFace's is in radians, from 0 up to pi/2 (0.4 is usual)")
        if not 0 <= concentration < math.inf or not 0 < momentum <= 1:
            raise InputError(
                f"concentration is {concentration} and momentum {momentum}; "
                "expected the first not below 0, the second above 0 and up to 1"
            )
        self.margin, self.concentration, self.momentum = float(margin), concentration, momentum
        #: Mean and standard deviation of the lengths, and how many batches they rest on.
        self.register_buffer("lengths", torch.zeros(3, dtype=torch.float64))

    def quality(self, lengths: Tensor) -> Tensor:
        """ẑ of lengths `(B,)`, in [-1, 1]; 0 before any batch was seen."""
        if not int(self.lengths[2]):
            return torch.zeros_like(lengths)
        mean, deviation = self.lengths[0].to(lengths.dtype), self.lengths[1].to(lengths.dtype)
        return ((lengths - mean) / (deviation + 1e-3) * self.concentration).clamp(-1, 1)

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of a checked batch."""
        lengths = torch.linalg.vector_norm(x.detach(), dim=1).clamp(0.001, 100)
        if self.training:
            self._learn(lengths.double())
        z = self.quality(lengths)
        scores = class_scores(unit_vectors(x), self.centers, labels, scale=self.scale)
        logits = _shift_angle(scores.target, -self.margin * z) - (self.margin * z + self.margin)
        return share_lost(self.scale * logits, scores.rest)

    def _learn(self, lengths: Tensor) -> None:
        if not bool(torch.isfinite(lengths).all()):
            return  # the loss shows it; averages would stay NaN for ever
        deviation = lengths.std() if len(lengths) > 1 else lengths.new_zeros(())
        new = torch.stack([lengths.mean(), deviation])
        weight = self.momentum if int(self.lengths[2]) else 1.0
        self.lengths[:2] = weight * new + (1 - weight) * self.lengths[:2]
        self.lengths[2] += 1


def _shift_angle(cos: Tensor, shift: Tensor) -> Tensor:
    """``cos(θ + shift)`` with a shift of either sign for every cosine: at most 1, and falling all the way to π."""
    c = cos.detach().clamp(-1, 1)
    sin = sine(c)
    phi = torch.atan2(sin, c) + shift
    below, beyond = phi <= 0, phi >= math.pi
    value = torch.where(below, 1.0, torch.where(beyond, -phi.cos() - 2, phi.cos()))
    slope = torch.where(below, 0.0, phi.sin().abs() / sin)
    return with_slope(value, slope, cos)


class CurricularFaceLoss(MarginSoftmaxLoss):
    """ArcFace whose wrong classes gain weight as training comes along: easy ones first, hard ones later.

    The right class's logit is ``cos(θ_y + m)``. A wrong class with ``cos θ_j > cos(θ_y + m)`` is hard, and its logit
    becomes ``cos θ_j (t + cos θ_j)``, with t the moving average of the right classes' cosines: near 0 at first, where
    it plays hard classes down, towards 1 at the end, where it raises them. t learns in training mode and is saved
    with the weights.

    Huang, Wang, Tai, Liu, Shen, Li, Li, Huang, "CurricularFace: Adaptive Curriculum Learning Loss for Deep Face
    Recognition", CVPR 2020.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        margin: m, in radians, in [0, π).
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.
        momentum: weight of the newest batch in t.

    Raises:
        InputError: a value out of range, or a size below 1.

    Example:
        >>> head = CurricularFaceLoss(num_classes=1000, embedding_size=128)
        >>> head(torch.randn(8, 128), torch.arange(8)).ndim
        0
    """

    t: Tensor

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        margin: float = 0.5,
        scale: float = 64.0,
        momentum: float = 0.01,
    ) -> None:
        super().__init__(num_classes, embedding_size, scale)
        if not 0 < momentum <= 1:
            raise InputError(f"momentum is {momentum}; it is a share, above 0 and up to 1 (0.01 is usual)")
        self.margin, self.momentum = check_angle(margin), momentum
        self.register_buffer("t", torch.zeros(()))

    def target_logits(self, cos: Tensor) -> Tensor:
        """Cos θ of the right class to its margin logit, before the scale; same shape."""
        return add_angle(cos, self.margin)

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of a checked batch."""

        def boost(cos: Tensor) -> tuple[Tensor, Tensor]:
            if self.training and bool(torch.isfinite(cos).all()):
                self.t.copy_(self.momentum * cos.mean() + (1 - self.momentum) * self.t)
            # The threshold is cos(θ + m) itself, whatever the target's logit does beyond π.
            c = cos.clamp(-1, 1)
            threshold = c * math.cos(self.margin) - (1 - c * c).sqrt() * math.sin(self.margin)
            return threshold, self.t.to(cos.dtype, copy=True)

        scores = class_scores(unit_vectors(x), self.centers, labels, scale=self.scale, boost=boost)
        return share_lost(self.scale * self.target_logits(scores.target), scores.rest)
