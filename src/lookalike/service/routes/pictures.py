"""`/v1/detect`, `/v1/embed`, `/v1/verify`, `/v1/identify`: questions about pictures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from lookalike.service.picture_bodies import described_body, picture_body
from lookalike.service.routes.parts import REFUSALS, Reader, recognition_of, work
from lookalike.service.schemas.faces import Detected
from lookalike.service.schemas.picture_requests import (
    DetectRequest,
    EmbedRequest,
    IdentifyRequest,
    IdentifyVectorsRequest,
    VerifyRequest,
)
from lookalike.service.schemas.recognition import Embedded, Identification, Verified

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["questions"], responses=REFUSALS)


@router.post("/detect", openapi_extra=described_body(DetectRequest))
async def detect(
    request: Request, caller: Reader, asked: Annotated[DetectRequest, Depends(picture_body(DetectRequest))]
) -> Detected:
    """Which faces do pictures show?"""
    return await work(request, recognition_of(request).detect, asked)


@router.post("/embed", openapi_extra=described_body(EmbedRequest))
async def embed(
    request: Request, caller: Reader, asked: Annotated[EmbedRequest, Depends(picture_body(EmbedRequest))]
) -> Embedded:
    """The vectors of pictures."""
    return await work(request, recognition_of(request).embed, asked)


@router.post("/verify", openapi_extra=described_body(VerifyRequest))
async def verify(
    request: Request, caller: Reader, asked: Annotated[VerifyRequest, Depends(picture_body(VerifyRequest))]
) -> Verified:
    """Do two pictures show the same identity (1:1)?"""
    return await work(request, recognition_of(request).verify, asked)


@router.post("/identify", openapi_extra=described_body(IdentifyRequest))
async def identify(
    request: Request, caller: Reader, asked: Annotated[IdentifyRequest, Depends(picture_body(IdentifyRequest))]
) -> Identification:
    """Who is in pictures, of all in the gallery, or nobody (1:N)?"""
    return await work(request, recognition_of(request).identify, asked)


@router.post("/identify/vectors")
async def identify_vectors(request: Request, caller: Reader, asked: IdentifyVectorsRequest) -> Identification:
    """The same for pictures that `/v1/embed` made vectors of."""
    return await work(request, recognition_of(request).identify_vectors, asked)
