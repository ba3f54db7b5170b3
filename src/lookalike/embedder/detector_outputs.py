"""What the outputs of face detectors mean: YuNet, SCRFD, RetinaFace. Numbers of cells and anchors to boxes in pixels.

- YuNet (Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023; OpenCV zoo): for strides 8, 16, 32 and
  every cell of the stride, a class score, an objectness, a box (offset of its centre from the cell, logarithm of its
  size, in strides) and five landmarks.
- SCRFD (Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", 2021; InsightFace, whose
  later "RetinaFace" files are of this kind): for every anchor a score, the distances to the four sides, in strides,
  and landmarks. Two anchors a cell for three strides, one for five.
- RetinaFace (Deng et al., CVPR 2020) with prior boxes, as Pytorch_Retinaface exports it: three outputs, the offsets
  from the priors in units of their size and of variances 0.1 and 0.2, two classes, and landmarks.
- RetinaFace of InsightFace's MXNet release: maps of 4, 8 and 20 channels a stride, offsets from anchors of two sizes.

Coordinates are pixels of the network's input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lookalike.embedder.onnx_card import NetworkInput

__all__ = ["KINDS", "Candidates", "DetectorKind", "kept_by_suppression"]

Array = npt.NDArray[Any]
Size = tuple[int, int]


@dataclass(frozen=True)
class Candidates:
    """What a detector suggests, before suppression.

    Attributes:
        boxes: `(n, 4)`: left, top, right, bottom.
        scores: `(n,)`, from 0 to 1.
        landmarks: `(n, 5, 2)`; of a network that gives none, `(n, 0, 2)`.
    """

    boxes: Array
    scores: Array
    landmarks: Array

    def at(self, positions: Array | list[int]) -> Candidates:
        """Those at positions, or of a mask."""
        return Candidates(self.boxes[positions], self.scores[positions], self.landmarks[positions])

    def moved(self, scale: float, left: float, top: float) -> Candidates:
        """Those of an enlarged part of a picture, where they are in the picture.

        Args:
            scale: by which the picture was enlarged.
            left: where the part begins, in pixels of the enlarged picture.
            top: likewise.
        """
        corner = np.array([left, top])
        boxes = ((self.boxes.reshape(-1, 2, 2) + corner) / scale).reshape(-1, 4)
        return Candidates(boxes, self.scores, (self.landmarks + corner) / scale)

    @classmethod
    def joined(cls, parts: Sequence[Candidates]) -> Candidates:
        """All of several."""
        return cls(
            np.concatenate([one.boxes for one in parts]),
            np.concatenate([one.scores for one in parts]),
            np.concatenate([one.landmarks for one in parts]),
        )


@dataclass(frozen=True)
class DetectorKind:
    """A family of detectors.

    Attributes:
        name: as a card names it.
        matches: whether outputs of these shapes are of the family.
        decode: the outputs, and `(height, width)` of the input.
        input: how pixels become numbers, unless a card says otherwise.
        score: from which candidates count, as its authors have it.
        overlap: intersection over union from which two boxes are one face.
    """

    name: str
    matches: Callable[[Sequence[tuple[int, ...]]], bool]
    decode: Callable[[Sequence[Array], Size], Candidates]
    input: NetworkInput
    score: float
    overlap: float


def kept_by_suppression(boxes: Array, scores: Array, overlap: float) -> list[int]:
    """Greedy non-maximum suppression: the best, then the best that overlaps none that is kept, and so on.

    Args:
        boxes: `(n, 4)`: left, top, right, bottom.
        scores: `(n,)`.
        overlap: largest intersection over union of two that are kept.

    Returns:
        Positions, the best first; of equals, the first.

    Example:
        >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 10, 10], [20, 0, 30, 9]])
        >>> kept_by_suppression(boxes, np.array([0.5, 0.9, 0.7]), 0.4)
        [1, 2]
    """
    left, top, right, bottom = boxes.T
    area = (right - left) * (bottom - top)
    waiting, kept = np.argsort(-scores, kind="stable"), []
    while len(waiting):
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        across = np.minimum(right[best], right[waiting]) - np.maximum(left[best], left[waiting])
        down = np.minimum(bottom[best], bottom[waiting]) - np.maximum(top[best], top[waiting])
        common = across.clip(0) * down.clip(0)
        waiting = waiting[common <= overlap * (area[best] + area[waiting] - common)]
    return kept


def _cells(size: Size, stride: int, anchors: int = 1) -> Array:
    """`(cells × anchors, 2)`: column and row of the cell of each anchor, row by row."""
    rows, columns = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
    return np.repeat(np.column_stack([columns.ravel(), rows.ravel()]), anchors, axis=0).astype(np.float64)


def _by_width(outputs: Sequence[Array], widths: Sequence[int]) -> dict[int, list[Array]]:
    """Outputs `(n, width)` of each width, the longest (the finest stride) first, whatever order the file has."""
    flat = [one.reshape(-1, one.shape[-1]) for one in outputs]
    return {
        width: sorted((one for one in flat if one.shape[1] == width), key=lambda one: -len(one)) for width in widths
    }


def _is_yunet(shapes: Sequence[tuple[int, ...]]) -> bool:
    return sorted(shape[-1] for shape in shapes) == [1] * 6 + [4] * 3 + [10] * 3


def _yunet(outputs: Sequence[Array], size: Size) -> Candidates:
    flat = _by_width(outputs, (1, 4, 10))
    parts = []
    for level, stride in enumerate((8, 16, 32)):
        cells, box, points = _cells(size, stride), flat[4][level], flat[10][level]
        # Two outputs of this stride are one number wide, class and objectness: their product does not tell them apart.
        scores = np.sqrt(flat[1][2 * level].clip(0, 1) * flat[1][2 * level + 1].clip(0, 1)).ravel()
        centre, half = (cells + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride / 2
        landmarks = (points.reshape(-1, 5, 2) + cells[:, None]) * stride
        parts.append(Candidates(np.column_stack([centre - half, centre + half]), scores, landmarks))
    return Candidates.joined(parts)


def _is_scrfd(shapes: Sequence[tuple[int, ...]]) -> bool:
    levels = {6: 3, 9: 3, 10: 5, 15: 5}.get(len(shapes))
    widths = [1, 4] if len(shapes) in (6, 10) else [1, 4, 10]
    return levels is not None and sorted(shape[-1] for shape in shapes) == sorted(widths * levels)


def _scrfd(outputs: Sequence[Array], size: Size) -> Candidates:
    flat = _by_width(outputs, (1, 4, 10))
    strides, anchors = ((8, 16, 32), 2) if len(flat[1]) == 3 else ((8, 16, 32, 64, 128), 1)
    parts = []
    for level, stride in enumerate(strides):
        centre = _cells(size, stride, anchors) * stride
        distances = flat[4][level] * stride
        box = np.column_stack([centre - distances[:, :2], centre + distances[:, 2:]])
        offsets = flat[10][level].reshape(-1, 5, 2) if flat[10] else np.empty((len(box), 0, 2))
        parts.append(Candidates(box, flat[1][level].ravel(), offsets * stride + centre[:, None]))
    return Candidates.joined(parts)


def _is_retinaface(shapes: Sequence[tuple[int, ...]]) -> bool:
    return sorted(shape[-1] for shape in shapes) == [2, 4, 10]


def _retinaface(outputs: Sequence[Array], size: Size) -> Candidates:
    (box,), (classes,), (points,) = _by_width(outputs, (4, 2, 10)).values()
    centres, sides = [], []
    for stride, lengths in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        cells = _cells(size, stride, len(lengths))
        centres.append((cells + 0.5) * stride)
        sides.append(np.tile(lengths, len(cells) // len(lengths)))
    centre, side = np.concatenate(centres), np.concatenate(sides)[:, None]
    middle, half = centre + box[:, :2] * 0.1 * side, np.exp(box[:, 2:] * 0.2) * side / 2
    landmarks = centre[:, None] + points.reshape(-1, 5, 2) * 0.1 * side[:, None]
    return Candidates(np.column_stack([middle - half, middle + half]), classes[:, 1], landmarks)


def _is_retinaface_maps(shapes: Sequence[tuple[int, ...]]) -> bool:
    if any(len(shape) != 4 for shape in shapes):
        return False
    return sorted(shape[1] for shape in shapes) == [4] * 3 + [8] * 3 + [20] * 3


def _retinaface_maps(outputs: Sequence[Array], size: Size) -> Candidates:
    maps = {
        channels: sorted((one[0] for one in outputs if one.shape[1] == channels), key=lambda one: -one[0].size)
        for channels in (4, 8, 20)
    }
    parts = []
    for level, (stride, lengths) in enumerate(((8, (32, 16)), (16, (128, 64)), (32, (512, 256)))):
        scores, boxes, points = (maps[channels][level] for channels in (4, 8, 20))
        # Channels are anchors × numbers; of the scores, background of both anchors, then face of both.
        score = scores[2:].reshape(2, -1).T.ravel()
        box = boxes.reshape(2, 4, -1).transpose(2, 0, 1).reshape(-1, 4)
        point = points.reshape(2, 10, -1).transpose(2, 0, 1).reshape(-1, 5, 2)
        # Anchors lie around the middle of the first 16 pixels of their cell's corner.
        centre = _cells(size, stride, 2) * stride + 7.5
        side = np.tile(lengths, len(centre) // 2)[:, None]
        middle, half = centre + box[:, :2] * side, (np.exp(box[:, 2:]) * side - 1) / 2
        landmarks = centre[:, None] + point * side[:, None]
        parts.append(Candidates(np.column_stack([middle - half, middle + half]), score, landmarks))
    return Candidates.joined(parts)


_RAW_BGR: Final = NetworkInput(channels="BGR")
#: What is known, by the name that a card may say; thresholds are those of the authors' own programs.
KINDS: Final = {
    kind.name: kind
    for kind in (
        DetectorKind("yunet", _is_yunet, _yunet, _RAW_BGR, score=0.6, overlap=0.3),
        DetectorKind("scrfd", _is_scrfd, _scrfd, NetworkInput(mean=127.5, std=128.0), score=0.5, overlap=0.4),
        DetectorKind(
            "retinaface",
            _is_retinaface,
            _retinaface,
            NetworkInput(mean=(104.0, 117.0, 123.0), channels="BGR"),
            score=0.6,
            overlap=0.4,
        ),
        DetectorKind("retinaface-mxnet", _is_retinaface_maps, _retinaface_maps, NetworkInput(), score=0.6, overlap=0.4),
    )
}
