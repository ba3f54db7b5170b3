"""Which indexes are worth building, of all kinds, and which of their search settings cost and find more."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.errors import InputError
from lookalike.index.core.kind import Candidate
from lookalike.index.kinds.registry import KINDS
from lookalike.index.spec import IndexSpec

__all__ = ["Candidate", "candidates", "effort_bounds", "effort_names"]


def effort_names(kind: str) -> tuple[str | None, str | None]:
    """The search settings of a kind that trade recall for speed: the one to raise, and the one to try values of."""
    if kind not in KINDS:  # a peer's graph (`peers.py`)
        return "ef_search", None
    setting = KINDS[kind].recall_setting
    return (None, None) if setting is None else (setting.name, setting.reranked)


def effort_bounds(kind: str, count: int, k: int) -> tuple[int, int]:
    """Where the setting to raise starts over `count` vectors, and how far it may go."""
    setting = KINDS[kind].recall_setting if kind in KINDS else None
    if setting is None:  # a peer's graph, or nothing to raise
        return min(k, max(count, 16)), max(count, 16)
    return setting.bounds(count, k)


def candidates(metric: str, dimension: int, kinds: Sequence[str] | None = None) -> list[Candidate]:
    """What may serve this metric with what is installed.

    Args:
        metric: one of `core.kind.IndexMetric`.
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
        candidate
        for name, kind in KINDS.items()
        if name in wanted and kind.installed and metric in kind.metrics and dimension >= kind.least_dimension
        for candidate in kind.candidates
    ]
    if not able:
        raise InputError(
            f"none of {', '.join(sorted(wanted))} serves metric {metric!r} in {dimension} dimensions; name other kinds"
        )
    return able
