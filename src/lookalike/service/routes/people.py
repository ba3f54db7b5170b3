"""`/v1/people` and acts on them: enroll, replace, tag, rename, merge, split, undo, forget.

Names stand in bodies, where an act has one: addresses are kept in the logs of proxies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel

from lookalike.service.callers import Caller
from lookalike.service.people import People
from lookalike.service.picture_bodies import described_body, picture_body
from lookalike.service.routes.parts import (
    REFUSALS,
    IdempotencyKey,
    Operator,
    key_of,
    recognition_of,
    work,
    work_once,
)
from lookalike.service.schemas.people import (
    ActAnswer,
    Acts,
    Enrolled,
    ForgetBeforeRequest,
    Forgotten,
    MergeRequest,
    PeoplePage,
    PersonDetails,
    RenameRequest,
    SplitRequest,
    TagRequest,
)
from lookalike.service.schemas.picture_requests import EnrollRequest
from lookalike.workflows.tag_texts import given_filter

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["people"], responses=REFUSALS)

Name = Annotated[str, Path(min_length=1, max_length=1_000, description="Encoded as addresses are; may hold a slash.")]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


def _people(request: Request) -> People:
    return People(recognition_of(request).recognizer.gallery)


async def _act_once(
    request: Request, given: str | None, asked: BaseModel | None, act: Callable[[People], ActAnswer]
) -> ActAnswer:
    """An act that can be undone: of its answer the number is kept."""
    people = _people(request)
    body = {} if asked is None else asked.model_dump()
    return await work_once(
        request, given, body, lambda: act(people), lambda done: {"act": done.id}, lambda kept: people.act(kept["act"])
    )


async def _forget_once(
    request: Request, given: str | None, asked: BaseModel | None, forget: Callable[[People], Forgotten]
) -> Forgotten:
    """Somebody is forgotten: of the answer the counts are kept."""
    people = _people(request)

    def act() -> Forgotten:
        gone = forget(people)
        request.app.state.answered.empty_digests()
        return gone

    body = {} if asked is None else asked.model_dump()
    return await work_once(
        request, given, body, act, lambda gone: gone.model_dump(), lambda kept: Forgotten.model_validate(kept)
    )


Asked = Annotated[EnrollRequest, Depends(picture_body(EnrollRequest))]


async def _store(
    request: Request, caller: Caller, asked: EnrollRequest, given: str | None, *, replace: bool
) -> Enrolled:
    key = key_of(caller, given)
    return await work(request, recognition_of(request).enroll, asked, replace=replace, key=key)


@router.post("/people", openapi_extra=described_body(EnrollRequest))
async def enroll(request: Request, caller: Operator, asked: Asked, idempotency_key: IdempotencyKey = None) -> Enrolled:
    """Enroll pictures of a person; who is there already gets more templates. Of landmarks, photos of a place."""
    return await _store(request, caller, asked, idempotency_key, replace=False)


@router.put("/people", openapi_extra=described_body(EnrollRequest))
async def replace(request: Request, caller: Operator, asked: Asked, idempotency_key: IdempotencyKey = None) -> Enrolled:
    """The same, and the person has these templates only: others are deleted."""
    return await _store(request, caller, asked, idempotency_key, replace=True)


@router.get("/people")
async def page(
    request: Request,
    caller: Operator,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[str, Query(max_length=1_000)] = "",
    prefix: Annotated[str, Query(max_length=1_000)] = "",
    tag: Annotated[list[Annotated[str, Query(max_length=500)]], Query(examples=["site=Berlin"], max_length=100)] = [],  # noqa: B006
) -> PeoplePage:
    """People by name, a page at a time; of several values of one tag any, of several tags all."""
    return await work(request, _people(request).page, limit, after, prefix, given_filter(tag))


@router.get("/people/{name:path}")
async def details(request: Request, caller: Operator, name: Name) -> PersonDetails:
    """A person, with the templates."""
    return await work(request, _people(request).details, name)


@router.patch("/people/{name:path}")
async def tag(request: Request, caller: Operator, name: Name, asked: TagRequest) -> PersonDetails:
    """Set tags of a person; null takes one away."""
    return await work(request, _people(request).tag, name, asked.tags)


@router.delete("/people/{name:path}")
async def forget(request: Request, caller: Operator, name: Name, idempotency_key: IdempotencyKey = None) -> Forgotten:
    """Delete a person with name, tags and vectors, for good."""
    return await _forget_once(request, idempotency_key, None, lambda people: people.forget(name))


@router.post("/renames")
async def rename(
    request: Request, caller: Operator, asked: RenameRequest, idempotency_key: IdempotencyKey = None
) -> ActAnswer:
    """Give a person another name."""
    return await _act_once(request, idempotency_key, asked, lambda people: people.rename(asked.name, asked.to))


@router.post("/merges")
async def merge(
    request: Request, caller: Operator, asked: MergeRequest, idempotency_key: IdempotencyKey = None
) -> ActAnswer:
    """Make several people one."""
    return await _act_once(request, idempotency_key, asked, lambda people: people.merge(asked.names, asked.into))


@router.post("/splits")
async def split(
    request: Request, caller: Operator, asked: SplitRequest, idempotency_key: IdempotencyKey = None
) -> ActAnswer:
    """Give some templates of a person to another one."""
    return await _act_once(
        request, idempotency_key, asked, lambda people: people.split(asked.name, asked.template_ids, asked.into)
    )


@router.get("/acts")
async def acts(request: Request, caller: Operator, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Acts:
    """The last renamings, mergings and splittings, newest first."""
    return await work(request, _people(request).acts, limit)


@router.post("/acts/{act_id}/undo")
async def undo(request: Request, caller: Operator, act_id: Id, idempotency_key: IdempotencyKey = None) -> ActAnswer:
    """Take an act back."""
    return await _act_once(request, idempotency_key, None, lambda people: people.undo(act_id))


@router.delete("/templates/{template_id}")
async def forget_template(
    request: Request, caller: Operator, template_id: Id, idempotency_key: IdempotencyKey = None
) -> Forgotten:
    """Delete one template; a person without any is gone. One that is not there is passed over."""
    return await _forget_once(request, idempotency_key, None, lambda people: people.forget_template(template_id))


@router.post("/retention")
async def forget_before(
    request: Request, caller: Operator, asked: ForgetBeforeRequest, idempotency_key: IdempotencyKey = None
) -> Forgotten:
    """Delete what was enrolled before a moment."""
    return await _forget_once(request, idempotency_key, asked, lambda people: people.forget_before(asked.moment))
