"""The recognizer of people that a workflow's options ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.embedder import Embedder
    from lookalike.gallery import Gallery
    from lookalike.recognizer import Recognizer

__all__ = ["people_recognizer"]


def people_recognizer(
    embedder: Embedder,
    gallery: Gallery,
    threshold: float | None,
    fmr: float | None,
    fpir: float | None,
    template_scoring: str | None = None,
) -> Recognizer:
    """A recognizer by at most one of a distance, a measured false match rate, and a rate that is promised per search.

    Args:
        embedder: turns pictures into vectors.
        gallery: of people.
        threshold: a distance up to which two pictures match.
        fmr: the threshold measured for this false match rate.
        fpir: name at most this share of strangers, whatever the size of the gallery.
        template_scoring: how several templates of a person become one distance; None for the calibration's rule.

    Raises:
        InputError: more than one of them, one that was not measured or cannot be kept, or a rule that is unknown or
            that no threshold was measured with.
        FingerprintError: the gallery was made by another model.
    """
    from lookalike.decisions.promise import Promise
    from lookalike.decisions.scoring_rule import checked_scoring
    from lookalike.recognizer import Recognizer

    promise = None if fpir is None else Promise("fpir", fpir)
    scoring = None if template_scoring is None else checked_scoring(template_scoring)
    recognizer = Recognizer(embedder, gallery, threshold, fmr, promise=promise, template_scoring=scoring)
    _ = recognizer.threshold  # one that was never measured is refused before a picture is embedded
    return recognizer
