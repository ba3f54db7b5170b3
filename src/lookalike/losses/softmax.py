"""The plain softmax baseline: classify identities, keep the embedding, throw the classifier away."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lookalike.errors import InputError
from lookalike.losses.class_chunks import class_scores
from lookalike.losses.class_loss import ClassLoss

__all__ = ["SoftmaxLoss"]


class SoftmaxLoss(ClassLoss):
    """Cross-entropy of a linear classifier on the embeddings: ``-log softmax(W x + b)[y]``, mean over the batch.

    Separates identities but does not ask one identity's embeddings to lie close, which is what the other
    losses add (Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016,
    figure 2). The B × C logits are never held: classes come in chunks.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        label_smoothing: share of the target spread evenly over all classes (Szegedy et al. 2016), in [0, 1].

    Raises:
        InputError: a size below 1, or label_smoothing out of range.

    Example:
        >>> loss = SoftmaxLoss(num_classes=10, embedding_size=4)
        >>> loss(torch.randn(8, 4), torch.arange(8)).ndim
        0
    """

    def __init__(self, num_classes: int, embedding_size: int, label_smoothing: float = 0.0) -> None:
        super().__init__(num_classes, embedding_size)
        if not 0 <= label_smoothing <= 1:
            raise InputError(f"label_smoothing is {label_smoothing}; it is a share, from 0 to 1")
        self.classifier = nn.Linear(embedding_size, num_classes)
        self.label_smoothing = label_smoothing

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of a checked batch."""
        scores = class_scores(x, self.classifier.weight, labels, unit=False, bias=self.classifier.bias)
        log_sum = torch.logaddexp(scores.rest, scores.target)
        kept = 1 - self.label_smoothing
        return (log_sum - kept * scores.target - self.label_smoothing * scores.mean).mean()
