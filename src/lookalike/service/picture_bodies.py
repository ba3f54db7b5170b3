"""The body of a request with pictures: a multipart form or JSON, read into one model; all of it stays in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from lookalike.service.problems import Refused
from lookalike.service.schemas.picture_requests import PictureRequest
from lookalike.service.settings import ServiceSettings

__all__ = ["described_body", "picture_body"]

Body = TypeVar("Body", bound=PictureRequest)

FORM, JSON = "multipart/form-data", "application/json"
#: Fields of a form besides the pictures, and bytes of each.
_FIELDS, _FIELD_BYTES = 20, 64 * 1024
#: Fields that are written as JSON in a form.
_JSON_FIELDS = ("tags", "where")


def picture_body(model: type[Body]) -> Callable[[Request], Coroutine[Any, Any, Body]]:
    """A dependency: the body of a request, as the model.

    Raises:
        Refused: another content type, a form that cannot be read, or too many pictures.
        RequestValidationError: a field that is missing, unknown or out of range.
    """

    async def read(request: Request) -> Body:
        settings: ServiceSettings = request.app.state.settings
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type == FORM:
            given: Any = await _form(request, settings)
        elif content_type == JSON:
            content = await request.body()
            given = await run_in_threadpool(_json, content)
        else:
            raise Refused(
                415, "unsupported_media_type", f"the content type is {content_type[:100]!r}; send {FORM} or {JSON}"
            )
        if isinstance(given, dict) and isinstance(given.get("pictures"), list):
            count = len(given["pictures"])
            if count > settings.max_pictures:
                raise Refused(
                    422,
                    "too_many_pictures",
                    f"{count} pictures were sent; at most {settings.max_pictures} are taken at once",
                    {"max_pictures": settings.max_pictures},
                )
        try:
            return await run_in_threadpool(model.model_validate, given)
        except ValidationError as error:
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None

    return read


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Refused(400, "bad_request", "the body is no JSON; /v1/openapi.json says what is expected") from None


async def _form(request: Request, settings: ServiceSettings) -> dict[str, Any]:
    """The fields of a form: files as bytes, lists and numbers as the model reads them from text."""
    parser = MultiPartParser(
        request.headers,
        request.stream(),
        max_files=settings.max_pictures + 1,  # one more, to say so
        max_fields=_FIELDS,
        max_part_size=_FIELD_BYTES,
    )
    parser.spool_max_size = settings.max_body + 1  # pictures are never written to the disk
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refused(400, "bad_request", f"the form cannot be read: {error.message}") from None
    except (KeyError, UnicodeDecodeError, LookupError):
        raise Refused(
            400, "bad_request", "the form cannot be read: its parts are not described as they should"
        ) from None
    given: dict[str, Any] = {}
    for name, value in form.multi_items():
        content = await value.read() if isinstance(value, UploadFile) else value
        if name == "pictures":
            given.setdefault(name, []).append(content)
        elif name in given:
            raise Refused(422, "invalid_request", f"{name[:100]}: given more than once")
        else:
            given[name] = _json(content.encode()) if name in _JSON_FIELDS and isinstance(content, str) else content
    await form.close()
    return given


def described_body(model: type[PictureRequest]) -> dict[str, Any]:
    """The body for OpenAPI, which FastAPI cannot tell by itself: as JSON, and as a form with files."""
    schema = model.model_json_schema()
    properties = dict(schema["properties"])
    picture = {"type": "string", "format": "binary"}
    properties["pictures"] = {**properties["pictures"], "items": picture}
    for name in _JSON_FIELDS:
        if name in properties:
            properties[name] = {
                "type": "string",
                "contentMediaType": JSON,
                "description": "As in JSON, written as text.",
            }
    form = {**schema, "properties": properties}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": form}, JSON: {"schema": schema}}}}
