"""Serve: keys, socket, logs, and uvicorn in one process or several."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import uvicorn
from uvicorn.supervisors import Multiprocess

from lookalike.errors import InputError
from lookalike.service.api_keys import ApiKeys
from lookalike.service.log_lines import log_to_stderr
from lookalike.service.measures import MULTIPROCESS_VARIABLE
from lookalike.service.settings import ServiceSettings

__all__ = ["Started", "application", "serve"]

#: uvloop takes one connection from a socket in each of its turns, which are long when it is busy: of 256 clients that
#: came at once the last waited 5 s. From so many copies of the socket it takes as many.
_ACCEPTING = 16
#: Hands the settings to the processes that answer.
_SETTINGS = "LOOKALIKE_SETTINGS_OF_WORKERS"


@dataclass(frozen=True)
class Started:
    """A service that listens.

    Attributes:
        address: where it answers.
        keys: the file of the API keys.
        first_key: the key that was made because there was none; None where there was one. It is kept nowhere.
    """

    address: str
    keys: str
    first_key: str | None = None


def serve(settings: ServiceSettings, started: Callable[[Started], None]) -> None:
    """Answer requests until SIGTERM or SIGINT; what was accepted is finished.

    Args:
        settings: of the service.
        started: told once it listens.

    Raises:
        InputError: the address cannot be listened on.
        LookalikeError: model or gallery cannot be opened, or do not belong together.
    """
    _check(settings)
    keys = ApiKeys(settings.keys_file)
    first = None if keys.listed() else keys.add("first key", "admin")[0]
    with ExitStack() as opened:
        listening = opened.enter_context(_listening(settings))
        if settings.workers > 1:
            os.environ[MULTIPROCESS_VARIABLE] = opened.enter_context(
                tempfile.TemporaryDirectory(prefix="lookalike-measures-")
            )
        os.environ[_SETTINGS] = settings.model_dump_json()
        opened.callback(os.environ.pop, _SETTINGS, None)
        config = uvicorn.Config(
            "lookalike.service.run:application",
            factory=True,
            log_config=None,
            access_log=False,
            server_header=False,
            workers=settings.workers,
            timeout_graceful_shutdown=round(settings.shutdown_seconds),
        )
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        started(Started(f"http://{shown}:{port}", str(settings.keys_file), first))
        log_to_stderr(settings.log_format)
        same = [listening, *(opened.enter_context(listening.dup()) for _ in range(_ACCEPTING - 1))]
        if settings.workers > 1:
            Multiprocess(config, same).run()
        else:
            _run_alone(uvicorn.Server(config), same)


def application() -> object:
    """The application of a process that answers, from what `serve` left in the environment."""
    from lookalike.service.app import create_app

    settings = ServiceSettings.model_validate_json(os.environ[_SETTINGS])
    log_to_stderr(settings.log_format)
    return create_app(settings, console=settings.console and settings.workers == 1)


def _check(settings: ServiceSettings) -> None:
    """Refuse what cannot be opened before anything listens: in a line, not in the trace of a process that died."""
    from lookalike.service.starting import open_recognizer

    with ExitStack() as opened:
        open_recognizer(settings, None, opened, warm=False)


def _listening(settings: ServiceSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections have it from here: else a body may wait 40 ms for the confirmation of its head.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.bind((settings.host, settings.port))
        made.listen(2048)
        made.set_inheritable(True)
    except OSError as error:
        made.close()
        raise InputError(
            f"{settings.host} port {settings.port} cannot be listened on: {error.strerror}; "
            "give another --port or --host"
        ) from None
    return made


def _run_alone(server: uvicorn.Server, listening: list[socket.socket]) -> None:
    # uvicorn ends well at a signal, and then raises it again, for whoever had a handler: that must not kill us.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(listening)
