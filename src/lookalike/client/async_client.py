"""A client for programs with asyncio: `Client`, with `await`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
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

__all__ = ["AsyncClient"]

Answer = TypeVar("Answer", bound=BaseModel)


class AsyncClient:
    """A Lookalike service, for one event loop; arguments and errors as of `lookalike.client.Client`.

    Example:
        >>> async with AsyncClient("http://127.0.0.1:8765", key="lk-...") as client:    # doctest: +SKIP
        ...     (await client.verify("a.jpg", "b.jpg")).match
        True
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        timeout: float = 60.0,
        retries: int = 2,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx2.AsyncClient(
            base_url=service_address(address),
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout,
            transport=transport,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a request, again where the service is busy or the connection is lost, and read the answer."""
        request: dict[str, Any] = request_of(call)
        for attempt in range(self._retries + 1):
            try:
                response = await self._http.request(**request)
            except httpx2.HTTPError as error:
                if isinstance(error, LOST) and attempt < self._retries:
                    await asyncio.sleep(LOST_WAIT)
                    continue
                raise ServiceError(f"{self._http.base_url} cannot be reached: {error}") from error
            wait = wait_of(response)
            if wait is None or attempt == self._retries:
                break
            await asyncio.sleep(wait)
        return answer_of(call, response)

    # --- questions ----------------------------------------------------------------------------------------

    async def detect(self, pictures: Given, smallest_face: int = 0) -> Detected:
        """Which faces do pictures show?"""
        return await self.send(calls.detect(pictures, smallest_face))

    async def embed(self, pictures: Given) -> Embedded:
        """The vectors of pictures."""
        return await self.send(calls.embed(pictures))

    async def verify(self, a: Picture, b: Picture) -> Verified:
        """Do two pictures show the same identity?"""
        return await self.send(calls.verify(a, b))

    async def identify(
        self,
        pictures: Given,
        top: int = 5,
        *,
        all_faces: bool = False,
        smallest_face: int = 0,
        where: Filter | None = None,
    ) -> Identification:
        """Who is in pictures, of all in the gallery, or nobody?"""
        return await self.send(calls.identify(pictures, top, all_faces, smallest_face, where))

    async def identify_vectors(self, vectors: Any, top: int = 5, *, where: Filter | None = None) -> Identification:
        """The same for vectors `(q, d)` that `embed` gave."""
        return await self.send(calls.identify_vectors(vectors, top, where))

    # --- people -------------------------------------------------------------------------------------------

    async def enroll(
        self,
        name: str,
        pictures: Given,
        *,
        tags: Mapping[str, str] | None = None,
        keep_pictures: bool = False,
        key: str | None = None,
    ) -> Enrolled:
        """Enroll pictures of a person; `key` is an idempotency key, by default a new one."""
        return await self.send(calls.enroll("POST", name, pictures, tags, keep_pictures, key))

    async def replace(
        self,
        name: str,
        pictures: Given,
        *,
        tags: Mapping[str, str] | None = None,
        keep_pictures: bool = False,
        key: str | None = None,
    ) -> Enrolled:
        """The same, and the person has these templates only."""
        return await self.send(calls.enroll("PUT", name, pictures, tags, keep_pictures, key))

    async def page(
        self, limit: int = 100, *, after: str = "", prefix: str = "", where: Filter | None = None
    ) -> PeoplePage:
        """Some people by name."""
        return await self.send(calls.page(limit, after, prefix, where))

    async def people(self, *, prefix: str = "", where: Filter | None = None) -> AsyncIterator[Person]:
        """All people by name, read page by page."""
        after: str | None = ""
        while after is not None:
            page = await self.page(1000, after=after, prefix=prefix, where=where)
            for one in page.people:
                yield one
            after = page.next

    async def person(self, name: str) -> PersonDetails:
        """A person, with the templates."""
        return await self.send(calls.person(name))

    async def tag(self, name: str, tags: Mapping[str, str | None]) -> PersonDetails:
        """Set tags of a person; None takes one away."""
        return await self.send(calls.tag(name, tags))

    async def rename(self, name: str, to: str, *, key: str | None = None) -> ActAnswer:
        """Give a person another name."""
        return await self.send(calls.rename(name, to, key))

    async def merge(self, names: Sequence[str], into: str, *, key: str | None = None) -> ActAnswer:
        """Make several people one."""
        return await self.send(calls.merge(names, into, key))

    async def split(self, name: str, template_ids: Sequence[int], into: str, *, key: str | None = None) -> ActAnswer:
        """Give some templates of a person to another one."""
        return await self.send(calls.split(name, template_ids, into, key))

    async def undo(self, act_id: int, *, key: str | None = None) -> ActAnswer:
        """Take an act back."""
        return await self.send(calls.undo(act_id, key))

    async def acts(self, limit: int = 100) -> Acts:
        """The last renamings, mergings and splittings, newest first."""
        return await self.send(calls.acts(limit))

    async def forget(self, name: str, *, key: str | None = None) -> Forgotten:
        """Delete a person for good."""
        return await self.send(calls.forget(name, key))

    async def forget_template(self, template_id: int, *, key: str | None = None) -> Forgotten:
        """Delete one template; one that is not there is passed over."""
        return await self.send(calls.forget_template(template_id, key))

    async def forget_before(self, moment: str, *, key: str | None = None) -> Forgotten:
        """Delete what was enrolled before a moment, ISO 8601."""
        return await self.send(calls.forget_before(moment, key))

    # --- jobs ---------------------------------------------------------------------------------------------

    async def start_job(self, kind: str, *, key: str | None = None, **options: Any) -> JobAnswer:
        """Put a job into the queue: `doctor`, `evaluate`, `train` or `reembed`, with its options."""
        return await self.send(calls.start_job({"kind": kind, **options}, key))

    async def job(self, job_id: str) -> JobAnswer:
        """How a job stands."""
        return await self.send(calls.job(job_id))

    async def jobs(self, limit: int = 100) -> Jobs:
        """Jobs, the newest first."""
        return await self.send(calls.jobs(limit))

    async def cancel_job(self, job_id: str) -> JobAnswer:
        """Ask a job to end."""
        return await self.send(calls.cancel_job(job_id))

    async def job_events(self, job_id: str, after: int = 0) -> AsyncIterator[JobEvent]:
        """The events of a job as they come, until it has ended."""
        headers = {"Last-Event-ID": str(after)}
        try:
            async with self._http.stream("GET", calls.job_events_path(job_id), headers=headers) as response:
                if response.status_code >= 400:
                    await response.aread()
                    raise error_of(response)
                async for line in response.aiter_lines():
                    if (event := event_of(line)) is not None:
                        yield event
        except httpx2.HTTPError as error:
            raise ServiceError(f"{self._http.base_url} cannot be reached: {error}") from error

    async def job_files(self, job_id: str) -> JobFiles:
        """What a job has written: names, and bytes of each."""
        return await self.send(calls.job_files(job_id))

    async def job_file(self, job_id: str, name: str) -> bytes:
        """The content of such a file."""
        try:
            response = await self._http.get(calls.job_file_path(job_id, name))
        except httpx2.HTTPError as error:
            raise ServiceError(f"{self._http.base_url} cannot be reached: {error}") from error
        if response.status_code >= 400:
            raise error_of(response)
        return response.content

    # --- the service --------------------------------------------------------------------------------------

    async def service(self) -> ServiceState:
        """What answers: version, model, limits, and the role of the key."""
        return await self.send(calls.SERVICE)

    async def gallery(self) -> GalleryState:
        """How much the gallery holds."""
        return await self.send(calls.GALLERY)

    async def thresholds(self) -> Thresholds:
        """By which distances answers are decided, and what that promises."""
        return await self.send(calls.THRESHOLDS)

    async def evaluation(self) -> EvaluationSummary:
        """What was measured of the model; a `ServiceError` of status 404 where nothing was."""
        return await self.send(calls.EVALUATION)

    async def audit(self, after: int = 0) -> AsyncIterator[AuditEntryAnswer]:
        """The entries of the audit log that follow a number, read page by page."""
        start: int | None = after
        while start is not None:
            page = await self.send(calls.audit(start, 1000))
            for one in page.entries:
                yield one
            start = page.next

    async def audit_verdict(self) -> AuditVerdict:
        """Whether the audit log is what was written."""
        return await self.send(calls.AUDIT_VERDICT)

    async def ready(self) -> bool:
        """Whether the service can be asked."""
        try:
            return (await self.send(calls.READY)).status == "ok"
        except ServiceError:
            return False
