"""A library that is imported when it is first used: knowing a kind of index must not load its engine."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from lookalike.index.core.processor_kernels import numpy_kernels

__all__ = ["EngineLibrary", "compiled"]


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
        found = getattr(self._module(), name)
        self.__dict__[name] = found
        return found

    def _module(self) -> ModuleType:
        if self._name in sys.modules:
            return sys.modules[self._name]
        with numpy_kernels():
            return importlib.import_module(self._name)


def compiled(function: Any) -> Any:
    """The compiled function that a function or class' method of faiss' Python layer calls with its own arguments.

    SWIG writes such a wrapper for every function. Where another version of faiss has none, the function itself.

    Example:
        >>> compiled(EngineLibrary("faiss").fvec_madd)
        <built-in function fvec_madd>
    """
    module = getattr(function, "__globals__", {}).get("_swigfaiss")
    return getattr(module, function.__qualname__.replace(".", "_"), function)
