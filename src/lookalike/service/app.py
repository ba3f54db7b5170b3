"""The application: settings in, FastAPI out; what it holds begins and ends with it."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from lookalike import __version__
from lookalike.service.admission import Admission
from lookalike.service.answered_requests import AnsweredRequests
from lookalike.service.api_keys import ApiKeys
from lookalike.service.callers import Doors
from lookalike.service.decoders import Decoders
from lookalike.service.jobs.job_runner import JobRunner
from lookalike.service.jobs.job_store import JobStore
from lookalike.service.measures import Measures
from lookalike.service.middleware import RequestFrame
from lookalike.service.problems import answer_problems
from lookalike.service.recognition import Recognition
from lookalike.service.routes import ROUTERS
from lookalike.service.settings import ServiceSettings
from lookalike.service.starting import open_recognizer

if TYPE_CHECKING:
    from lookalike.recognizer import Recognizer

__all__ = ["create_app"]

_LOGGER = logging.getLogger(__name__)

_ABOUT = """Recognise faces or landmarks: detect, embed, verify (1:1) and identify (1:N, or nobody) pictures, and keep
the gallery of who is known. Every request needs an API key: `Authorization: Bearer KEY`. Pictures come as
`multipart/form-data` or as base64 in JSON; paths and addresses are never read. Every refusal has the form
`{"error": {"code", "message", "details", "request_id"}}`."""


def create_app(settings: ServiceSettings, recognizer: Recognizer | None = None, *, console: bool = False) -> FastAPI:
    """The service as an ASGI application. The model is loaded when it starts; until then it is alive, but not ready.

    Args:
        settings: what it is told.
        recognizer: what answers, where the program has one already; it is not closed. By default that of the settings.
        console: with pages for the browser below `/console`; of one application in a process.

    Example:
        >>> uvicorn.run(create_app(ServiceSettings(model="dlib", gallery="people.gallery")))    # doctest: +SKIP
    """
    measures = Measures()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as opened:
            recognition = await run_in_threadpool(_recognition, settings, recognizer, measures, opened)
            admission = Admission(settings.threads, settings.queue, settings.request_seconds)
            opened.callback(admission.close)  # before what its threads use is closed
            measures.watch("working_requests", "Requests that are worked on or wait", lambda: admission.working)
            measures.watch("refused_requests", "Requests refused because the queue was full", lambda: admission.refused)
            app.state.admission, app.state.recognition = admission, recognition
            runner = JobRunner(app.state.jobs, settings)
            runner.start()
            opened.callback(runner.stop)
            _end_streams_at_signals(app)
            _LOGGER.info("ready: model %s, %s", recognition.recognizer.embedder.name, recognition.recognizer.gallery)
            yield
            app.state.stopping = True
            await run_in_threadpool(opened.close)

    app = FastAPI(
        title="Lookalike",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
    )
    app.state.settings, app.state.measures = settings, measures
    app.state.jobs, app.state.stopping = JobStore(settings.state_folder / "jobs"), False
    answered = settings.state_folder / "answered.sqlite3"
    app.state.answered = AnsweredRequests(answered, settings.request_seconds + settings.shutdown_seconds)
    app.state.doors = Doors(ApiKeys(settings.keys_file), settings.rate)
    answer_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    app.state.addresses = [(compile_path(route.path)[0], route.methods) for route in routes]
    app.add_middleware(
        RequestFrame,
        hosts=settings.hosts,
        max_body=settings.max_body,
        upload_seconds=settings.upload_seconds,
        most=settings.threads + settings.queue,
        measures=measures,
        tiles=settings.map_tiles_from,
    )
    if console:
        from lookalike.service.console.mounting import mount_console  # takes a second, and not every service has one

        mount_console(app)
    return app


def _end_streams_at_signals(app: FastAPI) -> None:
    """Let streams of events end when the service is asked to: its server waits for them before it tells us."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)

        def stop(number: int, frame: FrameType | None, before: Any = before) -> None:
            app.state.stopping = True
            if callable(before):
                before(number, frame)

        signal.signal(number, stop)


def _recognition(
    settings: ServiceSettings, recognizer: Recognizer | None, measures: Measures, opened: ExitStack
) -> Recognition:
    """Everything that answers, opened and warm."""
    answering, batches = open_recognizer(settings, recognizer, opened)
    decoders = Decoders(settings.decoders, settings.decode_seconds, settings.decode_memory, settings.max_pixels)
    decoders.start()
    made = Recognition(answering, decoders, settings.decoders, measures)
    opened.callback(made.close)
    measures.watch("embedding_calls", "Calls of the network", lambda: batches.calls)
    measures.watch("embedded_pictures", "Pictures that passed the network", lambda: batches.rows)
    measures.watch("decoders", "Decoding processes that run", lambda: decoders.alive)
    measures.watch("dead_decoders", "Decoding processes that had to be replaced", lambda: decoders.died)
    measures.watch("templates", "Templates in the gallery", lambda: answering.gallery.counts().templates)
    return made
