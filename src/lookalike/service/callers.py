"""Who asks: the key of a request, what its role may do, and how often it may ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from lookalike.service.api_keys import ApiKey, ApiKeys, Role, allows
from lookalike.service.problems import Refused

__all__ = ["Caller", "Rates", "caller_with"]

_BEARER = HTTPBearer(auto_error=False, description="An API key, as `lookalike keys add` printed it.")

#: Wrong keys a minute from one address. Each costs the service the time to hash it.
_WRONG_KEYS = 20
#: Callers that are counted; whoever has not asked for longest is let go.
_COUNTED = 10_000


@dataclass(frozen=True)
class Caller:
    """Who asks, by the key that was given."""

    key: ApiKey

    @property
    def actor(self) -> str:
        """As the audit log names the caller."""
        return f"{self.key.name} ({self.key.id})"


class Rates:
    """Buckets of tokens: each caller may ask `per_minute` times a minute, and save up one minute's worth.

    Args:
        per_minute: 0 for no limit.
        clock: seconds; for tests.

    Example:
        >>> rates = Rates(2, clock=lambda: 0.0)
        >>> [rates.wait("ada") for _ in range(3)]
        [0.0, 0.0, 30.0]
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = per_minute, clock
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, who: str, take: bool = True) -> float:
        """Take a token, or only look whether there is one; seconds to wait where there is none, else 0."""
        if not self._most:
            return 0.0
        now = self._clock()
        left, since = self._left.pop(who, (float(self._most), now))
        left = min(self._most, left + (now - since) * self._most / 60)
        short = 1 - left
        self._left[who] = (left - 1 if take and short <= 0 else left, now)
        while len(self._left) > _COUNTED:
            del self._left[next(iter(self._left))]
        return max(0.0, short * 60 / self._most)


class Doors:
    """Where callers are let in: their keys, and how often they asked.

    Args:
        keys: of the service.
        per_minute: requests of one key.
    """

    def __init__(self, keys: ApiKeys, per_minute: int) -> None:
        self.keys, self._rates, self._wrong = keys, Rates(per_minute), Rates(_WRONG_KEYS)

    async def caller(self, given: str | None, address: str, role: Role) -> Caller:
        """Who has this key, where the role may ask.

        Raises:
            Refused: no key, a wrong one, one of a lesser role, or too many requests.
        """
        if given is None:
            raise _unauthenticated("an API key is needed: send the header `Authorization: Bearer KEY`")
        costly = self.keys.costly(given)
        if costly and (wait := self._wrong.wait(address, take=False)) > 0:
            raise _too_often(wait, "wrong keys")
        key = await run_in_threadpool(self.keys.verified, given) if costly else self.keys.verified(given)
        if key is None:
            if costly:
                self._wrong.wait(address)
            raise _unauthenticated("the API key is wrong, was revoked, or has ended; ask whoever runs the service")
        if (wait := self._rates.wait(key.id)) > 0:
            raise _too_often(wait, "requests")
        if not allows(key.role, role):
            raise Refused(403, "forbidden", f"this needs a key of the role {role}, and yours is of {key.role}")
        return Caller(key)


def caller_with(role: Role) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """A dependency: the caller, whose key must be of this role or a higher one."""

    async def dependency(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
    ) -> Caller:
        if request.method != "GET":
            request.app.state.admission.check_room()  # a queue that is full reads no bodies, and hashes no keys
        doors: Doors = request.app.state.doors
        address = request.client.host if request.client else ""
        caller = await doors.caller(None if given is None else given.credentials, address, role)
        request.state.caller = caller
        return caller

    dependency.role = role  # type: ignore[attr-defined]  # tests read which route asks for which
    return dependency


def _unauthenticated(message: str) -> Refused:
    return Refused(401, "unauthenticated", message, headers={"WWW-Authenticate": "Bearer"})


def _too_often(wait: float, what: str) -> Refused:
    seconds = max(1, int(wait + 0.999))
    return Refused(
        429, "rate_limited", f"too many {what}; ask again in {seconds} s", headers={"Retry-After": str(seconds)}
    )
