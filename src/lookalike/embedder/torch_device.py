"""Where a PyTorch network runs, and what it computes in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from lookalike.errors import InputError

__all__ = ["in_precision", "torch_device"]


def torch_device(name: str) -> torch.device:
    """The device of a name.

    Args:
        name: one of `load_options.DEVICES`.

    Raises:
        InputError: this machine does not have it, or this PyTorch does not know it.

    Example:
        >>> torch_device("cpu")
        device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            f"--device cuda: PyTorch {torch.__version__} finds no GPU of NVIDIA; leave out --device for the CPU, or "
            "install PyTorch for CUDA and a driver"
        )
    if name == "mps" and not torch.backends.mps.is_available():
        raise InputError("--device mps: there is no GPU of Apple here; leave out --device for the CPU")
    return torch.device(name)


def in_precision(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """A context in which a network computes in a precision; its weights stay float32.

    Args:
        device: on which it runs.
        precision: one of `load_options.PRECISIONS`.
    """
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))
