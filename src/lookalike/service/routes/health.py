"""`/health`, `/metrics`, `/v1/service`: is it there, is it ready, how does it do, what is it?"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from lookalike import __version__
from lookalike.errors import LookalikeError
from lookalike.service.routes.parts import REFUSALS, Operator, Reader, recognition_of
from lookalike.service.schemas.state import Health, ModelState, ServiceState

__all__ = ["router"]

_LOGGER = logging.getLogger(__name__)

router = APIRouter(tags=["operation"])


@router.get("/health/live")
async def live(request: Request) -> Health:
    """Whether the process answers. Needs no key, and tells nothing else."""
    return Health(status="ok")


@router.get("/health/ready", responses={503: {"model": Health, "description": "The gallery cannot be read."}})
async def ready(request: Request, response: Response) -> Health:
    """Whether the service can be asked: its model is loaded, and its gallery can be read. Needs no key."""
    try:
        await run_in_threadpool(recognition_of(request).recognizer.gallery.counts)
    except LookalikeError as error:
        _LOGGER.error("not ready: %s", error)
        response.status_code = 503
        return Health(status="failing")
    return Health(status="ok")


@router.get(
    "/metrics",
    response_class=Response,
    responses={**REFUSALS, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, caller: Operator) -> Response:
    """Counters and times for Prometheus, in its text format."""
    return Response(request.app.state.measures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/v1/service", responses=REFUSALS)
async def service(request: Request, caller: Reader) -> ServiceState:
    """What answers here: version, model, limits, and the role of the key that asks."""
    embedder, settings = recognition_of(request).recognizer.embedder, request.app.state.settings
    return ServiceState(
        version=__version__,
        role=caller.key.role,
        kind=recognition_of(request).recognizer.gallery.kind,
        model=ModelState(
            name=embedder.name,
            fingerprint=embedder.fingerprint,
            metric=embedder.metric,
            dimension=embedder.dimension,
            finds_faces=embedder.finds_faces,
        ),
        limits={"bytes": settings.max_body, "pictures": settings.max_pictures, "pixels": settings.max_pixels},
    )
