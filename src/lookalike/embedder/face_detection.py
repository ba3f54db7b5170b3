"""Find the faces in a photograph of any size: dlib's detector and 5-point landmarks.

Detector: histogram of oriented gradients (Dalal & Triggs 2005; King, "Max-Margin Object Detection", 2015). Landmarks:
regression trees (Kazemi & Sullivan, "One Millisecond Face Alignment", CVPR 2014).

The detector finds faces that it is shown at about 64 pixels and more, and looks at some 8 million pixels a second and
processor. So a picture is looked at in levels: small first, where large faces are found, then larger, in bands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from lookalike.embedder.dlib_tools import FaceTools, borrowed_tools, load_dlib
from lookalike.embedder.face import Face, FaceBox, FaceQuality, LandmarkScheme
from lookalike.embedder.face_quality import measured_quality
from lookalike.embedder.face_subject import subject_first
from lookalike.embedder.processors import available_processors
from lookalike.images import RGBArray

__all__ = [
    "Face",
    "FaceBox",
    "FaceQuality",
    "LandmarkScheme",
    "face_in_box",
    "find_faces",
    "find_subject",
    "smallest_face",
]

#: Side in pixels at which a face must be shown to the detector: it found 49 of 50 at 60, 50 of 50 at 70.
_SHOWN = 64
#: The first level: largest enlargement, largest long side in pixels.
_FIRST = (2.0, 1200)
#: The last level: largest and smallest enlargement, and pixels that are looked at where neither is reached.
_LAST, _PIXELS = (1.6, 0.8), 14_000_000
#: A level is at most so many times as large as the one before it, and bands of it have at most so many pixels.
_STEP, _BAND_PIXELS = 4.0, 6_000_000
#: Tried where no level shows a face, for faces that touch the edge: border as a share of the long side, and as _FIRST.
_BORDER, _BORDERED = 0.25, (4.0, 1600)
#: A whole face that the detector is so sure of is taken for the subject without looking for smaller ones.
_SURE = 0.5
#: Boxes show one face where they share so much of both together, or of the smaller one.
_SAME_UNION, _SAME_SMALLER = 0.3, 0.7


@dataclass(frozen=True)
class _Found:
    box: FaceBox
    score: float


def find_faces(rgb: RGBArray, smallest: int = 0) -> list[Face]:
    """All faces of at least `smallest_face` pixels in a `(h, w, 3)` uint8 picture, the most likely subject first.

    Args:
        rgb: the picture.
        smallest: leave out faces of fewer pixels; of a large picture the fine levels are then not looked at, and one
            in which nothing is found is not looked at again for faces that touch its edge.

    Example:
        >>> [str(face.box) for face in find_faces(read_picture("photo.jpg"))]    # doctest: +SKIP
        ['120×120 pixels at 40,52']
    """
    size = rgb.shape[1], rgb.shape[0]
    levels = _levels(*size, smallest)
    found = _distinct(one for scale, smaller in levels for one in _at_level(rgb, scale, smaller))
    if not smallest:
        found = found or _near_the_edge(rgb)
    return subject_first(_faces(rgb, [one for one in found if one.box.width >= smallest]), size)


def find_subject(rgb: RGBArray) -> list[Face]:
    """As `find_faces`, but smaller faces are looked for only until the subject is found: the first level that shows a
    whole face without doubt is the last. Of a large photograph this takes a tenth of the time.
    """
    size = rgb.shape[1], rgb.shape[0]
    found: list[_Found] = []
    for scale, smaller in _levels(*size):
        found = _distinct([*found, *_at_level(rgb, scale, smaller)])
        if any(one.score >= _SURE and not one.box.is_cut_off(*size) for one in found):
            break
    return subject_first(_faces(rgb, found or _near_the_edge(rgb)), size)


def smallest_face(width: int, height: int) -> int:
    """Side in pixels of the smallest face that is found in a picture of this size: 40 in up to 5 million pixels, 60
    in 12 million, never more than 80; 32 where the long side has up to 600.

    Example:
        >>> smallest_face(1200, 900), smallest_face(4032, 3024)
        (40, 60)
    """
    return math.ceil(_SHOWN / _levels(width, height)[-1][0])


def face_in_box(rgb: RGBArray, box: FaceBox, score: float, tools: FaceTools) -> Face:
    """The face in a box: its landmarks and quality."""
    rectangle = load_dlib().rectangle(box.left, box.top, box.right, box.bottom)
    points = tuple((float(point.x), float(point.y)) for point in tools.predictor(rgb, rectangle).parts())
    face = Face(box, score, points, box.is_cut_off(rgb.shape[1], rgb.shape[0]))
    return replace(face, quality=measured_quality(rgb, face))


def _faces(rgb: RGBArray, found: Iterable[_Found]) -> list[Face]:
    with borrowed_tools() as tools:
        return [face_in_box(rgb, one.box, one.score, tools) for one in found]


def _levels(width: int, height: int, smallest: int = 0) -> list[tuple[float, float]]:
    """Every level's enlargement, and the one of the level before it (0 of the first), where larger faces are found."""
    first = min(_FIRST[0], _FIRST[1] / max(width, height))
    last = max(first, min(_LAST[0], max(_LAST[1], math.sqrt(_PIXELS / (width * height)))))
    if smallest:
        last = min(last, max(first, _SHOWN / smallest))
    steps = 0 if last < 1.1 * first else math.ceil(math.log(last / first, _STEP))
    scales = [first * (last / first) ** (step / steps) for step in range(steps + 1)] if steps else [first]
    return list(zip(scales, [0.0, *scales[:-1]], strict=True))


def _at_level(rgb: RGBArray, scale: float, smaller: float) -> list[_Found]:
    """Boxes that the detector finds at an enlargement; larger faces than `smaller` shows may be missing."""
    height, width = rgb.shape[:2]
    image = Image.fromarray(rgb)
    if not smaller:
        return _detected(image, scale)
    # Bands overlap by the largest face that only this level shows, so that each such face is whole in one of them.
    # In colour: as grey levels a quarter of the time is saved, but leaves and branches more often pass for faces.
    overlap = round(1.25 * _SHOWN / smaller)
    count = max(available_processors(), math.ceil(width * height * scale**2 / _BAND_PIXELS))
    rows = max(math.ceil((height - overlap) / count), overlap // 2)
    tops = range(0, max(1, height - overlap), rows)

    def band(top: int) -> list[_Found]:
        bottom = min(height, top + rows + overlap)
        return [_moved(one, 0, top) for one in _detected(image, scale, (0, top, width, bottom))]

    with ThreadPoolExecutor(min(len(tops), available_processors()), thread_name_prefix="detect") as pool:
        return [one for found in pool.map(band, tops) for one in found]


def _near_the_edge(rgb: RGBArray) -> list[_Found]:
    """The picture with a border, enlarged more: shows faces that touch the edge, and those of small pictures."""
    longest = max(rgb.shape[:2])
    shrunk = min(1.0, _BORDERED[1] / (longest * (1 + 2 * _BORDER)))  # before the border is added: that is less to copy
    image = Image.fromarray(rgb)
    if shrunk < 1:
        size = (max(1, round(image.width * shrunk)), max(1, round(image.height * shrunk)))
        image = image.resize(size, Image.Resampling.BICUBIC)
    margin = round(_BORDER * max(image.size))
    padded = np.pad(np.asarray(image), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    scale = min(_BORDERED[0], _BORDERED[1] / max(padded.shape[:2]))
    found = _detected(Image.fromarray(padded), scale)
    return [_scaled(_moved(one, -margin, -margin), 1 / shrunk) for one in found]


def _detected(image: Image.Image, scale: float, part: tuple[int, int, int, int] | None = None) -> list[_Found]:
    """Boxes in a part (left, top, right, bottom) of an image, in its own pixels from the part's corner."""
    left, top, right, bottom = part or (0, 0, *image.size)
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    resized = np.array(image.resize(size, Image.Resampling.BICUBIC, (left, top, right, bottom)))
    with borrowed_tools() as tools:
        rectangles, scores, _ = tools.detector.run(resized, 0, 0.0)
    return [
        _scaled(_Found(FaceBox(r.left(), r.top(), r.right(), r.bottom()), score), 1 / scale)
        for r, score in zip(rectangles, scores, strict=True)
    ]


def _scaled(found: _Found, factor: float) -> _Found:
    box = found.box
    edges = (round(edge * factor) for edge in (box.left, box.top, box.right, box.bottom))
    return replace(found, box=FaceBox(*edges))


def _moved(found: _Found, right: int, down: int) -> _Found:
    box = found.box
    return replace(found, box=FaceBox(box.left + right, box.top + down, box.right + right, box.bottom + down))


def _distinct(found: Iterable[_Found]) -> list[_Found]:
    """Each face once: of boxes that show the same, the first is kept."""
    kept: list[_Found] = []
    for one in found:
        if not any(_same(one.box, other.box) for other in kept):
            kept.append(one)
    return kept


def _same(a: FaceBox, b: FaceBox) -> bool:
    shared = a.shared_area(b)
    return shared > _SAME_UNION * (a.area + b.area - shared) or shared > _SAME_SMALLER * min(a.area, b.area)
