"""Which indexes are worth building, of all kinds."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.errors import InputError
from lookalike.index.core.kind import Candidate
from lookalike.index.kinds.registry import KINDS
from lookalike.index.spec import IndexSpec

__all__ = ["Candidate", "candidates"]


def candidates(metric: str, dimension: int, kinds: Sequence[str] | None = None) -> list[Candidate]:
    """What may serve this metric with what is installed.

    Args:
        metric: one of `core.kind.IndexMetric`.
        dimension: numbers per vector; product quantisers want at least 8.
        kinds: only these; None for all.

    Raises:
        InputError: an unknown kind, or one that does not support the metric; nothing left to try.
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
        if dimension >= candidate.least_dimension and candidate.works()
    ]
    if not able:
        raise InputError(
            f"none of {', '.join(sorted(wanted))} serves metric {metric!r} in {dimension} dimensions; name other kinds"
        )
    return able
