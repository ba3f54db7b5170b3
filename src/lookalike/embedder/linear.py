"""A linear map of the pixels: the simplest embedding that can be learned, and the baseline of all others."""

from __future__ import annotations

from torch import nn

__all__ = ["Linear"]


class Linear(nn.Sequential):
    """One matrix over the pixels and a batch norm: `(n, channels, height, width)` to `(n, embedding_size)`.

    In evaluation the batch norm is an affine map, and so is the whole. Euclidean distances of its embeddings are
    Mahalanobis distances of the pictures: with the matrix ``W``, ``|Wx - Wy|² = (x - y)ᵀ WᵀW (x - y)``. Training it is
    learning a Mahalanobis metric (Weinberger, Saul, "Distance metric learning for large margin nearest neighbor
    classification", JMLR 2009). It sees no shapes: pictures must be aligned. A network that is not clearly better than
    this one has learned little.

    Args:
        embedding_size: dimensions of the embedding.
        image_size: `(height, width)` of its input, and the only one that it takes.
        channels: of its input.

    Example:
        >>> import torch
        >>> Linear(16, (8, 6), 1).eval()(torch.zeros(2, 1, 8, 6)).shape
        torch.Size([2, 16])
    """

    def __init__(self, embedding_size: int = 128, image_size: tuple[int, int] = (112, 112), channels: int = 3) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(channels * image_size[0] * image_size[1], embedding_size, bias=False),
            nn.BatchNorm1d(embedding_size),
        )
