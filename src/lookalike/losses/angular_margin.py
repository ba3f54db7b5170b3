"""Angular margins: classify by angle, and make the right class's angle harder than it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookalike.errors import InputError
from lookalike.losses.batch import check_batch, check_classes

__all__ = ["ArcFaceLoss"]

#: sin² below this counts as the pole: its square root's gradient would be unbounded.
_POLE = 1e-6


class ArcFaceLoss(nn.Module):
    """Additive angular margin: ``-log softmax(s · [cos(θ_y + m), cos θ_j])[y]``, mean over the batch.

    θ_j is the angle between the embedding and the center of class j; lengths do not matter. Where θ + m
    passes π, where cos turns back up, the logit goes on as ``cos θ - m sin m`` as in the authors' code, so it
    keeps falling as θ grows. The slope is the true one: ``d logit / d cos θ = s sin(θ + m) / sin θ``
    (230 at 10°, 87 at 45° for s = 64, m = 0.5), finite also at θ = 0 and θ = π.

    Deng, Guo, Xue, Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        margin: m, in radians, in [0, π).
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.

    Raises:
        InputError: margin or scale out of range, or a size below 1.

    Example:
        >>> head = ArcFaceLoss(num_classes=1000, embedding_size=128)
        >>> head(torch.randn(8, 128), torch.arange(8)).ndim
        0
    """

    def __init__(self, num_classes: int, embedding_size: int, margin: float = 0.5, scale: float = 64.0) -> None:
        super().__init__()
        if num_classes < 1 or embedding_size < 1:
            raise InputError(f"{num_classes} classes of {embedding_size} dimensions were asked for; both start at 1")
        if not 0 <= margin < math.pi:
            raise InputError(f"margin is {margin}; an angular margin is in radians, from 0 up to pi")
        if not 0 < scale < math.inf:
            raise InputError(
                f"scale is {scale}; it must be positive and finite (64 for many identities, 16 to 32 for few)"
            )
        self.num_classes, self.margin, self.scale = num_classes, margin, scale
        self.centers = nn.Parameter(torch.empty(num_classes, embedding_size))
        nn.init.normal_(self.centers, std=0.01)

    def target_logits(self, cos: Tensor) -> Tensor:
        """Cos θ of the right class to its margin logit, before the scale; same shape."""
        sin = (1 - cos * cos).clamp(min=_POLE).sqrt()
        with_margin = cos * math.cos(self.margin) - sin * math.sin(self.margin)
        beyond = cos <= math.cos(math.pi - self.margin)
        # The second term keeps the logit falling where the authors' m sin m would let it jump up (m > 2.33).
        penalty = max(self.margin * math.sin(self.margin), 1 - math.cos(self.margin))
        return torch.where(beyond, cos - penalty, with_margin)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """`(B, d)` floats and `(B,)` int64 give a scalar; raises `VectorError` on any other shape or label."""
        x = check_batch(embeddings, labels, self.centers.shape[1])
        check_classes(labels, self.num_classes)
        with torch.autocast(x.device.type, enabled=False):
            # Unit vectors' product passes 1 by rounding; beyond it the sine would be imaginary.
            cos = (functional.normalize(x) @ functional.normalize(self.centers.to(x.dtype)).T).clamp(-1, 1)
            rows = torch.arange(len(x), device=x.device)
            logits = cos.index_put((rows, labels), self.target_logits(cos[rows, labels]))
            return functional.cross_entropy(self.scale * logits, labels)
