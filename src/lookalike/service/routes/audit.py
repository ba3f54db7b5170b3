"""`/v1/audit`: the gallery's log of acts, for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from lookalike.gallery.audit import audit_of
from lookalike.json_values import plain
from lookalike.recognizer import Recognizer
from lookalike.service.routes.parts import REFUSALS, Admin, recognition_of, work
from lookalike.service.schemas.state import AuditEntryAnswer, AuditPage, AuditVerdict

__all__ = ["router"]

router = APIRouter(prefix="/v1/audit", tags=["audit"], responses=REFUSALS)


def _page(recognizer: Recognizer, after: int, limit: int) -> AuditPage:
    found = audit_of(recognizer.gallery).page(limit + 1, after=after)
    entries = [AuditEntryAnswer.model_validate(plain(entry)) for entry in found[:limit]]
    return AuditPage(entries=entries, next=entries[-1].n if len(found) > limit else None)


def _verdict(recognizer: Recognizer) -> AuditVerdict:
    return AuditVerdict.model_validate(plain(audit_of(recognizer.gallery).verified()))


@router.get("")
async def entries(
    request: Request,
    caller: Admin,
    after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> AuditPage:
    """Entries in order, a page at a time; they name nobody."""
    return await work(request, _page, recognition_of(request).recognizer, after, limit)


@router.get("/verdict")
async def verdict(request: Request, caller: Admin) -> AuditVerdict:
    """Whether the log is what was written: all its hashes computed anew."""
    return await work(request, _verdict, recognition_of(request).recognizer)
