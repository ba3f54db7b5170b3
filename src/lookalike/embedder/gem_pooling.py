"""Generalised-mean pooling: from a map of features to one vector, between the mean and the maximum."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lookalike.errors import InputError

__all__ = ["GeMPooling"]

#: Features below this count as this: a power of 0 has no slope in p.
_LEAST = 1e-6


class GeMPooling(nn.Module):
    """``(mean over the places of x^p)^(1/p)`` of every channel; p is learned, one for all channels.

    p = 1 is the mean, p → ∞ the maximum. What is on a façade counts more than the sky around it, which is why pictures
    of buildings are pooled with p = 3 and not averaged. Features are clamped at 1e-6 from below.

    Radenović, Tolias, Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2018, equations 3 and 4.

    Args:
        p: where p starts, above 0.

    Raises:
        InputError: p is not above 0, or not finite.

    Example:
        >>> x = torch.tensor([[[[1.0, 3.0]]]])
        >>> [round(GeMPooling(p)(x).item(), 3) for p in (1.0, 3.0, 60.0)]
        [2.0, 2.41, 2.966]
    """

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        if not 0 < p < math.inf:
            raise InputError(f"p is {p}; generalised means have a finite p above 0 (3 is usual)")
        self.p = nn.Parameter(torch.tensor([float(p)]))

    def forward(self, x: Tensor) -> Tensor:
        """`(n, channels, height, width)` to `(n, channels)`."""
        powers = x.clamp(min=_LEAST).pow(self.p)
        return powers.mean(dim=(2, 3)).pow(1 / self.p)
