"""What an index is: kind, metric, dimension, and its two separate sets of settings.

*Build settings* shape the structure and are fixed once vectors are in; *search settings* trade recall for speed
and may change at any time, so that a tuner can sweep them over one built index.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError

from lookalike.errors import InputError
from lookalike.index.core.kind import ALL_METRICS, BuildSettings, IndexMetric, SearchSettings
from lookalike.index.kinds.registry import KINDS

__all__ = ["IndexSpec"]


def _one_line(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (given {e['input']!r})" for e in error.errors())


class IndexSpec(BaseModel):
    """Everything about an index but its vectors.

    Attributes:
        kind: a name in `kinds.registry.KINDS`.
        metric: one that the kind can.
        dimension: numbers per vector.
        fingerprint: of the model that made the vectors; empty when they come from elsewhere.
        build: the kind's build settings.
        search: the kind's search settings.

    Example:
        >>> IndexSpec.create("hnsw", "cosine", 128, M=32).build
        HnswBuild(M=32, ef_construction=100)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: str
    metric: IndexMetric
    dimension: int = Field(ge=1, le=1_000_000)
    fingerprint: str = ""
    build: SerializeAsAny[BuildSettings]
    search: SerializeAsAny[SearchSettings]

    @classmethod
    def create(cls, kind: str, metric: str, dimension: int, fingerprint: str = "", **settings: Any) -> IndexSpec:
        """Make a spec from flat keyword settings, each going to the build or the search side by its name.

        Raises:
            InputError: unknown kind, metric or setting, a metric the kind cannot, or a value out of range.
        """
        if kind not in KINDS:
            raise InputError(f"index kind {kind!r} is not available; choose one of {', '.join(KINDS)}, auto")
        entry = KINDS[kind]
        if metric not in ALL_METRICS:
            raise InputError(f"metric {metric!r} is unknown; choose one of {', '.join(ALL_METRICS)}")
        if metric not in entry.metrics:
            able = ", ".join(name for name, other in KINDS.items() if metric in other.metrics)
            raise InputError(f"kind {kind!r} cannot search by metric {metric!r}; kinds that can: {able}")
        build, search = entry.build.model_fields, entry.search.model_fields
        if unknown := sorted(set(settings) - {*build, *search}):
            can = ", ".join(sorted({*build, *search})) or "none"
            raise InputError(f"kind {kind!r} has no setting {', '.join(unknown)}; its settings: {can}")
        try:
            return cls(
                kind=kind,
                metric=cast("IndexMetric", metric),
                dimension=dimension,
                fingerprint=fingerprint,
                build=entry.build(**{n: v for n, v in settings.items() if n in build}),
                search=entry.search(**{n: v for n, v in settings.items() if n in search}),
            )
        except ValidationError as error:
            raise InputError(f"index settings are wrong: {_one_line(error)}") from error

    def with_search(self, **settings: Any) -> IndexSpec:
        """The same index with other search settings; those not named keep their value."""
        try:
            search = type(self.search)(**{**self.search.model_dump(), **settings})
        except ValidationError as error:
            raise InputError(f"search settings are wrong: {_one_line(error)}") from error
        return self.model_copy(update={"search": search})
