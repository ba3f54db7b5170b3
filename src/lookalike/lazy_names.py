"""Names of a package that load their libraries when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a package.

    Args:
        package: its name; its `__all__` is what `dir` lists.
        homes: for each name the module that defines it.

    Example:
        >>> __getattr__, __dir__ = lazy_names("lookalike", {"Embedder": "lookalike.embedder"})
        >>> __getattr__("Embedder").__name__
        'Embedder'
    """

    def attribute(name: str) -> Any:
        if name in homes:
            return getattr(importlib.import_module(homes[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def listed() -> list[str]:
        return sorted(sys.modules[package].__all__)

    return attribute, listed
