"""How a model is to be loaded: what its file cannot say, on which device it runs, and in which precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lookalike.errors import InputError

__all__ = ["DEVICES", "PRECISIONS", "LoadOptions"]

#: Where a network may run; `auto` is the GPU where there is one, otherwise the CPU.
DEVICES: Final = ("auto", "cpu", "cuda", "mps")
#: What a PyTorch network may compute in.
PRECISIONS: Final = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What `Embedder.load` is told besides the model.

    Attributes:
        cropped: pictures are face crops: where no face is found, the whole picture is taken. None for the model's own.
        device: one of `DEVICES`.
        precision: one of `PRECISIONS`.
        detector: an ONNX file that finds faces, in place of the model's own detector.
        card: what the card of an ONNX model says, or would say; see `lookalike.embedder.onnx_card`.

    Raises:
        InputError: an unknown device or precision.

    Example:
        >>> LoadOptions(device="cuda").precision
        'float32'
    """

    cropped: bool | None = None
    device: str = "auto"
    precision: str = "float32"
    detector: str | Path | None = None
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise InputError(f"device is {self.device!r}; choose {', '.join(DEVICES)}")
        if self.precision not in PRECISIONS:
            raise InputError(f"precision is {self.precision!r}; choose {', '.join(PRECISIONS)}")

    def refuse_onnx_only(self, model: str) -> None:
        """Refuse what only an ONNX model can be told.

        Args:
            model: how the message calls the model.

        Raises:
            InputError: a detector, or something of a card, was given.
        """
        if self.card:
            raise InputError(f"{', '.join(self.card)} describes an ONNX file, and {model} is none; leave it out")
        if self.detector is not None:
            raise InputError(
                f"model {model} keeps the detector it was made with; leave out --detector ({self.detector}), which is "
                "for ONNX models that align faces"
            )

    def refuse_device(self, model: str) -> None:
        """Refuse a device or a precision for a model that runs on the CPU in float32 only.

        Args:
            model: how the message calls the model.

        Raises:
            InputError: another was given.
        """
        if self.device not in ("auto", "cpu"):
            raise InputError(f"{model} run on the CPU only; leave out --device {self.device}")
        if self.precision != "float32":
            raise InputError(f"{model} are computed in float32 only; leave out --precision {self.precision}")
