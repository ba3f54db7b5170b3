"""A report as one self-contained HTML page: a small document model, and the page it becomes.

The page names no address: figures are inline SVG, pictures are data URIs, styles are in it, and its
content security policy forbids the browser to load anything. All text is escaped.
"""

from __future__ import annotations

import base64
import io
import os
import re
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from lookalike.atomic_files import write_atomically
from lookalike.errors import ImageError, InputError

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = [
    "Block",
    "Cell",
    "Drawing",
    "Drawings",
    "Fact",
    "PicturePair",
    "PicturePairs",
    "Report",
    "Section",
    "Table",
    "data_uri",
    "render",
    "write_report",
]

#: Pictures are shown at up to this many pixels a side.
PICTURE_PIXELS = 160


@dataclass(frozen=True)
class Fact:
    """A number worth a tile at the top: `value` large, `label` below, `note` small."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: `text`, a small `note` below (an interval), bold when `best`, a dot of `colour` before."""

    text: str
    note: str = ""
    best: bool = False
    colour: str | None = None


@dataclass(frozen=True)
class Table:
    """A table; the first column names its row, the others are numbers, aligned to the right.

    Attributes:
        columns: headings.
        rows: cells; plain text stands for `Cell(text)`.
        caption: below the table.
        sentences: the last column holds sentences, which are wrapped and aligned to the left.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    caption: str = ""
    sentences: bool = False

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise InputError(f"row {number} of the table has {len(row)} cells for {len(self.columns)} columns")

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows, every cell a `Cell`."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Drawing:
    """A figure: an `<svg>` from `figure_style.inline_svg` (trusted), heading, caption and a text alternative."""

    svg: str
    heading: str
    caption: str = ""
    alternative: str = ""


@dataclass(frozen=True)
class Drawings:
    """Figures side by side, as many as fit."""

    kind: ClassVar[str] = "drawings"
    items: tuple[Drawing, ...]


@dataclass(frozen=True, eq=False)
class PicturePair:
    """Two pictures and what was found.

    Attributes:
        left: `(h, w)` or `(h, w, 3)` uint8.
        right: likewise.
        left_name: below the left one.
        right_name: below the right one.
        verdict: the answer, for example ``distance 0.31``.
        good: marks the verdict as right (True) or wrong (False); None marks nothing.
    """

    left: npt.NDArray[np.uint8]
    right: npt.NDArray[np.uint8]
    left_name: str
    right_name: str
    verdict: str
    good: bool | None = None

    @property
    def pictures(self) -> list[tuple[str, str]]:
        """Data URI and name of both."""
        return [(data_uri(self.left), self.left_name), (data_uri(self.right), self.right_name)]


@dataclass(frozen=True)
class PicturePairs:
    """Picture pairs side by side, as many as fit."""

    kind: ClassVar[str] = "pairs"
    items: tuple[PicturePair, ...]
    heading: str = ""


Block = Table | Drawings | PicturePairs


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs, and then tables, figures or picture pairs."""

    heading: str
    prose: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes:
        title: of the page.
        lead: one paragraph that says what was found.
        facts: the numbers to remember.
        sections: in order.
        footer: how it was made.
        warnings: what makes the figures doubtful, above them.
    """

    title: str
    lead: str = ""
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = field(default=())
    footer: str = ""
    warnings: tuple[str, ...] = ()


def data_uri(picture: npt.NDArray[np.uint8]) -> str:
    """A picture `(h, w)` or `(h, w, 3)` uint8 as a PNG data URI, at most `PICTURE_PIXELS` a side."""
    from PIL import Image

    array = np.asarray(picture)
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or (array.ndim == 3 and array.shape[2] != 3)
        or not array.size
    ):
        raise ImageError(f"a picture has shape {array.shape} and dtype {array.dtype}; expected (h, w[, 3]) uint8")
    image = Image.fromarray(np.ascontiguousarray(array))
    image.thumbnail((PICTURE_PIXELS, PICTURE_PIXELS))
    content = io.BytesIO()
    image.save(content, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def breakable(text: str) -> Markup:
    """Text that a browser may break between the parts of a file or folder name, so that it breaks no word.

    Example:
        >>> breakable("photos/Ada_Lovelace")
        Markup('photos/<wbr>Ada_<wbr>Lovelace')
    """
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[_/\\])(?=\w)", text))


def render(report: Report) -> str:
    """The page as text."""
    from jinja2 import Environment, StrictUndefined

    template = resources.files("lookalike.evaluation.report").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["breakable"] = breakable
    return environment.from_string(template).render(report=report)


def write_report(path: str | os.PathLike[str], report: Report, *more: Section) -> None:
    """Write the page atomically.

    Args:
        path: of the `.html` file.
        report: what it says.
        more: sections to add at its end.

    Raises:
        StorageError: the disk is full, read-only or failing; an older report is unharmed.
        ImageError: a picture of a pair is not `(h, w[, 3])` uint8.

    Example:
        >>> write_report("report.html", Report("Ten people", "Nothing was measured."))    # doctest: +SKIP
    """
    whole = replace(report, sections=(*report.sections, *more))
    # A file name may hold bytes that are no text; they are shown as ? rather than refused.
    write_atomically(path, render(whole).encode("utf-8", "replace"))
