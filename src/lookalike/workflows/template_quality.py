"""How good the pictures of a gallery's templates are, measured anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.embedder import Embedder
    from lookalike.gallery import Gallery
    from lookalike.gallery.doctor import StoredTemplates
    from lookalike.progress import Reporter

__all__ = ["with_measured_quality"]


def with_measured_quality(
    gallery: Gallery, templates: StoredTemplates, embedder: Embedder, report: Reporter
) -> StoredTemplates:
    """Templates with the quality of the face in every picture that can be read; others keep what is stored.

    Args:
        gallery: knows where each template came from.
        templates: read from it.
        embedder: finds faces.
        report: told how far it is, and how many pictures could not be read.

    Raises:
        InputError: the model does not look for faces.

    Example:
        >>> with_measured_quality(gallery, templates, Embedder.load("dlib"), Reporter()).qualities    # doctest: +SKIP
        array([0.81, 0.12])
    """
    from dataclasses import replace
    from pathlib import Path

    from lookalike.counted_nouns import how_many
    from lookalike.errors import ImageError, InputError

    if not embedder.finds_faces:
        raise InputError(
            f"model {embedder.name} does not look for faces, so their quality cannot be measured; leave that out"
        )
    qualities = templates.qualities.copy()
    done = report.counted("Measuring quality", len(templates))
    unread = after = 0
    while page := gallery.templates_page(limit=100, after=after):
        rows = templates.row_of([one.id for one in page]).tolist()
        for row, template in zip(rows, page, strict=True):
            if row < 0:
                continue
            try:
                found = embedder.faces(Path(template.source)) if template.source else []
            except ImageError:
                found = []
            if found and found[0].quality is not None:
                qualities[row] = found[0].quality.score
            else:
                unread += 1
        done(len(page))
        after = page[-1].id
    if unread:
        report.remark(f"of {how_many(unread, 'template')} no face could be measured: there is no picture, or no face")
    return replace(templates, qualities=qualities)
