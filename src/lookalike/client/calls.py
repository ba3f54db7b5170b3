"""Each request of the API as data, for both clients: method, address, what is sent, and what comes back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from lookalike.errors import ImageError, InputError
from lookalike.service.schemas.faces import Detected
from lookalike.service.schemas.jobs import JobAnswer, JobFiles, Jobs
from lookalike.service.schemas.people import ActAnswer, Acts, Enrolled, Forgotten, PeoplePage, PersonDetails
from lookalike.service.schemas.recognition import Embedded, Identification, Verified
from lookalike.service.schemas.state import (
    AuditPage,
    AuditVerdict,
    EvaluationSummary,
    GalleryState,
    Health,
    ServiceState,
    Thresholds,
)

__all__ = ["Call", "Filter", "Given", "Picture"]

Answer = TypeVar("Answer", bound=BaseModel)

#: A picture file's path, or its bytes.
Picture = str | PathLike[str] | bytes
#: One picture or several.
Given = Picture | Iterable[Picture]
#: Tags that somebody must have: of every key the value, or one of several values.
Filter = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One request.

    Attributes:
        method: of HTTP.
        path: below the service's address.
        answer: what comes back.
        params: of the address.
        body: of JSON; None where nothing, or a form, is sent.
        form: fields of a form, beside `pictures`.
        pictures: bytes of picture files, sent as a form.
        headers: of the request.
    """

    method: str
    path: str
    answer: type[Answer]
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def _bytes(picture: Picture) -> bytes:
    if isinstance(picture, bytes):
        return picture
    if not isinstance(picture, str | PathLike):
        raise InputError(f"{type(picture).__name__} is no picture; give the path of a file, or its bytes")
    try:
        return Path(picture).read_bytes()
    except OSError as error:
        raise ImageError(f"{picture} cannot be read: {error.strerror}") from None


def _pictures(given: Given) -> list[bytes]:
    several = [given] if isinstance(given, str | bytes | PathLike) else list(given)
    if not several:
        raise InputError("no pictures were given; give at least one")
    return [_bytes(one) for one in several]


def _fields(**given: Any) -> dict[str, str]:
    """Fields of a form: texts as they are, all else as JSON; what is None is left out."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in given.items()
        if value is not None
    }


def _once(key: str | None) -> dict[str, str]:
    """The header of an act: with a key, one that is sent again after a lost answer is done once."""
    return {"Idempotency-Key": secrets.token_hex(16) if key is None else key}


def _person(name: str) -> str:
    if name in (".", ".."):
        raise InputError(f"{name!r} cannot stand in an address; rename the person first")
    return f"/v1/people/{quote(name, safe='')}"


def detect(pictures: Given, smallest_face: int) -> Call[Detected]:
    """Which faces do pictures show?"""
    form = _fields(smallest_face=smallest_face)
    return Call("POST", "/v1/detect", Detected, form=form, pictures=_pictures(pictures))


def embed(pictures: Given) -> Call[Embedded]:
    """The vectors of pictures."""
    return Call("POST", "/v1/embed", Embedded, pictures=_pictures(pictures))


def verify(a: Picture, b: Picture) -> Call[Verified]:
    """Do two pictures show the same identity?"""
    return Call("POST", "/v1/verify", Verified, pictures=[_bytes(a), _bytes(b)])


def identify(
    pictures: Given, top: int, all_faces: bool, smallest_face: int, where: Filter | None
) -> Call[Identification]:
    """Who is in pictures, or nobody?"""
    form = _fields(top=top, all_faces=all_faces, smallest_face=smallest_face, where=where)
    return Call("POST", "/v1/identify", Identification, form=form, pictures=_pictures(pictures))


def identify_vectors(vectors: Any, top: int, where: Filter | None) -> Call[Identification]:
    """Whose vectors are these, or nobody's?"""
    listed = vectors.tolist() if hasattr(vectors, "tolist") else [list(one) for one in vectors]
    body = {"vectors": listed, "top": top} | ({} if where is None else {"where": where})
    return Call("POST", "/v1/identify/vectors", Identification, body=body)


def enroll(
    method: str, name: str, pictures: Given, tags: Mapping[str, str] | None, keep_pictures: bool, key: str | None
) -> Call[Enrolled]:
    """Enroll pictures of a person (POST), or replace what there is (PUT)."""
    form = _fields(name=name, tags=tags, keep_pictures=keep_pictures)
    return Call(method, "/v1/people", Enrolled, form=form, pictures=_pictures(pictures), headers=_once(key))


def page(limit: int, after: str, prefix: str, where: Filter | None) -> Call[PeoplePage]:
    """Some people by name."""
    tags = [
        f"{key}={value}"
        for key, values in (where or {}).items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return Call("GET", "/v1/people", PeoplePage, params={"limit": limit, "after": after, "prefix": prefix, "tag": tags})


def person(name: str) -> Call[PersonDetails]:
    """A person, with the templates."""
    return Call("GET", _person(name), PersonDetails)


def tag(name: str, tags: Mapping[str, str | None]) -> Call[PersonDetails]:
    """Set tags of a person."""
    return Call("PATCH", _person(name), PersonDetails, body={"tags": tags})


def forget(name: str, key: str | None) -> Call[Forgotten]:
    """Delete a person for good."""
    return Call("DELETE", _person(name), Forgotten, headers=_once(key))


def forget_template(template_id: int, key: str | None) -> Call[Forgotten]:
    """Delete one template."""
    return Call("DELETE", f"/v1/templates/{template_id}", Forgotten, headers=_once(key))


def forget_before(moment: str, key: str | None) -> Call[Forgotten]:
    """Delete what was enrolled before a moment."""
    return Call("POST", "/v1/retention", Forgotten, body={"moment": moment}, headers=_once(key))


def rename(name: str, to: str, key: str | None) -> Call[ActAnswer]:
    """Give a person another name."""
    return Call("POST", "/v1/renames", ActAnswer, body={"name": name, "to": to}, headers=_once(key))


def merge(names: Sequence[str], into: str, key: str | None) -> Call[ActAnswer]:
    """Make several people one."""
    return Call("POST", "/v1/merges", ActAnswer, body={"names": list(names), "into": into}, headers=_once(key))


def split(name: str, template_ids: Sequence[int], into: str, key: str | None) -> Call[ActAnswer]:
    """Give templates to another."""
    body = {"name": name, "template_ids": list(template_ids), "into": into}
    return Call("POST", "/v1/splits", ActAnswer, body=body, headers=_once(key))


def undo(act_id: int, key: str | None) -> Call[ActAnswer]:
    """Take an act back."""
    return Call("POST", f"/v1/acts/{act_id}/undo", ActAnswer, headers=_once(key))


def acts(limit: int) -> Call[Acts]:
    """The last acts."""
    return Call("GET", "/v1/acts", Acts, params={"limit": limit})


def audit(after: int, limit: int) -> Call[AuditPage]:
    """Some entries of the audit log."""
    return Call("GET", "/v1/audit", AuditPage, params={"after": after, "limit": limit})


def start_job(asked: Mapping[str, Any], key: str | None) -> Call[JobAnswer]:
    """Put a job into the queue."""
    return Call("POST", "/v1/jobs", JobAnswer, body=asked, headers=_once(key))


def job(job_id: str) -> Call[JobAnswer]:
    """How a job stands."""
    return Call("GET", f"/v1/jobs/{quote(job_id, safe='')}", JobAnswer)


def jobs(limit: int) -> Call[Jobs]:
    """Jobs, the newest first."""
    return Call("GET", "/v1/jobs", Jobs, params={"limit": limit})


def cancel_job(job_id: str) -> Call[JobAnswer]:
    """Ask a job to end."""
    return Call("POST", f"/v1/jobs/{quote(job_id, safe='')}/cancel", JobAnswer)


def job_files(job_id: str) -> Call[JobFiles]:
    """What a job has written."""
    return Call("GET", f"/v1/jobs/{quote(job_id, safe='')}/files", JobFiles)


def job_events_path(job_id: str) -> str:
    """Where a job's events are."""
    return f"/v1/jobs/{quote(job_id, safe='')}/events"


def job_file_path(job_id: str, name: str) -> str:
    """Where a file that a job has written is."""
    return f"/v1/jobs/{quote(job_id, safe='')}/files/{quote(name)}"


#: Requests without anything to say.
AUDIT_VERDICT = Call("GET", "/v1/audit/verdict", AuditVerdict)
EVALUATION = Call("GET", "/v1/evaluation", EvaluationSummary)
GALLERY = Call("GET", "/v1/gallery", GalleryState)
READY = Call("GET", "/health/ready", Health)
SERVICE = Call("GET", "/v1/service", ServiceState)
THRESHOLDS = Call("GET", "/v1/thresholds", Thresholds)
