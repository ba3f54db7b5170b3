"""What an ONNX file cannot say of its network: a card beside it, `net.toml` for `net.onnx`.

::

    alignment = "arcface-112"    # or "dlib-150", or "none": the whole picture, resized
    mean = 127.5                 # (pixel - mean) / std, pixels from 0 to 255; one number, or one a channel
    std = 127.5
    channels = "RGB"             # or "BGR"

    # What may be left out:
    metric = "cosine"            # or "euclidean", ...
    detector = "det.onnx"        # finds the faces; without it, dlib does
    threshold = 0.72             # what its authors recommend
    licence = "MIT"

The same may stand in the file's own metadata, under `lookalike.alignment` and so on, or be given as arguments.
Arguments count for more than the card, the card for more than the metadata.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator

from lookalike.distances import MetricName
from lookalike.embedder.onnx_session import OnnxInput
from lookalike.errors import ArtefactError, InputError

__all__ = ["NetworkInput", "OnnxCard", "calibration_beside", "card_path", "has_card", "no_card", "read_card", "said_of"]

#: What metadata of an ONNX file begins with that is meant for us.
_PREFIX: Final = "lookalike."
#: What people call fields elsewhere, and what to write here.
_OTHER_NAMES: Final = {
    "scale": "std, which is 1 / scale",
    "license": "licence",
    "align": "alignment",
    "color": "channels",
    "channel_order": "channels",
}

Card = TypeVar("Card", bound=BaseModel)


class NetworkInput(BaseModel):
    """How pixels become a network's numbers: `(pixel - mean) / std`, in its order of channels.

    Example:
        >>> NetworkInput(mean=127.5, std=127.5).numbers(np.full((1, 2, 2, 3), 255, np.uint8)).max()
        np.float32(1.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    channels: Literal["RGB", "BGR"] = "RGB"

    @field_validator("mean", "std")
    @classmethod
    def _is_one_or_one_a_channel(cls, given: float | tuple[float, ...]) -> float | tuple[float, ...]:
        if isinstance(given, tuple) and len(given) not in (1, 3):
            raise ValueError("give one number, or one for each of three channels")
        return given

    @field_validator("std")
    @classmethod
    def _is_of_pixels(cls, std: float | tuple[float, ...]) -> float | tuple[float, ...]:
        if np.min(std) < 1:
            raise ValueError(
                f"pixels are from 0 to 255: give what is divided by, such as 127.5, or 255 × {np.min(std)}"
            )
        return std

    def numbers(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """`(n, h, w, c)` RGB or grey uint8 to normalised float32, still `(n, h, w, c)`."""
        ordered = pixels[..., ::-1] if self.channels == "BGR" else pixels
        normal: npt.NDArray[np.float32] = ordered.astype(np.float32)
        normal -= np.asarray(self.mean, np.float32)
        normal /= np.asarray(self.std, np.float32)
        return normal


class OnnxCard(NetworkInput):
    """The card of an embedding network; see the top of this module.

    Attributes:
        alignment: template to which the face is aligned, or `none` for the whole picture.
        image_size: `(height, width)`, where the file leaves it open.
        metric: the distance its vectors are meant for; they are brought to unit length for `cosine`.
        output: the output that is the embedding, where there are several.
        flip_average: embed the mirror image too and add the two.
        cropped: pictures are face crops: where no face is found, take the whole picture.
        detector: ONNX file that finds the faces, relative to the card; None for dlib.
        threshold: distance up to which its authors call two faces the same.
        threshold_source: where that is written.
        licence: of the weights, for `lookalike models`.
        name: how messages call the model; by default the file's name.
    """

    alignment: Literal["arcface-112", "dlib-150", "none"]
    mean: float | tuple[float, ...] = Field()
    std: float | tuple[float, ...] = Field()
    image_size: tuple[PositiveInt, PositiveInt] | None = None
    metric: MetricName = "cosine"
    output: str | None = None
    flip_average: bool = False
    cropped: bool = False
    detector: str | None = None
    threshold: float | None = None
    threshold_source: str = "what the model's card recommends"
    licence: str | None = None
    name: str | None = None

    def decisive(self) -> dict[str, Any]:
        """The fields that decide a vector, for the fingerprint."""
        left_out = {"name", "licence", "threshold", "threshold_source", "cropped", "detector"}
        return self.model_dump(mode="json", exclude=left_out)


def card_path(onnx: Path) -> Path:
    """Where the card of an ONNX file lies.

    Example:
        >>> card_path(Path("models/net.onnx")).name
        'net.toml'
    """
    return onnx.with_suffix(".toml")


def calibration_beside(onnx: Path) -> Path:
    """Where the thresholds measured for an ONNX file are kept.

    Example:
        >>> calibration_beside(Path("net.onnx")).name
        'net.calibration.json'
    """
    return onnx.with_suffix(".calibration.json")


def read_card(kind: type[Card], onnx: Path, metadata: Mapping[str, str], given: Mapping[str, Any]) -> Card:
    """Put together what metadata, card and arguments say of a network.

    Args:
        kind: `OnnxCard`, or a detector's.
        onnx: the ONNX file.
        metadata: of the file.
        given: arguments, which count for more.

    Raises:
        ArtefactError: the card is no TOML.
        InputError: something is missing, unknown or impossible.
    """
    path = card_path(onnx)
    try:
        return kind.model_validate(said_of(onnx, metadata) | dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        where = str(path) if path.is_file() else f"what is given for {onnx}"
        if first["type"] == "extra_forbidden":
            advice = (
                f"write {_OTHER_NAMES[field]}" if field in _OTHER_NAMES else f"choose {', '.join(kind.model_fields)}"
            )
            raise InputError(f"{where}: {field} is not known; {advice}") from None
        if first["type"] == "missing":
            raise InputError(f"{where} lacks {field}; it must say {', '.join(_required(kind))}") from None
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {field} is {first['input']!r}: {reason}") from None


def said_of(onnx: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """What the metadata and the card of an ONNX file say, unchecked; the card counts for more.

    Raises:
        ArtefactError: the card is no TOML.
    """
    path, content = card_path(onnx), _from_metadata(metadata)
    if path.is_file():
        try:
            content |= tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ArtefactError(f"{path} cannot be read: {error}; write it as TOML") from None
    return content


def no_card(onnx: Path, taken: OnnxInput) -> str:
    """What to tell the user of an ONNX file without a card: the command that writes one.

    Args:
        onnx: the file.
        taken: its input, by which the alignment is guessed.
    """
    guessed = {(112, 112): "arcface-112", (150, 150): "dlib-150"}.get(taken.size or (0, 0), "none")
    mean, std = ("127.5", "127.5") if guessed != "none" else ("[123.7, 116.3, 103.5]", "[58.4, 57.1, 57.4]")
    lines = [f'alignment = "{guessed}"', f"mean = {mean}", f"std = {std}", 'channels = "RGB"']
    if taken.size is None:
        lines.append("image_size = [112, 112]")
    written = "\\n".join(lines)
    return (
        f"{onnx} (input {taken}) needs a card, {card_path(onnx).name}, that says what its network expects: alignment "
        "(arcface-112, dlib-150 or none), mean and std of pixels from 0 to 255, channels (RGB or BGR); check these "
        f"values with its authors: printf '{written}\\n' > {shlex.quote(str(card_path(onnx)))}"
    )


def has_card(onnx: Path, metadata: Mapping[str, str], given: Mapping[str, Any]) -> bool:
    """Whether anything says what the network of an ONNX file expects."""
    return card_path(onnx).is_file() or bool(given) or bool(_from_metadata(metadata))


def _from_metadata(metadata: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, text in metadata.items():
        if key.startswith(_PREFIX):
            name = key.removeprefix(_PREFIX)
            try:
                found |= tomllib.loads(f"{name} = {text}")
            except ValueError:  # a bare word: text
                found[name] = text
    return found


def _required(kind: type[BaseModel]) -> list[str]:
    return [name for name, field in kind.model_fields.items() if field.is_required()]
