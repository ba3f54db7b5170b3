"""The pictures that templates came from, where they can still be read; small, for a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from lookalike.embedder import Embedder
    from lookalike.embedder.face import Face
    from lookalike.gallery import Gallery, Template
    from lookalike.images import RGBArray

__all__ = ["TemplatePictures", "card", "template_of"]

#: Pixels of a placeholder.
_WIDTH, _HEIGHT = 125, 150


def template_of(gallery: Gallery, template_id: int) -> Template | None:
    """A template by its id; None where it is not there any more.

    Example:
        >>> template_of(gallery, 12).source    # doctest: +SKIP
        'photos/ada.jpg'
    """
    page = gallery.templates_page(limit=1, after=template_id - 1)
    return page[0] if page and page[0].id == template_id else None


class TemplatePictures:
    """Small pictures of templates, each read once; in place of one that cannot be read, a grey card that says so.

    Args:
        gallery: whose templates they are.
        embedder: finds the faces in them, of which the one compared is marked, and their quality; None: no face is
            looked for.

    Attributes:
        unreadable: ids of templates whose picture was asked for and could not be read.
        qualities: of the faces that were found, 0 to 1, by template id.
    """

    def __init__(self, gallery: Gallery, embedder: Embedder | None = None) -> None:
        self._gallery = gallery
        self._embedder = embedder if embedder is not None and embedder.finds_faces else None
        self._pictures: dict[int, npt.NDArray[np.uint8]] = {}
        self._known: dict[int, tuple[str, str]] = {}
        self.unreadable: set[int] = set()
        self.qualities: dict[int, float] = {}

    def source(self, template_id: int) -> str:
        """Where a template came from; empty where that is not known."""
        return self._facts(template_id)[1]

    def caption(self, template_id: int) -> str:
        """Whose template it is, its id, and the name of its file."""
        name, source = self._facts(template_id)
        quality = self.qualities.get(template_id)
        measured = "" if quality is None else f"quality {quality:.2g}"
        return " · ".join(part for part in (name, f"template {template_id}", Path(source).name, measured) if part)

    def _facts(self, template_id: int) -> tuple[str, str]:
        """The identity's name and the source."""
        if template_id not in self._known:
            template = template_of(self._gallery, template_id)
            self._known[template_id] = ("", "") if template is None else (template.identity, template.source)
        return self._known[template_id]

    def picture(self, template_id: int) -> npt.NDArray[np.uint8]:
        """`(h, w, 3)` uint8; a grey card where the source is no picture that can be read here."""
        if template_id not in self._pictures:
            self._pictures[template_id] = self._read(template_id)
        return self._pictures[template_id]

    def _read(self, template_id: int) -> npt.NDArray[np.uint8]:
        from lookalike.errors import ImageError
        from lookalike.evaluation.report.thumbnails import Thumbnails

        def faces(rgb: RGBArray) -> Sequence[Face]:
            assert self._embedder is not None
            found = self._embedder.faces(rgb)
            if found and found[0].quality is not None:
                self.qualities[template_id] = found[0].quality.score
            return found

        source = self.source(template_id)
        if not source:
            self.unreadable.add(template_id)
            return card("no picture", "was kept")
        try:
            small: npt.NDArray[np.uint8] = Thumbnails([Path(source)], faces if self._embedder else None)[0]
        except ImageError:
            self.unreadable.add(template_id)
            return card("the picture", "cannot be", "read here")
        return small


def card(*lines: str) -> npt.NDArray[np.uint8]:
    """A grey card with some words, `(150, 125, 3)` uint8."""
    import numpy as np
    from PIL import Image, ImageDraw

    card = Image.new("RGB", (_WIDTH, _HEIGHT), (221, 226, 232))
    draw = ImageDraw.Draw(card)
    for number, line in enumerate(lines):
        down = _HEIGHT / 2 + 16 * (number - (len(lines) - 1) / 2)
        draw.text((_WIDTH / 2, down), line, fill=(80, 88, 98), anchor="mm")
    return np.asarray(card)
