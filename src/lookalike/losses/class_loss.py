"""What all losses over classes share: how many classes of how many dimensions, in full precision."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lookalike.losses.batch_checks import check_batch, check_classes, check_sizes

__all__ = ["ClassLoss"]


class ClassLoss(nn.Module):
    """A loss that compares pictures with classes: softmax, center, angular margins, proxy-anchor.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.

    Raises:
        InputError: a size below 1.
    """

    def __init__(self, num_classes: int, embedding_size: int) -> None:
        super().__init__()
        check_sizes(num_classes, embedding_size)
        self.num_classes, self.embedding_size = num_classes, embedding_size

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """`(B, d)` floats and `(B,)` int64 give a scalar; raises `VectorError` on any other shape or label."""
        x = check_batch(embeddings, labels, self.embedding_size)
        check_classes(labels, self.num_classes)
        with torch.autocast(x.device.type, enabled=False):
            return self.over(x, labels)

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of a checked batch in full precision, called with autocast off."""
        raise NotImplementedError
