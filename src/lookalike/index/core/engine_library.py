"""A library that is imported when it is first used: knowing a kind of index must not load its engine."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["EngineLibrary"]


class EngineLibrary:
    """Stands for a module, and imports it when something of it is first asked for.

    What was asked for once is kept: asking again costs no more than asking the module itself. faiss' type stubs lack
    what its Python layer adds, so everything is `Any`.

    Args:
        name: of the module, for example `faiss`.

    Example:
        >>> faiss = EngineLibrary("faiss")
        >>> faiss.IndexFlatL2(2).ntotal
        0
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python's own questions, which a module answers before it is loaded
            raise AttributeError(name)
        found = getattr(importlib.import_module(self._name), name)
        self.__dict__[name] = found
        return found
