"""Which error gets which status and code: the one table, and the form of every refusal."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from lookalike.errors import (
    ArtefactError,
    ImageError,
    InputError,
    LookalikeError,
    MissingDependencyError,
    NoFaceError,
    StorageError,
    UnknownIdentityError,
    VectorError,
)
from lookalike.service.admission import Overloaded, TookTooLong
from lookalike.service.decoders import NoDecoder
from lookalike.service.schemas.problems import Problem, ProblemAnswer

__all__ = ["Refused", "answer_problems", "problem_response", "refusal"]

#: The codes of statuses that Starlette and FastAPI answer by themselves.
_OF_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
}
#: Most particular first.
_OF_ERROR: tuple[tuple[type[LookalikeError], int, str], ...] = (
    (NoFaceError, 422, "no_face"),
    (ImageError, 422, "unusable_picture"),
    (VectorError, 422, "unusable_vectors"),
    (InputError, 422, "unusable_input"),
    (UnknownIdentityError, 404, "unknown_identity"),
    (StorageError, 503, "storage"),
    (MissingDependencyError, 503, "missing_dependency"),
    (ArtefactError, 503, "artefact"),
)


class Refused(HTTPException):
    """The service refuses a request for a reason of its own.

    Args:
        status: of HTTP.
        code: for programs.
        message: for people.
        details: what else is known.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.code, self.message, self.details = code, message, dict(details or {})


def problem_response(problem: Refused, request_id: str) -> JSONResponse:
    """The answer that says why."""
    told = Problem(code=problem.code, message=problem.message, details=problem.details, request_id=request_id)
    return JSONResponse(ProblemAnswer(error=told).model_dump(), problem.status_code, problem.headers)


def answer_problems(app: FastAPI) -> None:
    """Give an application one form for all errors that are expected; `RequestFrame` answers all others."""

    async def respond(request: Request, error: Exception) -> JSONResponse:
        refused = refusal(error)
        request.state.refused = refused.code
        if refused.status_code == 405:  # Starlette names the methods of one route; several have the same address
            refused.headers = {"Allow": ", ".join(_methods_at(app, request.url.path))}
        return problem_response(refused, request.state.request_id)

    for kind in (LookalikeError, Overloaded, TookTooLong, NoDecoder, RequestValidationError, StarletteHTTPException):
        app.add_exception_handler(kind, respond)


def _methods_at(app: FastAPI, path: str) -> list[str]:
    """The methods that some route at this address takes."""
    return sorted({method for pattern, methods in app.state.addresses if pattern.match(path) for method in methods})


def refusal(error: Exception) -> Refused:
    """What is told of an error."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, Overloaded):
        return Refused(503, "overloaded", str(error), headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, TookTooLong | NoDecoder):
        return Refused(503, "timeout", f"{error}; ask again later", headers={"Retry-After": "1"})
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, StarletteHTTPException):
        code = _OF_STATUS.get(error.status_code, "refused")
        return Refused(error.status_code, code, str(error.detail), headers=error.headers)
    for kind, status, code in _OF_ERROR:
        if isinstance(error, kind):
            full = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENOSPC
            return Refused(507 if full else status, code, str(error))
    return Refused(500, "internal", "the service failed; its log says why, under this request's id")


def _invalid(error: RequestValidationError) -> Refused:
    """What is wrong with which field; what was given is not repeated: it may be a picture or a name."""
    fields = [
        {"field": ".".join(map(str, one["loc"][1:] or one["loc"])), "message": one["msg"].removeprefix("Value error, ")}
        for one in error.errors()
    ]
    first = fields[0]
    return Refused(422, "invalid_request", f"{first['field']}: {first['message']}", {"fields": fields[:20]})
