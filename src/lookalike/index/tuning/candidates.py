"""Which indexes are worth building for a number of vectors, and which of their search settings cost and find more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lookalike.errors import InputError
from lookalike.index.core.spec import KINDS, IndexSpec

__all__ = ["FAMILIES", "Candidate", "candidates", "effort_names"]


@dataclass(frozen=True)
class Candidate:
    """A kind with build settings, some of which grow with the number of vectors.

    Attributes:
        kind: a key of `KINDS`.
        fixed: build settings that do not depend on the number of vectors.
        per_root: build setting -> factor f; its value is f × √n, rounded, at least 1 and at most n / 39 (k-means
            wants so many training vectors a cell).
    """

    kind: str
    fixed: dict[str, Any] = field(default_factory=dict)
    per_root: dict[str, float] = field(default_factory=dict)

    def settings(self, count: int) -> dict[str, Any]:
        """Build settings for `count` vectors."""
        grown = {n: max(1, min(count // 39, round(f * math.sqrt(count)))) for n, f in self.per_root.items()}
        return {**self.fixed, **grown}

    def spec(self, count: int, dimension: int, metric: str, fingerprint: str = "") -> IndexSpec:
        """As a spec for `count` vectors."""
        return IndexSpec.create(self.kind, metric, dimension, fingerprint, **self.settings(count))

    def __str__(self) -> str:
        parts = [f"{n}={v}" for n, v in self.fixed.items()] + [f"{n}={f:g}√n" for n, f in self.per_root.items()]
        return f"{self.kind}({', '.join(parts)})"


#: What a tuner tries. More settings than these were measured (benchmarks/tuner_grid.py); these are the ones that were
#: ever the best, or near it.
_WORTH = (
    Candidate("exact"),
    Candidate("trees", {"n_trees": 30}),
    Candidate("nsw", {"M": 24, "ef_construction": 100}),
    Candidate("hnsw", {"M": 16, "ef_construction": 100}),
    Candidate("hnsw", {"M": 32, "ef_construction": 200}),
    Candidate("ivf", {}, {"nlist": 4.0}),
    Candidate("ivfpq", {"code": "fastscan", "opq": True, "store": "float32"}, {"nlist": 2.0}),
    Candidate("ivfpq", {"code": "fastscan", "opq": True, "store": "float16"}, {"nlist": 2.0}),
    Candidate("ivfpq", {"code": "rabitq", "store": "float16"}, {"nlist": 2.0}),
    Candidate("ivfpq", {"code": "fastscan", "opq": True, "store": "sq8"}, {"nlist": 2.0}),
    Candidate("vamana", {"degree": 32, "window": 100}),
    Candidate("vamana", {"degree": 32, "window": 200}),
    Candidate("vamana", {"degree": 64, "window": 200}),
    Candidate("scann", {}, {"leaves": 2.0}),
    Candidate("scann", {}, {"leaves": 1.0}),
    Candidate("scann", {"soar": 0.0}, {"leaves": 2.0}),
)

#: Kinds whose time grows alike.
FAMILIES = {
    "exact": "exact",
    "trees": "trees",
    "nsw": "graph",
    "hnsw": "graph",
    "vamana": "graph",
    "ivf": "cells",
    "ivfpq": "cells",
    "scann": "cells",
}

#: Kind or peer -> (the setting that is raised until recall is reached, the one that is tried at several values).
_EFFORT = {
    "exact": (None, None),
    "trees": ("search_k", None),
    "nsw": ("ef_search", None),
    "hnsw": ("ef_search", None),
    "ivf": ("nprobe", None),
    "ivfpq": ("nprobe", "rerank"),
    "vamana": ("search_window", None),
    "scann": ("leaves_to_search", "reorder"),
    "hnswlib": ("ef_search", None),
    "usearch": ("ef_search", None),
}


def effort_names(kind: str) -> tuple[str | None, str | None]:
    """The search settings of a kind that trade recall for speed: the one to raise, and the one to try values of."""
    return _EFFORT[kind]


def candidates(metric: str, dimension: int, kinds: Sequence[str] | None = None) -> list[Candidate]:
    """What may serve this metric with what is installed.

    Args:
        metric: one of `spec.IndexMetric`.
        dimension: numbers per vector; product quantisers want at least 8.
        kinds: only these; None for all.

    Raises:
        InputError: an unknown kind, or one that cannot the metric; nothing left to try.
        MissingDependencyError: a kind that was named is not installed.
    """
    if kinds is not None:
        for kind in kinds:
            IndexSpec.create(kind, metric, dimension)
            KINDS[kind].load()
    wanted = set(kinds or KINDS)
    able = [
        c
        for c in _WORTH
        if c.kind in wanted
        and KINDS[c.kind].installed
        and metric in KINDS[c.kind].metrics
        and (c.kind not in ("ivfpq", "scann") or dimension >= 8)
    ]
    if not able:
        raise InputError(
            f"none of {', '.join(sorted(wanted))} serves metric {metric!r} in {dimension} dimensions; name other kinds"
        )
    return able
