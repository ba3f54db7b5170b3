"""What all losses over pairs share: who is compared with whom, in full precision."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lookalike.losses.tiles import Pairs

__all__ = ["PairLoss"]


class PairLoss(nn.Module):
    """A loss that compares pictures with pictures: contrastive, NT-Xent, triplet, multi-similarity."""

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        references: Tensor | None = None,
        reference_labels: Tensor | None = None,
        own: bool = False,
    ) -> Tensor:
        """The loss of a batch; where it has nothing to compare, 0 with zero gradients.

        Args:
            embeddings: `(B, d)` floats, the anchors.
            labels: `(B,)` int64.
            references: `(M, d)` floats that anchors are compared with; None: with one another.
            reference_labels: `(M,)` int64.
            own: the references begin with the batch itself, and no anchor is compared with itself.

        Returns:
            A scalar.

        Raises:
            VectorError: another shape or dtype, or references without labels.
        """
        pairs = Pairs.of(embeddings, labels, references, reference_labels, own)
        with torch.autocast(pairs.anchors.device.type, enabled=False):
            return self.over(pairs)

    def over(self, pairs: Pairs) -> Tensor:
        """The loss over these pairs, called with autocast off."""
        raise NotImplementedError
