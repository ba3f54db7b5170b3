"""How a workflow's model runs: on which device, in which precision, with which detector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ModelRunOptions"]


@dataclass(frozen=True, kw_only=True)
class ModelRunOptions:
    """What every workflow that embeds pictures may be told of its model.

    Attributes:
        device: `auto` (the GPU where there is one), `cpu`, `cuda` or `mps`.
        precision: `float32`, or `bfloat16` or `float16` for a PyTorch network.
        detector: an ONNX file that finds the faces for an ONNX model, in place of its card's.
    """

    device: str = "auto"
    precision: str = "float32"
    detector: Path | None = None
