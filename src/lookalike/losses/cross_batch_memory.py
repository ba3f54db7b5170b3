"""Cross-batch memory: yesterday's embeddings as negatives and positives of today's."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from lookalike.errors import InputError, VectorError
from lookalike.losses.batch_checks import check_batch
from lookalike.losses.pair_loss import PairLoss

__all__ = ["CrossBatchMemory"]


class CrossBatchMemory(nn.Module):
    """A loss over pairs in which the batch is compared with itself and the last `size` embeddings of earlier batches.

    Weights drift slowly, so embeddings of a few hundred steps ago are still near to today's. They carry no
    gradient. The queue is part of the state dict: a training that is resumed goes on with the pairs it had.
    In evaluation mode nothing is remembered. One mean is taken over all pairs, of the batch and with the memory; the
    authors add two losses. The queue fills during the warm-up, so that it is full when it is used.

    Wang, Zhang, Huang, Scott, "Cross-Batch Memory for Embedding Learning", CVPR 2020.

    Args:
        loss: contrastive, NT-Xent, triplet or multi-similarity loss.
        embedding_size: dimensions of the embeddings.
        size: embeddings remembered.
        warm_up: steps before the memory is used; embeddings drift fast at first.

    Raises:
        InputError: a size below 1, or a loss over classes, which has no pairs.

    Example:
        >>> from lookalike.losses import ContrastiveLoss
        >>> loss = CrossBatchMemory(ContrastiveLoss(), embedding_size=4, size=100)
        >>> loss(torch.randn(6, 4), torch.arange(6) // 2).ndim, len(loss)
        (0, 6)
    """

    embeddings: Tensor
    labels: Tensor
    steps: Tensor

    def __init__(self, loss: nn.Module, embedding_size: int, size: int = 8192, warm_up: int = 0) -> None:
        super().__init__()
        if size < 1 or embedding_size < 1 or warm_up < 0:
            raise InputError(
                f"a memory of {size} embeddings of {embedding_size} dimensions after {warm_up} steps was asked for; "
                "sizes start at 1, steps at 0"
            )
        if not isinstance(loss, PairLoss):
            raise InputError(
                f"{type(loss).__name__} compares no pairs; give one that does (contrastive, NT-Xent, triplet, …)"
            )
        self.loss, self.size, self.warm_up = loss, size, warm_up
        self.register_buffer("embeddings", torch.zeros(size, embedding_size))
        self.register_buffer("labels", torch.zeros(size, dtype=torch.int64))
        #: Embeddings ever remembered, and steps ever taken.
        self.register_buffer("steps", torch.zeros(2, dtype=torch.int64))

    def __len__(self) -> int:
        """Embeddings in the memory."""
        return min(int(self.steps[0]), self.size)

    @property
    def active_share(self) -> Tensor | None:
        """The loss's own, where it has one."""
        return cast("Tensor | None", getattr(self.loss, "active_share", None))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """`(B, d)` floats and `(B,)` int64 give a scalar; in training mode the batch is then remembered."""
        x = check_batch(embeddings, labels, self.embeddings.shape[1])
        if len(x) > self.size:
            raise VectorError(f"the batch has {len(x)} embeddings, the memory {self.size}; make it larger than a batch")
        count = len(self) if int(self.steps[1]) >= self.warm_up else 0
        if count:
            # Joined, they are copies: remembering below does not change what the gradient still needs.
            columns = torch.cat([x, self.embeddings[:count].to(x.dtype)])
            value: Tensor = self.loss(x, labels, columns, torch.cat([labels, self.labels[:count]]), own=True)
        else:
            value = self.loss(x, labels)
        # What is no number shows in the loss of this step; remembered, it would in those of many.
        if self.training and bool(torch.isfinite(x).all()):
            at = (torch.arange(len(x), device=x.device) + self.steps[0]) % self.size
            self.embeddings[at] = x.detach().to(self.embeddings.dtype)
            self.labels[at] = labels
            self.steps += torch.tensor([len(x), 1], device=self.steps.device)
        return value
