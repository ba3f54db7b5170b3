"""Every kind of index by its name.

A new kind is one file, which ends with ``KIND = Kind(...)``, and one line here. A kind's file is imported when the kind
is first asked for, and imports no engine.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.index.core.kind import Kind

__all__ = ["KINDS", "MODULES"]

#: Name -> the module whose `KIND` it is, in the order in which kinds are listed and tried.
MODULES: dict[str, str] = {
    "exact": "lookalike.index.kinds.exact",
    "trees": "lookalike.index.kinds.trees",
    "nsw": "lookalike.index.kinds.nsw",
    "hnsw": "lookalike.index.kinds.hnsw",
    "ivf": "lookalike.index.kinds.ivf",
    "ivfpq": "lookalike.index.kinds.ivfpq",
    "vamana": "lookalike.index.kinds.vamana",
    "scann": "lookalike.index.kinds.scann",
}


class _Kinds(Mapping[str, "Kind"]):
    """A read-only dictionary over `MODULES`; raises a `KeyError` for a name that is not there."""

    def __getitem__(self, name: str) -> Kind:
        kind: Kind = importlib.import_module(MODULES[name]).KIND
        return kind

    def __contains__(self, name: object) -> bool:  # without importing its module
        return name in MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


#: Every kind by its name.
KINDS: Mapping[str, Kind] = _Kinds()
