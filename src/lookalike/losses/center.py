"""Center loss: embeddings are pulled to their class's center; and a sum of losses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lookalike.errors import InputError
from lookalike.losses.class_loss import ClassLoss
from lookalike.losses.softmax import SoftmaxLoss

__all__ = ["CenterLoss", "JointLoss", "softmax_and_center"]


class CenterLoss(ClassLoss):
    """``λ/2 · mean of |x - c_y|²``: embeddings are pulled to the center of their class.

    Centers are not trained by gradients: they follow the embeddings by a rule of their own. In training mode, after the
    loss is computed, ``c_j ← c_j - α · Σ (c_j - x_i) / (1 + n_j)`` over the n_j pictures of class j in the batch (Wen
    et al., algorithm 1 and equation 4). Alone its minimum is useless, all embeddings in one point; use it together with
    a loss that separates: ``JointLoss(SoftmaxLoss(...), CenterLoss(...))``.

    Classes in `without_center` are not pulled, such as "no landmark", whose pictures have nothing in common (Boiarov &
    Tyantov 2019).

    Wen, Zhang, Li, Qiao, "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016.
    Boiarov, Tyantov, "Large Scale Landmark Recognition via Deep Metric Learning", CIKM 2019.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        weight: λ.
        rate: α, in [0, 1].
        without_center: classes that have none.

    Raises:
        InputError: a value out of range, a size below 1, or a class without center that does not exist.

    Example:
        >>> loss = CenterLoss(num_classes=2, embedding_size=1, weight=1.0, rate=0.5)
        >>> round(loss(torch.tensor([[2.0], [4.0]]), torch.tensor([0, 0])).item(), 3)  # ½ · (4 + 16) / 2
        5.0
        >>> round(loss.centers[0].item(), 3)  # 0 + 0.5 · (2 + 4) / (1 + 2)
        1.0
    """

    centers: Tensor
    has_center: Tensor

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        weight: float = 0.01,
        rate: float = 0.5,
        without_center: Sequence[int] = (),
    ) -> None:
        super().__init__(num_classes, embedding_size)
        if not 0 <= weight < math.inf or not 0 <= rate <= 1:
            raise InputError(f"weight is {weight} and rate {rate}; expected finite and not below 0, and 0 to 1")
        missing = [c for c in without_center if not 0 <= c < num_classes]
        if missing:
            raise InputError(f"class {missing[0]} was to have no center; classes are numbered 0 to {num_classes - 1}")
        self.weight, self.rate = float(weight), float(rate)
        self.register_buffer("centers", torch.zeros(num_classes, embedding_size))
        has_center = torch.ones(num_classes, dtype=torch.bool)
        has_center[list(without_center)] = False
        self.register_buffer("has_center", has_center)

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The mean over pictures whose class has a center (0: none)."""
        pulled = self.has_center[labels]
        gaps = (x - self.centers[labels].to(x.dtype)) * pulled[:, None]
        value = self.weight / 2 * gaps.square().sum() / pulled.sum().clamp(min=1)
        # What is no number shows in the loss; centers would stay NaN for ever.
        if self.training and self.rate and bool(torch.isfinite(gaps).all()):
            moves = torch.zeros_like(self.centers).index_add_(0, labels, gaps.detach().to(self.centers.dtype))
            counts = torch.bincount(labels, minlength=self.num_classes)
            self.centers += self.rate * moves / (1 + counts[:, None])
        return value


class JointLoss(nn.Module):
    """The sum of several losses on one batch, as in Wen et al., equation 5: softmax and center loss together.

    Args:
        losses: each takes `(embeddings, labels)`; weights are their own.

    Raises:
        InputError: no loss was given.

    Example:
        >>> from lookalike.losses import SoftmaxLoss
        >>> loss = JointLoss(SoftmaxLoss(10, 4), CenterLoss(10, 4, weight=0.01))
        >>> loss(torch.randn(8, 4), torch.arange(8)).ndim
        0
    """

    def __init__(self, *losses: nn.Module) -> None:
        super().__init__()
        if not losses:
            raise InputError("a sum of no losses was asked for; give at least one")
        self.losses = nn.ModuleList(losses)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """`(B, d)` floats and `(B,)` int64 give a scalar."""
        values: list[Tensor] = [loss(embeddings, labels) for loss in self.losses]
        return torch.stack(values).sum()


def softmax_and_center(
    num_classes: int,
    embedding_size: int,
    weight: float = 0.01,
    rate: float = 0.5,
    without_center: tuple[int, ...] = (),
    label_smoothing: float = 0.0,
    softmax: bool = True,
) -> nn.Module:
    """Joint supervision, as Wen et al. 2016 train; `softmax = false` leaves center loss alone, which collapses."""
    center = CenterLoss(num_classes, embedding_size, weight, rate, without_center)
    if not softmax:
        return center
    return JointLoss(SoftmaxLoss(num_classes, embedding_size, label_smoothing), center)
