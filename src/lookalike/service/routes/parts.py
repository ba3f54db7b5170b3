"""What routes share: who may ask, work in threads, and the refusals that each may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends, Header, Request

from lookalike.gallery.actor import acting_as
from lookalike.service.callers import Caller, caller_with
from lookalike.service.recognition import Recognition
from lookalike.service.schemas.problems import ProblemAnswer

__all__ = [
    "REFUSALS",
    "Admin",
    "IdempotencyKey",
    "Operator",
    "Reader",
    "key_of",
    "recognition_of",
    "work",
    "work_once",
]

P = ParamSpec("P")
T = TypeVar("T")

Reader = Annotated[Caller, Depends(caller_with("reader"))]
Operator = Annotated[Caller, Depends(caller_with("operator"))]
Admin = Annotated[Caller, Depends(caller_with("admin"))]

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=120,
        pattern=r"^[\x21-\x7e]+$",
        description="A request that is repeated under its key does nothing and answers what the first one did.",
    ),
]

#: Statuses that any route with a key may answer.
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer, "description": what}
    for status, what in {
        400: "The body cannot be read.",
        401: "No API key, or a wrong one.",
        403: "The key's role may not do this.",
        404: "Nobody has this name, or there is no such thing.",
        408: "The body did not arrive in time.",
        409: "The first request under this idempotency key has not ended, or was cut off.",
        413: "The request is too large.",
        415: "Neither a form nor JSON.",
        422: "What was sent cannot be used; the message says why.",
        429: "Too many requests of this key.",
        503: "Busy, or the disk is failing; `Retry-After` says when to ask again.",
        507: "The disk is full; nothing was changed.",
    }.items()
}


def recognition_of(request: Request) -> Recognition:
    """What answers."""
    found: Recognition = request.app.state.recognition
    return found


async def work(request: Request, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread, once there is room; the audit log names the request's caller."""
    caller: Caller = request.state.caller
    with acting_as(caller.actor):
        found: T = await request.app.state.admission.run(call, *args, **kwargs)
    return found


def key_of(caller: Caller, given: str | None) -> str | None:
    """An idempotency key as it is kept: those of two callers are two."""
    return None if given is None else f"{caller.key.id}:{given}"


async def work_once(
    request: Request,
    given: str | None,
    asked: Mapping[str, Any],
    act: Callable[[], T],
    told: Callable[[T], Mapping[str, Any]],
    again: Callable[[dict[str, Any]], T],
) -> T:
    """`work`, unless it was done under the idempotency key that was given; see `AnsweredRequests.once`."""
    key = key_of(request.state.caller, given)
    kind = f"{request.method} {request.scope['route'].path}"
    what = {"path": request.url.path, **asked}
    return await work(request, request.app.state.answered.once, key, kind, what, act, told, again)
