"""The recognizer that a service answers with: model and gallery as its settings say, opened and warm."""

from __future__ import annotations

from contextlib import ExitStack
from copy import copy

import numpy as np

from lookalike.embedder import Embedder
from lookalike.gallery import open_gallery
from lookalike.recognizer import Recognizer
from lookalike.service.micro_batches import MicroBatches, micro_batched
from lookalike.service.settings import ServiceSettings
from lookalike.workflows.served_recognizer import served_recognizer

__all__ = ["open_recognizer"]


def open_recognizer(
    settings: ServiceSettings, given: Recognizer | None, opened: ExitStack, *, warm: bool = True
) -> tuple[Recognizer, MicroBatches]:
    """A recognizer whose embedder collects what several requests bring, and what counts its batches.

    Args:
        settings: of the service.
        given: what answers, where there is one already.
        opened: closes what is opened here.
        warm: load now what is loaded when it is first used: the network, the gallery's snapshot, and its index.

    Raises:
        ArtefactError: the model or gallery is missing or damaged, or they do not belong together.
        InputError: thresholds that cannot be had.
    """
    if given is None:
        embedder = Embedder.load(settings.model, settings.cropped or None, device=settings.device)
        if settings.calibration is not None:
            embedder.use_calibration(settings.calibration)
        gallery = opened.enter_context(open_gallery(settings.gallery))
        batched, batches = micro_batched(embedder)
        recognizer = opened.enter_context(served_recognizer(batched, gallery, settings.threshold, settings.fpir))
    else:
        recognizer = copy(given)
        recognizer.embedder, batches = micro_batched(given.embedder)
    if warm:
        _warm(recognizer)
    return recognizer, batches


def _warm(recognizer: Recognizer) -> None:
    vectors = recognizer.embedder.embed(np.full((112, 112, 3), 127, np.uint8), unusable=lambda at, error: None)
    probe = vectors if len(vectors) else np.eye(1, recognizer.embedder.dimension, dtype=np.float32)
    recognizer.gallery.search(probe, k=1)
