"""How a call becomes a request, an answer becomes a model, and a refusal an error; the same for both clients."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from lookalike.client.calls import Call
from lookalike.errors import InputError, ServiceError
from lookalike.service.schemas.jobs import JobEvent
from lookalike.service.schemas.problems import ProblemAnswer

__all__ = ["LOST", "LOST_WAIT", "answer_of", "error_of", "event_of", "request_of", "service_address", "wait_of"]

Answer = TypeVar("Answer", bound=BaseModel)

#: Statuses after which the same request is sent again.
_AGAIN = (409, 429, 503)
#: The connection was lost, or could not be made, as while a service starts again. Every act carries an idempotency key,
#: so that sending one again does no harm. After a timeout nothing is sent again: the service may be too slow.
LOST = (httpx2.NetworkError, httpx2.RemoteProtocolError)
#: Seconds after which the same request is sent again then.
LOST_WAIT = 0.5
#: Seconds that `Retry-After` is followed for, at most.
_LONGEST_WAIT = 30.0


def service_address(address: str) -> str:
    """The address without a slash at its end.

    Raises:
        InputError: it is none.
    """
    if not address.startswith(("http://", "https://")):
        raise InputError(f"{address!r} is no address of a service; give one such as http://127.0.0.1:8765")
    return address.rstrip("/")


def request_of(call: Call[Any]) -> dict[str, Any]:
    """What httpx takes."""
    made: dict[str, Any] = {"method": call.method, "url": call.path, "headers": dict(call.headers)}
    if call.params:
        made["params"] = dict(call.params)
    if call.body is not None:
        made["json"] = dict(call.body)
    if call.pictures:
        made["data"] = dict(call.form)
        made["files"] = [("pictures", (f"{at}", content)) for at, content in enumerate(call.pictures)]
    return made


def wait_of(response: httpx2.Response) -> float | None:
    """Seconds after which the request is to be sent again; None where that is of no use."""
    if response.status_code not in _AGAIN or (response.status_code == 409 and "Retry-After" not in response.headers):
        return None
    try:
        return min(_LONGEST_WAIT, float(response.headers.get("Retry-After", "1")))
    except ValueError:  # a date, which our service does not send
        return None


def answer_of(call: Call[Answer], response: httpx2.Response) -> Answer:
    """The answer.

    Raises:
        ServiceError: the service refused, or something else answered.
    """
    if response.status_code < 400:
        try:
            return call.answer.model_validate_json(response.content)
        except ValidationError:
            raise ServiceError(
                f"{response.url} answered something else than expected; is it a Lookalike service of this version?",
                status=response.status_code,
                code="unexpected_answer",
            ) from None
    raise error_of(response)


def event_of(line: str) -> JobEvent | None:
    """The event in a line of a stream of server-sent events; None where it holds none."""
    return JobEvent.model_validate_json(line.removeprefix("data:")) if line.startswith("data:") else None


def error_of(response: httpx2.Response) -> ServiceError:
    """Why the service refused."""
    try:
        told = ProblemAnswer.model_validate_json(response.content).error
    except ValidationError:  # a proxy's page
        return ServiceError(
            f"{response.url} answered {response.status_code} {response.reason_phrase}",
            status=response.status_code,
            code="unexpected_answer",
        )
    return ServiceError(
        told.message,
        status=response.status_code,
        code=told.code,
        details=told.details,
        request_id=told.request_id,
    )
