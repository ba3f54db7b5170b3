"""A face detector in an ONNX file: YuNet, SCRFD or RetinaFace, found by its outputs.

A card beside it, `det.toml` for `det.onnx`, is needed only to say otherwise::

    kind = "scrfd"      # yunet, scrfd, retinaface, retinaface-mxnet
    score = 0.5         # from which a candidate is a face
    overlap = 0.4       # intersection over union from which two boxes are one face
    mean = 127.5        # and std, channels: as in the card of an embedding network
    licence = "MIT"
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from lookalike.embedder.detector_outputs import KINDS, Candidates, DetectorKind, kept_by_suppression
from lookalike.embedder.face import Face, FaceBox
from lookalike.embedder.face_quality import measured_quality
from lookalike.embedder.face_subject import subject_first
from lookalike.embedder.onnx_card import NetworkInput, has_card, read_card, said_of
from lookalike.embedder.onnx_session import OnnxSession, onnx_digest
from lookalike.errors import InputError, VectorError
from lookalike.images import RGBArray

__all__ = ["DetectorCard", "OnnxDetector", "is_detector"]

#: Side in pixels of what a network sees at once, where its file leaves that open: what all these were trained with.
_SIDE: Final = 640
#: Small pictures are enlarged by no more: these networks do not know faces that fill all they see.
_ENLARGED: Final = 2.0
#: Share of its side by which a part of a large picture overlaps the next. A face that is larger is found at half size.
_OVERLAP: Final = 0.25


class DetectorCard(NetworkInput):
    """The card of a detector; see the top of this module. What it leaves out is as the kind's authors have it."""

    kind: str | None = None
    score: float | None = Field(None, gt=0, lt=1)
    overlap: float | None = Field(None, gt=0, lt=1)
    licence: str | None = None
    name: str | None = None


class OnnxDetector:
    """Finds faces by a network in an ONNX file.

    Args:
        path: the file.
        device: where it runs; see `LoadOptions`.

    Raises:
        ArtefactError: the file is missing or damaged.
        InputError: its outputs are of no kind that is known, or lack landmarks.
        MissingDependencyError: onnxruntime is not installed.

    Example:
        >>> OnnxDetector(Path("yunet.onnx")).kind.name    # doctest: +SKIP
        'yunet'
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        self._session = OnnxSession(path, device)
        if self._session.input.channels != 3:
            raise InputError(f"{path} takes grey pictures; expected a face detector, which takes 3 channels")
        if self._session.input.batch not in (None, 1):
            raise InputError(f"{path} takes {self._session.input.batch} pictures at once; export it for a batch of 1")
        card = read_card(DetectorCard, path, self._session.metadata, {})
        self.name = card.name or path.stem
        self.licence = card.licence
        self._size = self._session.input.size or (_SIDE, _SIDE)
        self._input = NetworkInput()
        trial = self._session.run(self._numbers(np.zeros((*self._size, 3), np.uint8)))
        self.kind = _kind(card.kind, trial, path)
        said: dict[str, Any] = {
            name: getattr(card, name) for name in ("mean", "std", "channels") if name in card.model_fields_set
        }
        self._input = self.kind.input.model_copy(update=said)
        self._score, self._overlap = card.score or self.kind.score, card.overlap or self.kind.overlap
        self._check_decoding(trial, path)
        decisive = f"{self.kind.name} {self._score} {self._overlap} {self._input}"
        self.identity = onnx_digest(path) + decisive.encode()

    def _check_decoding(self, trial: list[npt.NDArray[Any]], path: Path) -> None:
        try:
            found = self.kind.decode(trial, self._size)
        except (ValueError, IndexError) as error:
            raise InputError(
                f"the outputs of {path} are not those of {self.kind.name} for {self._size[0]}×{self._size[1]} pixels: "
                f"{error}; export it again, or name its kind in {path.with_suffix('.toml').name}"
            ) from None
        if found.landmarks.shape[1] == 0:
            raise InputError(
                f"{path} gives boxes without landmarks, so faces cannot be aligned; give a file with five landmarks "
                "(of SCRFD, those with kps in their name)"
            )

    def find_faces(self, rgb: RGBArray, smallest: int = 0) -> list[Face]:
        """All faces of at least `smallest` pixels in a `(h, w, 3)` uint8 picture, the most likely subject first.

        The picture is seen as a whole, at most twice as large as it is; a large one again in parts of twice the
        resolution. Where nothing was found, it is seen once smaller, and then in ever finer parts.
        """
        found = self._seen(rgb, list(self._looks(rgb)))
        if not len(found.scores):
            for scale in self._further_looks(rgb):
                found = self._seen(rgb, [scale])
                if len(found.scores):
                    break
        faces = [self._face(rgb, found, at) for at in range(len(found.scores))]
        return subject_first([face for face in faces if face.box.width >= smallest], (rgb.shape[1], rgb.shape[0]))

    def find_subject(self, rgb: RGBArray) -> list[Face]:
        """As `find_faces`: these networks are as fast on the whole as on a part."""
        return self.find_faces(rgb)

    def _looks(self, rgb: RGBArray) -> Iterator[float]:
        """How much the picture is enlarged: as a whole, and once in parts where that shows more."""
        whole = self._whole(rgb)
        yield min(whole, _ENLARGED)
        if whole < 2 / 3:
            yield min(2 * whole, 1.0)

    def _further_looks(self, rgb: RGBArray) -> Iterator[float]:
        scale = 2 * min(self._whole(rgb), _ENLARGED)
        yield scale / 4
        while scale < 1:
            scale = min(2 * scale, 1.0)
            yield scale

    def _whole(self, rgb: RGBArray) -> float:
        """The scale at which the picture just fits into what the network sees."""
        height, width = self._size
        return float(min(height / rgb.shape[0], width / rgb.shape[1]))

    def _seen(self, rgb: RGBArray, scales: list[float]) -> Candidates:
        parts = [one for scale in scales for one in self._candidates(rgb, scale)]
        everything = Candidates.joined(parts)
        return everything.at(kept_by_suppression(everything.boxes, everything.scores, self._overlap))

    def _candidates(self, rgb: RGBArray, scale: float) -> Iterator[Candidates]:
        """Of the picture at a scale, part by part."""
        height, width = (max(1, round(length * scale)) for length in rgb.shape[:2])
        resized = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BILINEAR))
        for top in _starts(height, self._size[0]):
            for left in _starts(width, self._size[1]):
                part = resized[top : top + self._size[0], left : left + self._size[1]]
                framed = np.zeros((*self._size, 3), np.uint8)
                framed[: part.shape[0], : part.shape[1]] = part
                outputs = self._session.run(self._numbers(framed))
                found = self.kind.decode(outputs, self._size)
                if np.isnan(found.scores).any():
                    raise VectorError(f"detector {self.name} gave NaN for a picture; check mean, std and its file")
                found = found.at(found.scores >= self._score)
                edges = (left > 0, top > 0, left + self._size[1] < width, top + self._size[0] < height)
                yield found.at(_whole_ones(found.boxes, self._size, edges)).moved(scale, left, top)

    def _numbers(self, pixels: RGBArray) -> npt.NDArray[Any]:
        numbers = self._input.numbers(pixels[None])
        if self._session.input.layout == "NCHW":
            numbers = numbers.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(numbers, self._session.input.dtype)

    def _face(self, rgb: RGBArray, found: Candidates, at: int) -> Face:
        height, width = rgb.shape[:2]
        left, top, right, bottom = (round(float(edge)) for edge in found.boxes[at])
        face = Face(
            box=FaceBox(left, top, right, bottom),
            score=float(found.scores[at]),
            landmarks=tuple((float(x), float(y)) for x, y in found.landmarks[at]),
            cut_off=FaceBox(left, top, right, bottom).is_cut_off(width, height),
            scheme="eye-centres",
        )
        return replace(face, quality=measured_quality(rgb, face))


def is_detector(path: Path) -> bool:
    """Whether an ONNX file looks like a face detector: by its card, or by its many outputs.

    Raises:
        ArtefactError: it cannot be read.
        MissingDependencyError: onnxruntime is not installed.
    """
    session = OnnxSession(path, "cpu")
    if has_card(path, session.metadata, {}):
        return "alignment" not in said_of(path, session.metadata)
    return len(session.outputs) in (3, 6, 9, 10, 12, 15)


def _kind(named: str | None, outputs: list[npt.NDArray[Any]], path: Path) -> DetectorKind:
    if named is not None:
        if named not in KINDS:
            raise InputError(f"the card of {path} says kind = {named!r}; choose {', '.join(KINDS)}")
        return KINDS[named]
    shapes = [one.shape for one in outputs]
    found = [kind for kind in KINDS.values() if all(shapes) and kind.matches(shapes)]
    if len(found) != 1:
        listed = ", ".join("×".join(str(length) for length in shape) or "a number" for shape in shapes)
        raise InputError(
            f"the outputs of {path} ({listed}) are of no face detector that is known: {', '.join(KINDS)}; export one "
            f"of these, or name the kind in {path.with_suffix('.toml').name}"
        )
    return found[0]


def _starts(length: int, seen: int) -> list[int]:
    """Where parts of `seen` pixels begin that overlap and cover a length."""
    if length <= seen:
        return [0]
    count = math.ceil((length - _OVERLAP * seen) / (seen * (1 - _OVERLAP)))
    return [round(at) for at in np.linspace(0, length - seen, count)]


def _whole_ones(
    boxes: npt.NDArray[Any], size: tuple[int, int], edges: tuple[bool, bool, bool, bool]
) -> npt.NDArray[np.bool_]:
    """Which boxes do not touch an edge (left, top, right, bottom) behind which the picture goes on."""
    height, width = size
    free: npt.NDArray[np.bool_] = np.ones(len(boxes), bool)
    for touches, edge in zip(
        (boxes[:, 0] <= 1, boxes[:, 1] <= 1, boxes[:, 2] >= width - 1, boxes[:, 3] >= height - 1), edges, strict=True
    ):
        if edge:
            free &= ~touches
    return free
