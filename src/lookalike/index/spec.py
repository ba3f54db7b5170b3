"""What an index is: kind, metric, dimension, and its two separate sets of settings.

*Build settings* shape the structure and are fixed once vectors are in; *search settings* trade recall for speed
and may change at any time, so that a tuner can sweep them over one built index.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError

from lookalike.distances import MetricName
from lookalike.errors import InputError

__all__ = [
    "KINDS",
    "BuildSettings",
    "ExactBuild",
    "ExactSearch",
    "HnswBuild",
    "HnswSearch",
    "IndexSpec",
    "SearchSettings",
]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BuildSettings(_Settings):
    """Settings that shape the structure; changing one means building anew."""


class SearchSettings(_Settings):
    """Settings of a search; changing one costs nothing."""


class ExactBuild(BuildSettings):
    """Exact search has nothing to build."""


class ExactSearch(SearchSettings):
    """Exact search has nothing to set."""


class HnswBuild(BuildSettings):
    """Malkov & Yashunin (2018), section 4: `M` links a node (2M on the lowest layer), `ef_construction` candidates."""

    M: int = Field(default=16, ge=2, le=512)
    ef_construction: int = Field(default=100, ge=1, le=100_000)


class HnswSearch(SearchSettings):
    """`ef_search`: candidates kept while walking the graph; more find more and take longer."""

    ef_search: int = Field(default=64, ge=1, le=1_000_000)


#: kind -> (build settings, search settings, metrics the engine can).
KINDS: dict[str, tuple[type[BuildSettings], type[SearchSettings], tuple[MetricName, ...]]] = {
    "exact": (ExactBuild, ExactSearch, get_args(MetricName)),
    "hnsw": (HnswBuild, HnswSearch, ("euclidean", "cosine", "inner_product")),
}


def _one_line(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (given {e['input']!r})" for e in error.errors())


class IndexSpec(BaseModel):
    """Everything about an index but its vectors.

    Attributes:
        kind: a key of `KINDS`.
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
    metric: MetricName
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
        build_type, search_type, metrics = _kind(kind)
        if metric not in get_args(MetricName):
            raise InputError(f"metric {metric!r} is unknown; choose one of {', '.join(get_args(MetricName))}")
        if metric not in metrics:
            able = ", ".join(name for name, entry in KINDS.items() if metric in entry[2])
            raise InputError(f"kind {kind!r} cannot search by metric {metric!r}; kinds that can: {able}")
        known = {*build_type.model_fields, *search_type.model_fields}
        if unknown := sorted(set(settings) - known):
            can = ", ".join(sorted(known)) or "none"
            raise InputError(f"kind {kind!r} has no setting {', '.join(unknown)}; its settings: {can}")
        try:
            return cls(
                kind=kind,
                metric=metric,
                dimension=dimension,
                fingerprint=fingerprint,
                build=build_type(**{n: v for n, v in settings.items() if n in build_type.model_fields}),
                search=search_type(**{n: v for n, v in settings.items() if n in search_type.model_fields}),
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


def _kind(kind: str) -> tuple[type[BuildSettings], type[SearchSettings], tuple[MetricName, ...]]:
    if kind not in KINDS:
        raise InputError(f"index kind {kind!r} is not available; choose one of {', '.join(KINDS)}, auto")
    return KINDS[kind]
