"""What every loss demands of its batch and of its sizes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lookalike.errors import InputError, VectorError

__all__ = ["check_batch", "check_classes", "check_scale", "check_sizes", "first_derivatives_only"]


def check_batch(embeddings: Tensor, labels: Tensor, embedding_size: int | None = None) -> Tensor:
    """Return `(B, d)` embeddings in float32 or float64, or raise a `VectorError` that says what is wrong.

    Half precision is widened: margins and distances lose their meaning in 8 or 11 bits.
    """
    for name, value in (("embeddings", embeddings), ("labels", labels)):
        if not isinstance(value, Tensor):
            raise VectorError(f"{name} are a {type(value).__name__}; give a torch tensor, as torch.as_tensor makes")
    if embeddings.ndim != 2 or not embeddings.is_floating_point():
        raise VectorError(
            f"embeddings have shape {tuple(embeddings.shape)} and dtype {embeddings.dtype}; expected (B, d) floats"
        )
    if labels.shape != embeddings.shape[:1] or labels.dtype != torch.int64:
        raise VectorError(
            f"labels have shape {tuple(labels.shape)} and dtype {labels.dtype}; "
            f"expected ({len(embeddings)},) int64, one per embedding"
        )
    if embedding_size is not None and embeddings.shape[1] != embedding_size:
        raise VectorError(f"embeddings have {embeddings.shape[1]} dimensions; this loss was made for {embedding_size}")
    return embeddings.float() if embeddings.dtype in (torch.float16, torch.bfloat16) else embeddings


def check_classes(labels: Tensor, num_classes: int) -> None:
    """Raise a `VectorError` when there is no label, or one lies outside [0, num_classes)."""
    if not len(labels):
        raise VectorError("the batch is empty; a mean over no embeddings is not a number")
    if not (int(labels.min()) >= 0 and int(labels.max()) < num_classes):
        raise VectorError(
            f"labels lie in [{int(labels.min())}, {int(labels.max())}]; "
            f"this loss has {num_classes} classes, numbered 0 to {num_classes - 1}"
        )


def check_sizes(num_classes: int, embedding_size: int) -> None:
    """Raise an `InputError` where either is below 1."""
    if num_classes < 1 or embedding_size < 1:
        raise InputError(f"{num_classes} classes of {embedding_size} dimensions were asked for; both start at 1")


def check_scale(scale: float) -> float:
    """Return the scale of an angular margin, or raise an `InputError`."""
    if not 0 < scale < math.inf:
        raise InputError(f"scale is {scale}; it must be positive and finite (64 for many identities, 16 to 32 for few)")
    return float(scale)


def first_derivatives_only() -> None:
    """To be called first in a backward pass of our own: raise where its result would have to carry gradients itself.

    It would be taken for a constant, and a gradient penalty would silently train nothing.

    Raises:
        InputError: gradients were asked for with `create_graph=True`.
    """
    if torch.is_grad_enabled():
        raise InputError(
            "a second derivative of this loss was asked for (create_graph=True); it has first ones only: "
            "leave create_graph out"
        )
