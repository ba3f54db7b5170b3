"""`/v1/jobs`: long work in other processes, followed by server-sent events."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import FileResponse, StreamingResponse

from lookalike.service.api_keys import allows
from lookalike.service.callers import Caller
from lookalike.service.jobs.job_commands import job_command, needed_role
from lookalike.service.jobs.job_store import Job, JobStore
from lookalike.service.middleware import REPORT_POLICY
from lookalike.service.problems import Refused
from lookalike.service.routes.parts import REFUSALS, IdempotencyKey, Operator, work, work_once
from lookalike.service.schemas.jobs import JobAnswer, JobEvent, JobFiles, JobRequest, Jobs

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=REFUSALS)

Id = Annotated[str, Path(max_length=100)]

#: Seconds between looks at the events of a job, and between signs of life.
_PACE, _ALIVE = 0.25, 10.0


def _store(request: Request) -> JobStore:
    found: JobStore = request.app.state.jobs
    return found


def _answer(store: JobStore, job: Job) -> JobAnswer:
    return JobAnswer.model_validate({**job.__dict__, "latest": store.last_event(job.id)})


def _check_role(caller: Caller, kind: str) -> None:
    wanted = needed_role(kind)
    if not allows(caller.key.role, wanted):
        raise Refused(403, "forbidden", f"a job of the kind {kind} needs a key of the role {wanted}")


@router.post("", status_code=202)
async def start(
    request: Request, caller: Operator, asked: JobRequest, idempotency_key: IdempotencyKey = None
) -> JobAnswer:
    """Put a job into the queue: one runs at a time. All but `doctor` need the role admin."""
    _check_role(caller, asked.kind)
    wanted = asked.model_dump()
    store = _store(request)
    job_command(wanted, request.app.state.settings, store.folder)  # refuses names that there are not
    job = await work_once(
        request,
        idempotency_key,
        wanted,
        lambda: store.add(wanted, caller.actor),
        lambda job: {"job": job.id},
        lambda kept: store.get(kept["job"]),
    )
    return _answer(store, job)


@router.get("")
async def listed(request: Request, caller: Operator, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Jobs:
    """Jobs, the newest first."""
    store = _store(request)
    found = await work(request, store.listed)
    return Jobs(jobs=[_answer(store, job) for job in found[:limit]])


@router.get("/{job_id}")
async def one(request: Request, caller: Operator, job_id: Id) -> JobAnswer:
    """How a job stands."""
    store = _store(request)
    return _answer(store, await work(request, store.get, job_id))


@router.post("/{job_id}/cancel", status_code=202)
async def cancel(request: Request, caller: Operator, job_id: Id) -> JobAnswer:
    """Ask a job to end; its state says when it has. Nothing happens to one that has ended."""
    store = _store(request)
    job = await work(request, store.get, job_id)
    _check_role(caller, job.kind)
    return _answer(store, await work(request, store.cancel, job_id))


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    request: Request,
    caller: Operator,
    job_id: Id,
    last_event_id: Annotated[int, Header(ge=0, le=2**53)] = 0,
) -> StreamingResponse:
    """Events of a job as they come (server-sent events), until it has ended; `Last-Event-ID` goes on after one."""
    store = _store(request)
    await work(request, store.get, job_id)
    return StreamingResponse(_stream(request, store, job_id, last_event_id), media_type="text/event-stream")


async def _stream(request: Request, store: JobStore, job_id: str, after: int) -> AsyncIterator[str]:
    quiet, new = 0.0, store.follow(job_id, after)
    while True:
        ended = store.get(job_id).ended  # before the events: what came until then is told
        told = new()
        for event in told:
            found = JobEvent.model_validate(event)
            kind = "progress" if found.state is None else "state"
            yield f"id: {found.n}\nevent: {kind}\ndata: {found.model_dump_json()}\n\n"
        if ended or request.app.state.stopping or await request.is_disconnected():
            return
        quiet = 0.0 if told else quiet + _PACE
        if quiet >= _ALIVE:
            quiet = 0.0
            yield ": alive\n\n"
        await asyncio.sleep(_PACE)


@router.get("/{job_id}/files")
async def files(request: Request, caller: Operator, job_id: Id) -> JobFiles:
    """What a job has written."""
    return JobFiles(files=await work(request, _store(request).files, job_id))


@router.get(
    "/{job_id}/files/{name:path}",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def file(
    request: Request, caller: Operator, job_id: Id, name: Annotated[str, Path(min_length=1, max_length=1000)]
) -> FileResponse:
    """One of these files, such as `report.html`."""
    path = await work(request, _store(request).file, job_id, name)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"Content-Security-Policy": REPORT_POLICY} if kind == "text/html" else {}
    return FileResponse(path, media_type=kind, headers=headers)
