"""Ask a Lookalike service from a program: typed, with and without asyncio. Needs only the extra `client`.

>>> with Client("http://127.0.0.1:8765", key="lk-...") as client:    # doctest: +SKIP
...     client.enroll("Ada", ["ada.jpg"])
...     client.identify("somebody.jpg").pictures[0].answers[0].identity
'Ada'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.lazy_names import lazy_names

if TYPE_CHECKING:
    from lookalike.client.async_client import AsyncClient
    from lookalike.client.client import Client
    from lookalike.errors import ServiceError

__all__ = ["AsyncClient", "Client", "ServiceError"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "AsyncClient": "lookalike.client.async_client",
        "Client": "lookalike.client.client",
        "ServiceError": "lookalike.errors",
    },
)
