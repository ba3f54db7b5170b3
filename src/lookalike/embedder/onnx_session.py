"""A network in an ONNX file, run by onnxruntime: its input read from the file, its errors told in one line."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from lookalike.embedder.processors import available_processors
from lookalike.errors import ArtefactError, InputError, MissingDependencyError

__all__ = ["OnnxInput", "OnnxSession", "onnx_digest"]

#: What a device is called by onnxruntime; the CPU is always there, and last.
_PROVIDERS: Final = {"cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
_CPU: Final = "CPUExecutionProvider"
_TYPES: Final[dict[str, Any]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
#: An entry of a tensor's external data: its key, then the length and the text of a file's name (protobuf).
_EXTERNAL: Final = re.compile(rb"\n\x08location\x12([\x01-\x7f])")


@dataclass(frozen=True)
class OnnxInput:
    """What a network expects: a batch of pictures.

    Attributes:
        name: of the input.
        layout: `NCHW` or `NHWC`.
        channels: 1 or 3.
        size: `(height, width)`; None where the file leaves it open.
        batch: pictures that it takes at once; None for any number.
        dtype: of its numbers.
    """

    name: str
    layout: Literal["NCHW", "NHWC"]
    channels: int
    size: tuple[int, int] | None
    batch: int | None
    dtype: Any

    def __str__(self) -> str:
        size = "any size" if self.size is None else f"{self.size[0]}×{self.size[1]}"
        return f"{size}, {self.channels} channels, {self.layout}"


class OnnxSession:
    """A network in an ONNX file.

    Args:
        path: the file; weights may lie in files beside it, as exporters write large ones.
        device: `auto`, `cpu`, `cuda` or `mps`; see `LoadOptions`.

    Raises:
        ArtefactError: there is no such file, it is no ONNX file, or onnxruntime cannot run it.
        InputError: the device is not there, or the network does not take one batch of pictures.
        MissingDependencyError: onnxruntime is not installed.

    Example:
        >>> OnnxSession(Path("net.onnx")).input.size    # doctest: +SKIP
        (112, 112)
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        runtime = _runtime(path)
        if not path.is_file():
            raise ArtefactError(f"{path} does not exist; give an ONNX file")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = available_processors()
        options.log_severity_level = 4  # what matters is raised
        providers = _providers(runtime.get_available_providers(), device)
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # its errors have no root of their own
            raise ArtefactError(f"{path} cannot be loaded by onnxruntime: {_first_line(error)}") from None
        wanted = _PROVIDERS.get(device)
        if wanted is not None and wanted not in self._session.get_providers():
            raise InputError(f"--device {device}: onnxruntime could not start it; leave out --device for the CPU")
        self.path = path
        self.input = _only_input(self._session.get_inputs(), path)
        self.outputs = [(one.name, list(one.shape)) for one in self._session.get_outputs()]
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, batch: npt.NDArray[Any], outputs: list[str] | None = None) -> list[npt.NDArray[Any]]:
        """The outputs for a batch in the input's layout and type.

        Args:
            batch: `(n, c, h, w)` or `(n, h, w, c)`.
            outputs: names; None for all of them.

        Raises:
            InputError: the network cannot take it.
        """
        try:
            found: list[npt.NDArray[Any]] = self._session.run(outputs, {self.input.name: batch})
        except Exception as error:  # as above
            shape = "×".join(str(length) for length in batch.shape)
            raise InputError(f"{self.path} cannot take a batch of {shape}: {_first_line(error)}") from None
        return found


def onnx_digest(path: Path) -> bytes:
    """SHA-256 of an ONNX file and of the files beside it that hold its weights.

    Raises:
        ArtefactError: such a file is missing.
    """
    digest, content = hashlib.sha256(), path.read_bytes()
    digest.update(content)
    names = {content[one.end() : one.end() + one.group(1)[0]] for one in _EXTERNAL.finditer(content)}
    for name in sorted(names):
        weights = path.parent / name.decode("utf-8", "replace")
        if not weights.is_file():
            raise ArtefactError(f"{path} keeps its weights in {weights.name}, which is not beside it; copy both files")
        with weights.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.digest()


def _runtime(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependencyError(
            f"{path} needs onnxruntime, which is not installed; pip install 'lookalike[onnx]'"
        ) from None
    return onnxruntime


def _providers(available: list[str], device: str) -> list[str]:
    if device == "cpu":
        return [_CPU]
    if device == "auto":
        return [name for name in (_PROVIDERS["cuda"], _CPU) if name in available]
    if _PROVIDERS[device] not in available:
        package = "onnxruntime-gpu" if device == "cuda" else "onnxruntime for macOS"
        raise InputError(
            f"--device {device}: the installed onnxruntime runs on {', '.join(available)} only; "
            f"install {package}, or leave out --device for the CPU"
        )
    return [_PROVIDERS[device], _CPU]


def _only_input(inputs: list[Any], path: Path) -> OnnxInput:
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs) or "none"
        raise InputError(f"{path} has {len(inputs)} inputs ({names}); expected one, a batch of pictures")
    shape, kind = list(inputs[0].shape), inputs[0].type
    dimensions = "×".join(str(length) for length in shape)
    if len(shape) != 4:
        raise InputError(f"the input of {path} is {dimensions}; expected pictures: batch, channels, height, width")
    if kind not in _TYPES:
        raise InputError(f"the input of {path} is {kind}; expected {', '.join(_TYPES)}")
    last = shape[3] in (1, 3) and shape[1] not in (1, 3)
    batch, (channels, *size) = shape[0], (shape[3], *shape[1:3]) if last else shape[1:]
    if isinstance(channels, int) and channels not in (1, 3):
        raise InputError(f"the input of {path} is {dimensions}; expected pictures of 1 or 3 channels")
    fixed = all(isinstance(length, int) and length > 0 for length in size)
    return OnnxInput(
        name=inputs[0].name,
        layout="NHWC" if last else "NCHW",
        channels=channels if isinstance(channels, int) else 3,
        size=(size[0], size[1]) if fixed else None,
        batch=batch if isinstance(batch, int) and batch > 0 else None,
        dtype=_TYPES[kind],
    )


def _first_line(error: Exception) -> str:
    """What onnxruntime says, without the place in its source."""
    return " ".join(str(error).split())[:300] or type(error).__name__
