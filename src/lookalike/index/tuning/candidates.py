"""Which indexes are worth building for a number of vectors, and which of their search settings cost and find more."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lookalike.errors import InputError
from lookalike.index.core.spec import KINDS, IndexSpec

__all__ = ["FAMILIES", "Candidate", "RecallSetting", "candidates", "recall_setting"]


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


@dataclass(frozen=True)
class RecallSetting:
    """The search setting that is raised until a recall is reached.

    Attributes:
        name: of the search setting.
        limit: of so many vectors; no higher value is tried.
        counts_candidates: whether it counts candidates, of which a search for k needs k at least; else it counts cells,
            and starts at 1.
        reranked: the search setting that says how many candidates are compared again in full, or None.
    """

    name: str
    limit: Callable[[int], int]
    counts_candidates: bool = True
    reranked: str | None = None

    def bounds(self, count: int, k: int) -> tuple[int, int]:
        """The first value to try over `count` vectors, and the last."""
        limit = max(1, self.limit(count))
        return min(limit, k if self.counts_candidates else 1), limit


def _whole(count: int) -> int:
    return max(count, 16)


def _quarter(count: int) -> int:
    return count // 4


_RECALL_SETTINGS = {
    "exact": None,
    "trees": RecallSetting("search_k", lambda count: 100 * count),
    "nsw": RecallSetting("ef_search", _whole),
    "hnsw": RecallSetting("ef_search", _whole),
    "ivf": RecallSetting("nprobe", _quarter, False),
    "ivfpq": RecallSetting("nprobe", _quarter, False, "rerank"),
    "vamana": RecallSetting("search_window", _whole),
    "scann": RecallSetting("leaves_to_search", _quarter, False, "reorder"),
}


def recall_setting(kind: str) -> RecallSetting | None:
    """The search setting of a kind that is raised to find more; None where every vector is compared."""
    return _RECALL_SETTINGS[kind]


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
