"""The recognition service: an HTTP API over a recognizer and its gallery (`lookalike serve`).

>>> from lookalike.service import ServiceSettings, create_app
>>> app = create_app(ServiceSettings(model="dlib", gallery="people.gallery"))    # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.lazy_names import lazy_names

if TYPE_CHECKING:
    from lookalike.service.app import create_app
    from lookalike.service.settings import ServiceSettings

__all__ = ["ServiceSettings", "create_app"]

__getattr__, __dir__ = lazy_names(
    __name__, {"ServiceSettings": "lookalike.service.settings", "create_app": "lookalike.service.app"}
)
