"""Large batches on small memory: embed a chunk of pictures at a time, under one exact loss over all of them.

A loss over pairs wants a large batch, and its memory grows with the pictures; a network's grows with its
activations, hundreds of times more. So the first pass keeps embeddings only. The loss sees the whole batch. In the
backward pass each chunk is embedded again, adds its share to the gradient of the weights, and is dropped. The gradient
is the whole batch's; it costs one more forward pass.

Gao, Zhang, Han, Callan, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021. The
second pass is PyTorch's checkpointing (Chen et al. 2016), which repeats dropout's random numbers and works under
autocast, gradient scaling and DistributedDataParallel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from lookalike.errors import InputError

__all__ = ["embed_in_chunks"]


def embed_in_chunks(backbone: nn.Module, x: Tensor, chunk_size: int) -> Tensor:
    """Embeddings `(n, d)` of network inputs `(n, ...)`, with the memory of `chunk_size` inputs.

    In training mode batch normalisation sees one chunk at a time, as it sees one device's share when there are
    several; its running statistics move once a chunk.

    Args:
        backbone: the network.
        x: its inputs.
        chunk_size: inputs at a time at most; chunks are as equal as can be, for batch normalisation needs two at least.

    Raises:
        InputError: chunk_size is below 1.

    Example:
        >>> net = nn.Linear(3, 2)
        >>> x = torch.randn(5, 3)
        >>> torch.allclose(embed_in_chunks(net, x, chunk_size=2), net(x), atol=1e-6)
        True
    """
    if chunk_size < 1:
        raise InputError(f"chunk_size is {chunk_size}; embed at least 1 picture at a time")

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_kept(backbone)

    chunks = torch.tensor_split(x, max(1, -(-len(x) // chunk_size)))
    parts: list[Tensor] = [checkpoint(backbone, part, use_reentrant=False, context_fn=contexts) for part in chunks]
    return torch.cat(parts)


@contextmanager
def _statistics_kept(backbone: nn.Module) -> Iterator[None]:
    """Keep running statistics as they are: the second pass over a chunk must not move them again."""
    norms = [m for m in backbone.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    before = [(m.momentum, m.num_batches_tracked.clone() if m.num_batches_tracked is not None else None) for m in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum = momentum
            if count is not None and norm.num_batches_tracked is not None:
                norm.num_batches_tracked.copy_(count)
