"""Proxy-anchor loss: one learned proxy for each class, compared with the whole batch."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from lookalike.errors import InputError
from lookalike.losses.batch_checks import first_derivatives_only
from lookalike.losses.class_loss import ClassLoss
from lookalike.losses.directions import unit_directions, unit_vectors, without_stretch

__all__ = ["ProxyAnchorLoss"]

#: Similarities in one chunk of proxies.
_CHUNK_NUMBERS = {"cpu": 1 << 18, "other": 1 << 25}


class ProxyAnchorLoss(ClassLoss):
    """Mean over the batch's classes of ``log(1 + Σ e^(-α (s - δ)))``, plus over all of ``log(1 + Σ e^(α (s + δ)))``.

    s is the cosine similarity of a class's proxy with the batch's embeddings; the first sum is over those of its
    class, the second over all others. Proxies want a learning rate some ten to a hundred times the network's (the
    authors': a hundred times, with AdamW). The B × C similarities are never held: proxies come in chunks.

    Kim, Kim, Cho, Kwak, "Proxy Anchor Loss for Deep Metric Learning", CVPR 2020.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        margin: δ.
        scale: α.

    Raises:
        InputError: margin or scale out of range, or a size below 1.

    Example:
        >>> loss = ProxyAnchorLoss(num_classes=10, embedding_size=4)
        >>> loss(torch.randn(8, 4), torch.arange(8)).ndim
        0
    """

    def __init__(self, num_classes: int, embedding_size: int, margin: float = 0.1, scale: float = 32.0) -> None:
        super().__init__(num_classes, embedding_size)
        if not 0 <= margin < 2 or not 0 < scale < math.inf:
            raise InputError(f"margin is {margin} and scale {scale}; expected 0 to 2, and finite and above 0")
        self.margin, self.scale = float(margin), float(scale)
        self.centers = nn.Parameter(torch.empty(num_classes, embedding_size))
        nn.init.kaiming_normal_(self.centers, mode="fan_out")

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of a checked batch."""
        return cast(
            "Tensor",
            _ProxyAnchor.apply(unit_vectors(x), self.centers, labels, self.margin, self.scale),
        )


class _ProxyAnchor(torch.autograd.Function):
    """A class's terms need its own row only, so value and gradient come from one pass over the proxies."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, centers: Tensor, labels: Tensor, margin: float, scale: float) -> Tensor:
        to_x = torch.zeros_like(x)
        to_centers = torch.empty_like(centers)
        seen = len(torch.bincount(labels).nonzero())
        total = torch.zeros((), dtype=torch.float64, device=x.device)
        numbers = _CHUNK_NUMBERS["cpu" if x.device.type == "cpu" else "other"]
        step = max(128, numbers // max(1, len(x)))
        for start in range(0, len(centers), step):
            rows = slice(start, min(start + step, len(centers)))
            directions, rates = unit_directions(centers[rows].to(x.dtype))
            s = directions @ x.T
            own = labels[None, :] == torch.arange(rows.start, rows.stop, device=x.device)[:, None]
            gradient = torch.zeros_like(s)
            for kept, rate, classes in ((own, -scale, seen), (~own, scale, len(centers))):
                # -α (s - δ) and α (s + δ) are both rate · s + α δ.
                exponents = (rate * s + scale * margin).masked_fill_(~kept, -torch.inf)
                costs = torch.logaddexp(exponents.logsumexp(dim=1), s.new_zeros(()))
                total += costs.sum(dtype=torch.float64) / classes
                gradient += exponents.sub_(costs[:, None]).exp_().mul_(rate / classes)
            to_x.addmm_(gradient.T, directions)
            to_centers[rows] = without_stretch(gradient @ x, directions, rates)
        ctx.save_for_backward(to_x, to_centers)
        return total.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, to_value: Tensor) -> tuple[Tensor | None, ...]:
        first_derivatives_only()
        to_x, to_centers = ctx.saved_tensors
        return to_value * to_x, to_value * to_centers, None, None, None
