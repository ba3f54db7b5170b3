"""The recognizer that a service answers with: by the promise or the distance of its settings, which are of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.embedder import Embedder
    from lookalike.gallery import Gallery
    from lookalike.recognizer import Recognizer

__all__ = ["served_recognizer"]


def served_recognizer(
    embedder: Embedder, gallery: Gallery, threshold: float | None = None, fpir: float | None = None
) -> Recognizer:
    """A recognizer of people or of places, as the gallery holds; a threshold is computed when it is first asked for.

    Args:
        embedder: turns pictures into vectors.
        gallery: of people or of landmarks.
        threshold: of people: a distance up to which two pictures match.
        fpir: of people: name at most this share of strangers, whatever the size of the gallery.

    Raises:
        InputError: both of them, or a rate that cannot be promised.
        FingerprintError: the gallery was made by another model.
    """
    from lookalike.recognizer import Recognizer

    if gallery.kind == "landmarks":  # its thresholds were set when its places were enrolled
        return Recognizer(embedder, gallery)
    return Recognizer(embedder, gallery, threshold, promise=None if fpir is None else f"fpir={fpir!r}")
