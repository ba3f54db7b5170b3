"""Who is signed in to the console: the browser has a random id, this process knows which key belongs to it."""

from __future__ import annotations

import time
from collections.abc import Callable

from lookalike.service.api_keys import ApiKey, ApiKeys

__all__ = ["Sessions"]

#: Seconds without a page or an act after which somebody has to sign in again.
_IDLE = 8 * 3600.0
#: Browsers that are remembered.
_MOST = 10_000


class Sessions:
    """Keys by browser. A key itself is kept nowhere: when it is revoked or has ended, its sessions have, too.

    Args:
        keys: of the service.
        clock: seconds; for tests.
    """

    def __init__(self, keys: ApiKeys, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._clock = keys, clock
        self._known: dict[str, tuple[str, float]] = {}

    def begin(self, browser: str, key: ApiKey) -> None:
        """Sign in."""
        self._known.pop(browser, None)
        self._known[browser] = (key.id, self._clock())
        while len(self._known) > _MOST:
            del self._known[next(iter(self._known))]

    def end(self, browser: str) -> None:
        """Sign out."""
        self._known.pop(browser, None)

    def key_of(self, browser: str) -> ApiKey | None:
        """The key of a browser that is signed in; None for any other."""
        key_id, since = self._known.get(browser, ("", 0.0))
        key = self._keys.by_id(key_id)
        if key is None or key.expired or self._clock() - since > _IDLE:
            self._known.pop(browser, None)
            return None
        self._known[browser] = (key_id, self._clock())
        return key
