"""What the service tells of its gallery and of its thresholds. In threads."""

from __future__ import annotations

from lookalike.errors import InputError
from lookalike.json_values import plain
from lookalike.recognizer import Recognizer
from lookalike.service.schemas.state import EvaluationSummary, GalleryState, Thresholds

__all__ = ["evaluation_summary", "gallery_state", "thresholds"]


def gallery_state(recognizer: Recognizer) -> GalleryState:
    """How much the gallery holds."""
    return GalleryState.model_validate(plain(recognizer.gallery.stats()))


def thresholds(recognizer: Recognizer) -> Thresholds:
    """By which distances answers are decided now."""
    of_places = recognizer.place_recognition()
    verify, verify_source = None, ""
    try:
        pair = recognizer.pair_threshold
        verify, verify_source = pair.distance, pair.source
    except InputError as error:  # a model without any: told, as `verify` would be refused
        verify_source = str(error)
    metric = recognizer.embedder.metric
    if of_places is not None:
        promised = of_places.atlas.rejection.promised
        return Thresholds(
            metric=metric,
            identify=None,
            identify_source=promised.source,
            verify=verify,
            verify_source=verify_source,
            promised=plain(promised),
        )
    try:
        identify = recognizer.limits
    except InputError as error:
        return Thresholds(
            metric=metric, identify=None, identify_source=str(error), verify=verify, verify_source=verify_source
        )
    return Thresholds(
        metric=metric,
        identify=identify.threshold.distance,
        identify_source=identify.threshold.source,
        verify=verify,
        verify_source=verify_source,
        promised=plain(identify.promised),
    )


def evaluation_summary(recognizer: Recognizer) -> EvaluationSummary | None:
    """What was measured of the model; None where nothing was."""
    found = recognizer.calibration
    return None if found is None else EvaluationSummary.model_validate(found.model_dump(mode="json"))
