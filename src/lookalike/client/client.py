"""A client for programs without asyncio."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from pydantic import BaseModel

from lookalike.client import calls
from lookalike.client.calls import Call, Filter, Given, Picture
from lookalike.client.sending import (
    LOST,
    LOST_WAIT,
    answer_of,
    error_of,
    event_of,
    request_of,
    service_address,
    wait_of,
)
from lookalike.errors import ServiceError
from lookalike.service.schemas.faces import Detected
from lookalike.service.schemas.jobs import JobAnswer, JobEvent, JobFiles, Jobs
from lookalike.service.schemas.people import ActAnswer, Acts, Enrolled, Forgotten, PeoplePage, Person, PersonDetails
from lookalike.service.schemas.recognition import Embedded, Identification, Verified
from lookalike.service.schemas.state import (
    AuditEntryAnswer,
    AuditVerdict,
    EvaluationSummary,
    GalleryState,
    ServiceState,
    Thresholds,
)

__all__ = ["Client"]

Answer = TypeVar("Answer", bound=BaseModel)


class Client:
    """A Lookalike service. Safe to use from several threads; connections are kept until `close`.

    Args:
        address: such as `http://127.0.0.1:8765`.
        key: an API key, as `lookalike keys add` printed it.
        timeout: seconds that an answer may take.
        retries: times that a request is sent again after the service said that it is busy, or a connection was lost.
        transport: of httpx, for tests.

    Raises:
        ServiceError: from every method: the service refused, with its code and message, or cannot be reached.
        ImageError: a picture file cannot be read.

    Example:
        >>> with Client("http://127.0.0.1:8765", key="lk-...") as client:    # doctest: +SKIP
        ...     client.verify("a.jpg", "b.jpg").match
        True
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        timeout: float = 60.0,
        retries: int = 2,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx2.Client(
            base_url=service_address(address),
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout,
            transport=transport,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, call: Call[Answer]) -> Answer:
        """Send a request, again where the service is busy or the connection is lost, and read the answer."""
        request: dict[str, Any] = request_of(call)
        for attempt in range(self._retries + 1):
            try:
                response = self._http.request(**request)
            except httpx2.HTTPError as error:
                if isinstance(error, LOST) and attempt < self._retries:
                    time.sleep(LOST_WAIT)
                    continue
                raise ServiceError(f"{self._http.base_url} cannot be reached: {error}") from error
            wait = wait_of(response)
            if wait is None or attempt == self._retries:
                break
            time.sleep(wait)
        return answer_of(call, response)

    # --- questions ----------------------------------------------------------------------------------------

    def detect(self, pictures: Given, smallest_face: int = 0) -> Detected:
        """Which faces do pictures show?"""
        return self.send(calls.detect(pictures, smallest_face))

    def embed(self, pictures: Given) -> Embedded:
        """The vectors of pictures."""
        return self.send(calls.embed(pictures))

    def verify(self, a: Picture, b: Picture) -> Verified:
        """Do two pictures show the same identity?"""
        return self.send(calls.verify(a, b))

    def identify(
        self,
        pictures: Given,
        top: int = 5,
        *,
        all_faces: bool = False,
        smallest_face: int = 0,
        where: Filter | None = None,
    ) -> Identification:
        """Who is in pictures, of all in the gallery, or nobody?"""
        return self.send(calls.identify(pictures, top, all_faces, smallest_face, where))

    def identify_vectors(self, vectors: Any, top: int = 5, *, where: Filter | None = None) -> Identification:
        """The same for vectors `(q, d)` that `embed` gave."""
        return self.send(calls.identify_vectors(vectors, top, where))

    # --- people -------------------------------------------------------------------------------------------

    def enroll(
        self,
        name: str,
        pictures: Given,
        *,
        tags: Mapping[str, str] | None = None,
        keep_pictures: bool = False,
        key: str | None = None,
    ) -> Enrolled:
        """Enroll pictures of a person; `key` is an idempotency key, by default a new one."""
        return self.send(calls.enroll("POST", name, pictures, tags, keep_pictures, key))

    def replace(
        self,
        name: str,
        pictures: Given,
        *,
        tags: Mapping[str, str] | None = None,
        keep_pictures: bool = False,
        key: str | None = None,
    ) -> Enrolled:
        """The same, and the person has these templates only."""
        return self.send(calls.enroll("PUT", name, pictures, tags, keep_pictures, key))

    def page(self, limit: int = 100, *, after: str = "", prefix: str = "", where: Filter | None = None) -> PeoplePage:
        """Some people by name."""
        return self.send(calls.page(limit, after, prefix, where))

    def people(self, *, prefix: str = "", where: Filter | None = None) -> Iterator[Person]:
        """All people by name, read page by page."""
        after: str | None = ""
        while after is not None:
            page = self.page(1000, after=after, prefix=prefix, where=where)
            yield from page.people
            after = page.next

    def person(self, name: str) -> PersonDetails:
        """A person, with the templates."""
        return self.send(calls.person(name))

    def tag(self, name: str, tags: Mapping[str, str | None]) -> PersonDetails:
        """Set tags of a person; None takes one away."""
        return self.send(calls.tag(name, tags))

    def rename(self, name: str, to: str, *, key: str | None = None) -> ActAnswer:
        """Give a person another name."""
        return self.send(calls.rename(name, to, key))

    def merge(self, names: Sequence[str], into: str, *, key: str | None = None) -> ActAnswer:
        """Make several people one."""
        return self.send(calls.merge(names, into, key))

    def split(self, name: str, template_ids: Sequence[int], into: str, *, key: str | None = None) -> ActAnswer:
        """Give some templates of a person to another one."""
        return self.send(calls.split(name, template_ids, into, key))

    def undo(self, act_id: int, *, key: str | None = None) -> ActAnswer:
        """Take an act back."""
        return self.send(calls.undo(act_id, key))

    def acts(self, limit: int = 100) -> Acts:
        """The last renamings, mergings and splittings, newest first."""
        return self.send(calls.acts(limit))

    def forget(self, name: str, *, key: str | None = None) -> Forgotten:
        """Delete a person for good."""
        return self.send(calls.forget(name, key))

    def forget_template(self, template_id: int, *, key: str | None = None) -> Forgotten:
        """Delete one template; one that is not there is passed over."""
        return self.send(calls.forget_template(template_id, key))

    def forget_before(self, moment: str, *, key: str | None = None) -> Forgotten:
        """Delete what was enrolled before a moment, ISO 8601."""
        return self.send(calls.forget_before(moment, key))

    # --- jobs ---------------------------------------------------------------------------------------------

    def start_job(self, kind: str, *, key: str | None = None, **options: Any) -> JobAnswer:
        """Put a job into the queue: `doctor`, `evaluate`, `train` or `reembed`, with its options."""
        return self.send(calls.start_job({"kind": kind, **options}, key))

    def job(self, job_id: str) -> JobAnswer:
        """How a job stands."""
        return self.send(calls.job(job_id))

    def jobs(self, limit: int = 100) -> Jobs:
        """Jobs, the newest first."""
        return self.send(calls.jobs(limit))

    def cancel_job(self, job_id: str) -> JobAnswer:
        """Ask a job to end."""
        return self.send(calls.cancel_job(job_id))

    def job_events(self, job_id: str, after: int = 0) -> Iterator[JobEvent]:
        """The events of a job as they come, until it has ended."""
        headers = {"Last-Event-ID": str(after)}
        try:
            with self._http.stream("GET", calls.job_events_path(job_id), headers=headers) as response:
                if response.status_code >= 400:
                    response.read()
                    raise error_of(response)
                for line in response.iter_lines():
                    if (event := event_of(line)) is not None:
                        yield event
        except httpx2.HTTPError as error:
            raise ServiceError(f"{self._http.base_url} cannot be reached: {error}") from error

    def job_files(self, job_id: str) -> JobFiles:
        """What a job has written: names, and bytes of each."""
        return self.send(calls.job_files(job_id))

    def job_file(self, job_id: str, name: str) -> bytes:
        """The content of such a file."""
        try:
            response = self._http.get(calls.job_file_path(job_id, name))
        except httpx2.HTTPError as error:
            raise ServiceError(f"{self._http.base_url} cannot be reached: {error}") from error
        if response.status_code >= 400:
            raise error_of(response)
        return response.content

    # --- the service --------------------------------------------------------------------------------------

    def service(self) -> ServiceState:
        """What answers: version, model, limits, and the role of the key."""
        return self.send(calls.SERVICE)

    def gallery(self) -> GalleryState:
        """How much the gallery holds."""
        return self.send(calls.GALLERY)

    def thresholds(self) -> Thresholds:
        """By which distances answers are decided, and what that promises."""
        return self.send(calls.THRESHOLDS)

    def evaluation(self) -> EvaluationSummary:
        """What was measured of the model; a `ServiceError` of status 404 where nothing was."""
        return self.send(calls.EVALUATION)

    def audit(self, after: int = 0) -> Iterator[AuditEntryAnswer]:
        """The entries of the audit log that follow a number, read page by page."""
        start: int | None = after
        while start is not None:
            page = self.send(calls.audit(start, 1000))
            yield from page.entries
            start = page.next

    def audit_verdict(self) -> AuditVerdict:
        """Whether the audit log is what was written."""
        return self.send(calls.AUDIT_VERDICT)

    def ready(self) -> bool:
        """Whether the service can be asked."""
        try:
            return self.send(calls.READY).status == "ok"
        except ServiceError:
            return False
