"""Boxes and names drawn into a copy of a picture.

Lines and letters follow the picture's size, so that they can be read on a thumbnail and on a photo of 12 megapixels.
Colours are those of Okabe and Ito ("Color Universal Design", 2008), which the colour-blind can tell apart; what a
colour says, the label says too.
"""

from __future__ import annotations

import bisect
import functools
import importlib.util
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from lookalike.embedder.face import FaceBox
from lookalike.errors import MissingDependencyError
from lookalike.images import RGBArray

__all__ = ["SMALLEST", "Mark", "Meaning", "draw_marks", "missing_letters"]

#: What a box stands for.
Meaning = Literal["match", "ambiguous", "unknown", "face", "not asked"]
#: The colour of the box, and of the letters on it and the lines beside it: on any background one of them is seen.
_COLOURS: dict[Meaning, tuple[str, str]] = {
    "match": ("#0072B2", "white"),
    "ambiguous": ("#F0E442", "black"),
    "unknown": ("#D55E00", "white"),
    "face": ("#56B4E9", "black"),
    "not asked": ("#999999", "black"),
}
#: A smaller picture is enlarged by a whole number until its long side has so many pixels.
SMALLEST = 480
#: Heights of letters, as shares of the picture's long side and of the box's width.
_LEAST, _MOST, _OF_BOX = 1 / 80, 1 / 26, 1 / 6
#: Fonts that may have letters DejaVu Sans has not, by the names under which systems install them.
_OTHER_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "malgun.ttf",
    "Nirmala.ttf",
)

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """A box with a label.

    Attributes:
        box: in pixels of the picture; what reaches over its edge is not drawn. None for the whole picture.
        label: plain text, or empty; of several lines, blanks take the place of the ends of lines.
        meaning: chooses the colour.
        points: drawn as dots, such as landmarks; (x, y) in pixels of the picture.
    """

    box: FaceBox | None
    label: str
    meaning: Meaning = "face"
    points: tuple[tuple[float, float], ...] = ()


def draw_marks(rgb: RGBArray, marks: Sequence[Mark], smallest: int = SMALLEST) -> Image.Image:
    """A copy of a picture with marks drawn into it; a small one is enlarged.

    Args:
        rgb: `(h, w, 3)` uint8.
        marks: the first is drawn last, above all others.
        smallest: the copy's long side has at least so many pixels: letters need room.

    Example:
        >>> draw_marks(np.zeros((100, 80, 3), np.uint8), [Mark(FaceBox(10, 10, 60, 60), "Ada", "match")]).size
        (400, 500)
    """
    height, width = rgb.shape[:2]
    factor = max(1, math.ceil(smallest / max(height, width)))
    picture = Image.fromarray(rgb)
    if factor > 1:
        picture = picture.resize((width * factor, height * factor), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 400))
    for mark in reversed(marks):
        _draw_box(draw, mark, factor, line)
    taken: list[Rectangle] = []  # by labels
    boxes = [_edges(mark, factor, picture.size) for mark in marks]
    for mark in marks:
        if mark.label:
            taken.append(_draw_label(draw, mark, _Layout(factor, line, picture.size, boxes, taken)))
    return picture


def missing_letters(text: str) -> str:
    """Those letters of a text that no font at hand has: they are drawn as empty boxes.

    Example:
        >>> missing_letters("Zoë Ωμέγα Иван")
        ''
    """
    font = _font_for(_one_line(text), 16)
    return "".join(dict.fromkeys(letter for letter in _one_line(text) if not _has(font, letter)))


def _draw_box(draw: ImageDraw.ImageDraw, mark: Mark, factor: int, line: int) -> None:
    colour, contrast = _COLOURS[mark.meaning]
    edges = _edges(mark, factor, draw.im.size)
    halo = max(1, line // 2)
    outer = (edges[0] - halo, edges[1] - halo, edges[2] + halo, edges[3] + halo)
    draw.rectangle(outer, outline=contrast, width=line + 2 * halo)
    draw.rectangle(edges, outline=colour, width=line)
    for x, y in mark.points:
        centre = ((x + 0.5) * factor, (y + 0.5) * factor)
        draw.circle(centre, line + halo, fill=contrast)
        draw.circle(centre, line, fill=colour)


@dataclass(frozen=True)
class _Layout:
    """What a label has to do with: the copy's enlargement and size, lines' width, boxes, and places of labels."""

    factor: int
    line: int
    size: tuple[int, int]
    boxes: Sequence[Rectangle]
    taken: Sequence[Rectangle]


def _draw_label(draw: ImageDraw.ImageDraw, mark: Mark, layout: _Layout) -> Rectangle:
    """Write a label beside its box, where it hides no other label and no face if possible; returns its place."""
    size, line, edges = layout.size, layout.line, _edges(mark, layout.factor, layout.size)
    longest = max(size)
    letters = round(min(max((edges[2] - edges[0]) * _OF_BOX, longest * _LEAST, 12), max(longest * _MOST, 12)))
    text = _one_line(mark.label)
    font = _font_for(text, letters)
    padding = max(2, letters // 5)
    text = _shortened(text, font, size[0] - 2 * padding)
    ascent, descent = font.getmetrics()
    width, height = font.getlength(text) + 2 * padding, ascent + descent + padding
    left = min(max(edges[0] - line, 0), max(size[0] - width, 0))
    tops = (edges[1] - line - height, edges[3] + line, edges[1] + line, edges[3] - line - height)
    places = [(left, top, left + width, top + height) for top in (min(max(t, 0), size[1] - height) for t in tops)]

    def hidden(place: Rectangle) -> tuple[float, float]:
        return sum(_overlap(place, one) for one in layout.taken), sum(_overlap(place, one) for one in layout.boxes)

    place = min(places, key=hidden)  # the first of the best
    background, colour = _COLOURS[mark.meaning]
    draw.rectangle(place, fill=background, outline=colour)
    draw.text((place[0] + padding, place[1] + padding / 2), text, fill=colour, font=font)
    return place


def _edges(mark: Mark, factor: int, size: tuple[int, int]) -> Rectangle:
    """Of a mark's box, in pixels of the copy."""
    if mark.box is None:
        return 0, 0, size[0] - 1, size[1] - 1
    box = mark.box
    return box.left * factor, box.top * factor, box.right * factor, box.bottom * factor


def _overlap(a: Rectangle, b: Rectangle) -> float:
    """Square pixels that two rectangles share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, or as much of its beginning as is no wider than `width`, and an ellipsis."""
    if font.getlength(text) <= width:
        return text
    fitting = bisect.bisect_left(range(len(text)), True, key=lambda end: font.getlength(f"{text[: end + 1]}…") > width)
    return f"{text[:fitting]}…"


# --- fonts ------------------------------------------------------------------------------------------------


def _font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """The first font that has every letter of a text; where none has, the one that has most of them."""
    fonts = _fonts(size)
    return max(fonts, key=lambda font: sum(_has(font, letter) for letter in text)) if not text.isascii() else fonts[0]


@functools.lru_cache(maxsize=64)
def _fonts(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    return tuple(ImageFont.truetype(name, size) for name in (_dejavu(), *_installed()))


@functools.cache
def _installed() -> tuple[str, ...]:
    """Those of the other fonts that this system has."""
    return tuple(_readable(_OTHER_FONTS))


def _readable(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        try:
            ImageFont.truetype(name, 12)
        except OSError:
            continue  # not installed here
        yield name


@functools.cache
def _dejavu() -> str:
    """DejaVu Sans in matplotlib's wheel, found without importing it: Latin, Greek, Cyrillic, Arabic and more."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise MissingDependencyError("names are drawn in a font of matplotlib, which is not installed; pip install it")
    return str(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")


@functools.lru_cache(maxsize=4096)
def _drawn(font: ImageFont.FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether a font has a letter: what it has not, it draws as it draws a code that is no letter at all."""
    return letter.isspace() or _drawn(font, letter) != _drawn(font, "\U0010ffff")
