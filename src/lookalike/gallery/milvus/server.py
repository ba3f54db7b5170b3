"""The connection to a Milvus server: requests, its errors in our words, and one new connection where one broke."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError, LookalikeError, MissingDependencyError, StorageError
from lookalike.gallery.milvus.address import TOKEN_VARIABLE, MilvusAddress

if TYPE_CHECKING:
    from pymilvus import MilvusClient

__all__ = ["Interrupted", "Server"]

_log = logging.getLogger(__name__)

#: Seconds that a connection may take to be made, a request to be answered, and a server to be ready after a restart.
_CONNECTING, _ANSWERING, _RECOVERING = 10.0, 30.0, 90.0
_PAUSE = 0.25
#: What Milvus says while it starts: its parts find each other, and collections are loaded again.
_STARTING = (
    "not loaded", "no available", "not available", "unavailable", "not ready", "not healthy", "not found in",
    "node not match", "service not", "channel not", "collection on recovering", "fail connecting", "retry run out",
    "session not", "retry timeout", "no vchannel", "nodeid", "lack of", "deadline exceeded", "connection refused",
    "failed to connect", "server is not", "state code", "shard delegator",
)  # fmt: skip
_REFUSED = ("auth check failure", "missing authorization", "unauthenticated", "permission deny", "invalid token")


class Interrupted(StorageError):  # noqa: N818 - says what happened
    """The server went away or was starting while it was asked; whether a change was made is not known."""


class Unreachable(Interrupted):
    """Nothing answers at the address."""


class Server:
    """Requests to one server, for the threads of one process.

    Args:
        address: where it is.

    Raises:
        MissingDependencyError: pymilvus is not installed.
        StorageError: the server does not answer.
        InputError: it refuses the credentials.
    """

    def __init__(self, address: MilvusAddress) -> None:
        self.address, self._process = address, os.getpid()
        self._client: MilvusClient | None = self._connected()

    def _connected(self) -> MilvusClient:
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise MissingDependencyError(
                f"{self.address} needs pymilvus, which is not installed; install lookalike[milvus]"
            ) from error
        # It prints what it raises with a traceback, by a handler of its own.
        logger = logging.getLogger("pymilvus")
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL)
        try:
            return MilvusClient(self.address.uri, token=self.address.token, timeout=_CONNECTING, dedicated=True)
        except Exception as error:
            raise self._translated(error, "reached") from error

    def ask(self, request: str, *args: Any, **options: Any) -> Any:
        """A request that may be repeated, such as a search; waits for a server that is just starting.

        Args:
            request: a method of `pymilvus.MilvusClient`.
            *args: its arguments.
            **options: its keywords.

        Raises:
            StorageError: the server does not answer, or cannot.
            InputError: it refuses the credentials.
        """
        until, reconnected = time.monotonic() + _RECOVERING, False
        while True:
            try:
                return self.change(request, *args, **options)
            except Unreachable:
                if reconnected:
                    raise
                # The old one is not closed: other threads may be waiting for answers by it.
                self._client, reconnected = self._connected(), True
            except Interrupted as error:
                if time.monotonic() > until:
                    raise
                _log.info("%s; asking again", error)
                time.sleep(_PAUSE)

    def change(self, request: str, *args: Any, **options: Any) -> Any:
        """A request that is made once.

        Raises:
            Interrupted: nobody knows whether it was carried out.
            StorageError, InputError: as `ask`.
        """
        client = self._client
        if client is None:
            raise InputError(f"the gallery {self.address} is closed; open it again")
        if self._process != os.getpid():  # gRPC's threads do not survive a fork
            raise InputError(f"the gallery {self.address} was opened before a fork; open it again in this process")
        options.setdefault("timeout", _ANSWERING)
        try:
            return getattr(client, request)(*args, **options)
        except Exception as error:
            raise self._translated(error, request) from error

    def _translated(self, error: Exception, done: str) -> LookalikeError:
        said = " ".join(_said(error).split())
        lower = said.lower()
        # A connection that is refused for its credentials says so only in its cause.
        cause = "" if error.__cause__ is None else _said(error.__cause__).lower()
        if any(text in lower or text in cause for text in _REFUSED):
            return InputError(
                f"{self.address.server} refuses the user or token; give milvus://user:password@{self.address.server}"
                f"/{self.address.name}, or set {TOKEN_VARIABLE}"
            )
        module = type(error).__module__
        if not module.startswith(("pymilvus", "grpc")):
            raise error
        if "fail connecting" in lower or "connection refused" in lower or "failed to connect" in lower:
            return Unreachable(f"no Milvus server answers at {self.address.server}; start it, or correct the address")
        kind = Interrupted if module.startswith("grpc") or any(text in lower for text in _STARTING) else StorageError
        return kind(f"{self.address} could not be asked ({done}): {said[:300]}; look at the server's log")

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._client is None

    def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None and self._process == os.getpid():
            client.close()


def _said(error: BaseException) -> str:
    """What pymilvus or gRPC say of an error."""
    return str(getattr(error, "message", "") or getattr(error, "details", lambda: "")() or error)
