"""`/v1/gallery`, `/v1/thresholds`, `/v1/evaluation`: what is held, and what answers promise."""

from __future__ import annotations

from fastapi import APIRouter, Request

from lookalike.service.gallery_state import evaluation_summary, gallery_state, thresholds
from lookalike.service.problems import Refused
from lookalike.service.routes.parts import REFUSALS, Operator, Reader, recognition_of, work
from lookalike.service.schemas.state import EvaluationSummary, GalleryState, Thresholds

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["gallery"], responses=REFUSALS)


@router.get("/gallery")
async def gallery(request: Request, caller: Operator) -> GalleryState:
    """How much the gallery holds, and how it is searched."""
    return await work(request, gallery_state, recognition_of(request).recognizer)


@router.get("/thresholds")
async def deciding(request: Request, caller: Reader) -> Thresholds:
    """By which distances answers are decided, and what that promises, for the gallery as it is now."""
    return await work(request, thresholds, recognition_of(request).recognizer)


@router.get("/evaluation")
async def evaluation(request: Request, caller: Reader) -> EvaluationSummary:
    """What was measured of the model; 404 where nothing was."""
    found = await work(request, evaluation_summary, recognition_of(request).recognizer)
    if found is None:
        raise Refused(
            404, "not_measured", "the model has no calibration; run `lookalike evaluate DATA --model MODEL --calibrate`"
        )
    return found
