"""What happens to every request around its route: host, size, time, id, headers, measures, and a line in the log."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders

from lookalike.service.admission import Overloaded
from lookalike.service.problems import Refused, problem_response, refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lookalike.service.measures import Measures

__all__ = ["CONSOLE", "REPORT_POLICY", "RequestFrame"]

_LOGGER = logging.getLogger("lookalike.service.requests")

#: A request's id may come from a proxy before us; anything else than this is replaced.
_GIVEN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")

#: Where the console's pages are.
CONSOLE = "/console"
#: Its pages run their own scripts, styles and sockets; Vue compiles its templates in the browser.
_CONSOLE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:{tiles}; font-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'self'"
)

#: What is answered also when the service is busy: whether it lives, how it does, and pages, whose acts are counted.
_ALWAYS_ANSWERED = ("/health/", "/metrics", f"{CONSOLE}/")

#: Reports of jobs hold scripts of ours; they run in a page that can reach nothing.
REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; sandbox allow-scripts"
)

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class RequestFrame:
    """The outermost application: what it refuses never reaches a route.

    Args:
        app: what answers.
        hosts: names under which it may be asked; `*` for any.
        max_body: bytes of a request.
        upload_seconds: its body may take so long to arrive.
        most: requests that are worked on or wait; those whose body is still arriving, and streams of events, are not
            counted. Further ones are refused here, where that costs a tenth of what a route does: else the loop itself
            is what all wait for.
        measures: counts requests.
        tiles: from where else pages of the console may show pictures, such as `https://tiles.example.org`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Sequence[str],
        max_body: int,
        upload_seconds: float,
        most: int,
        measures: Measures,
        tiles: str = "",
    ) -> None:
        self._app, self._hosts, self._measures = app, frozenset(hosts), measures
        self._max_body, self._upload_seconds = max_body, upload_seconds
        self._most, self._inside = most, 0
        self._console_policy = _CONSOLE_POLICY.format(tiles=f" {tiles}" if tiles else "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":  # of the console's pages, which no page elsewhere may open
            origin = headers.get("origin", "").partition("://")[2].lower()
            if self._refused(headers, scope["path"]) is None and origin in ("", headers.get("host", "").lower()):
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        given = headers.get("x-request-id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        began, status, started, counted = time.perf_counter(), 500, False, 1

        async def answer(message: Message) -> None:
            nonlocal status, started, counted
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                told = MutableHeaders(scope=message)
                told["X-Request-ID"] = request_id
                if scope["path"].startswith(f"{CONSOLE}/"):
                    told.setdefault("Content-Security-Policy", self._console_policy)
                for name, value in _HEADERS.items():
                    told.setdefault(name, value)
                if told.get("content-type", "").startswith("text/event-stream"):
                    self._inside, counted = self._inside - counted, 0
            await send(message)

        body = _Body(receive, self._max_body, self._upload_seconds)

        async def arriving() -> Message:
            if body.whole:  # what comes now tells that the caller is gone
                return await receive()
            self._inside -= 1
            try:
                return await body.receive()
            finally:
                self._inside += 1

        self._inside += counted
        try:
            refused = self._refused(headers, scope["path"]) or self._overloaded(scope["path"])
            if refused is not None:
                scope["state"]["refused"] = refused.code
                await problem_response(refused, request_id)(scope, receive, answer)
            else:
                await self._app(scope, arriving, answer)
        except Exception as error:  # a fault of ours: the caller gets the same form as for all else
            _LOGGER.exception("%s: %s", request_id, type(error).__name__)
            scope["state"]["refused"] = "internal"
            if not started:
                await problem_response(refusal(error), request_id)(scope, receive, answer)
        finally:
            self._inside -= counted
            self._note(scope, status, time.perf_counter() - began, body.size, request_id)

    def _refused(self, headers: Headers, path: str) -> Refused | None:
        """Why nothing of the request is read, or None."""
        host = headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] if ":" in host else host
        # Who looks whether we live asks by our address, as Kubernetes does; it learns nothing else.
        if "*" not in self._hosts and name not in self._hosts and not path.startswith("/health/"):
            return Refused(
                421, "unknown_host", f"this service is not called {name[:100]!r}; see the setting allowed_hosts"
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            return Refused(400, "bad_request", "the header Content-Length is no number")
        return None if int(length) <= self._max_body else _too_large(self._max_body)

    def _overloaded(self, path: str) -> Refused | None:
        if self._inside <= self._most or path.startswith(_ALWAYS_ANSWERED):
            return None
        return refusal(Overloaded(1))

    def _note(self, scope: Scope, status: int, seconds: float, size: int, request_id: str) -> None:
        # The route's pattern, not the path, which may hold a name.
        route = getattr(scope.get("route"), "path", "none")
        self._measures.request(scope["method"], route, status, seconds)
        if refused := scope["state"].get("refused"):
            self._measures.refusal(refused)
        caller = scope["state"].get("caller")
        _LOGGER.info(
            "%s %s %d",
            scope["method"],
            route,
            status,
            extra={
                "request": {
                    "id": request_id,
                    "method": scope["method"],
                    "route": route,
                    "status": status,
                    "ms": round(seconds * 1000, 1),
                    "bytes": size,
                    "key": None if caller is None else caller.key.id,
                }
            },
        )


class _Body:
    """A request's body, which may be so large and take so long to arrive."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._until: float | None = None
        self.whole = False
        self.size = 0

    async def receive(self) -> Message:
        """ASGI: the next part, until it is whole, or `Refused`."""
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                message: dict[str, Any] = dict(await self._receive())
        except TimeoutError:
            raise Refused(
                408,
                "slow_request",
                f"the body did not arrive within {self._seconds:g} s",
                headers={"Connection": "close"},
            ) from None
        self.size += len(message.get("body", b""))
        self.whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self.size > self._most:
            raise _too_large(self._most)
        return message


def _too_large(most: int) -> Refused:
    return Refused(
        413,
        "too_large",
        f"the request is larger than {most:,} bytes; send fewer or smaller pictures",
        {"max_bytes": most},
        headers={"Connection": "close"},
    )
