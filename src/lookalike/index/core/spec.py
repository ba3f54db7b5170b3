"""What an index is: kind, metric, dimension, and its two separate sets of settings.

*Build settings* shape the structure and are fixed once vectors are in; *search settings* trade recall for speed
and may change at any time, so that a tuner can sweep them over one built index.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError

from lookalike.errors import InputError, MissingDependencyError

__all__ = ["KINDS", "BuildSettings", "IndexMetric", "IndexSpec", "Kind", "SearchSettings"]

#: What indexes search by: the metrics of `lookalike.distances`, and Mahalanobis through whitened vectors.
IndexMetric = Literal["euclidean", "cosine", "inner_product", "manhattan", "mahalanobis"]


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


class TreesBuild(BuildSettings):
    """Random-projection forest (Dasgupta & Freund, 2008; annoy): `n_trees` trees; each costs memory, all add recall."""

    n_trees: int = Field(default=50, ge=1, le=10_000)


class TreesSearch(SearchSettings):
    """`search_k`: nodes looked at over all trees; 0 means `n_trees` times the neighbours asked for."""

    search_k: int = Field(default=0, ge=0, le=1_000_000_000)


class NswBuild(BuildSettings):
    """Malkov et al. (2014), one flat graph: 2 × `M` links a node, `ef_construction` candidates."""

    M: int = Field(default=32, ge=2, le=512)
    ef_construction: int = Field(default=100, ge=1, le=100_000)


class HnswBuild(BuildSettings):
    """Malkov & Yashunin (2018), section 4: `M` links a node (2M on the lowest layer), `ef_construction` candidates."""

    M: int = Field(default=16, ge=2, le=512)
    ef_construction: int = Field(default=100, ge=1, le=100_000)


class GraphSearch(SearchSettings):
    """`ef_search`: candidates kept while walking the graph; more find more and take longer."""

    ef_search: int = Field(default=64, ge=1, le=1_000_000)


class IvfBuild(BuildSettings):
    """Inverted file (Sivic & Zisserman, 2003): `nlist` k-means cells; 0 chooses about 4·√n."""

    nlist: int = Field(default=0, ge=0, le=4_194_304)


class IvfSearch(SearchSettings):
    """`nprobe`: cells whose vectors are compared."""

    nprobe: int = Field(default=16, ge=1, le=4_194_304)


class IvfPqBuild(BuildSettings):
    """Inverted file over product-quantised residuals (Jégou et al., 2011), re-ranked from a store of vectors.

    `code`: `pq` (8 bits a sub-quantiser), `fastscan` (4 bits, compared in SIMD registers; André et al., 2015) or
    `rabitq` (1 bit a dimension; Gao & Long, 2024). `m`: sub-quantisers, a divisor of the dimension; 0 chooses.
    `opq`: rotate first so that codes lose least (Ge et al., 2013). `store`: what re-ranking reads.
    """

    nlist: int = Field(default=0, ge=0, le=4_194_304)
    code: Literal["pq", "fastscan", "rabitq"] = "fastscan"
    m: int = Field(default=0, ge=0, le=65_536)
    opq: bool = True
    store: Literal["float32", "float16", "sq8", "none"] = "float16"


class IvfPqSearch(SearchSettings):
    """`nprobe`: cells whose codes are compared; `rerank`: candidates compared again by the store, 0 for none."""

    nprobe: int = Field(default=32, ge=1, le=4_194_304)
    rerank: int = Field(default=100, ge=0, le=1_000_000)


class VamanaBuild(BuildSettings):
    """DiskANN's graph (Subramanya et al., 2019) by Intel SVS: `degree` links a node, `window` candidates."""

    degree: int = Field(default=32, ge=2, le=1024)
    window: int = Field(default=100, ge=1, le=100_000)


class VamanaSearch(SearchSettings):
    """`search_window`: candidates kept while walking the graph."""

    search_window: int = Field(default=32, ge=1, le=1_000_000)


class ScannBuild(BuildSettings):
    """Anisotropic quantisation (Guo et al., 2020) by ScaNN: `leaves` cells, 4 bits per `dims_per_block` dimensions.

    `soar`: how much a second cell, in which each vector is kept as well, makes up for the first (Sun et al., 2023);
    0 for one cell each. It is of use for cosine and inner product; under Euclidean distance ScaNN has one cell only.
    `overretrieve`: of codes, how many times `reorder` are kept before a vector met in both its cells counts once.
    `avq`: how much more an error along a vector weighs than one across it where cells' centres are placed, as
    `anisotropic_threshold` says it for codes; 0 for plain means, as always under Euclidean distance.

    The defaults come from `benchmarks/ann_1m.py`: against ScaNN's own they save an eighth of a query's time on a
    million generated vectors, and a quarter on 400,000 word vectors, at equal recall.
    """

    leaves: int = Field(default=0, ge=0, le=4_194_304)
    dims_per_block: int = Field(default=2, ge=1, le=64)
    anisotropic_threshold: float = Field(default=0.3, ge=0, lt=1)
    soar: float = Field(default=0.7, ge=0, le=100)
    overretrieve: float = Field(default=1.1, ge=1, le=2)
    avq: float = Field(default=2.0, ge=0, le=100)


class ScannSearch(SearchSettings):
    """`leaves_to_search`: cells whose codes are compared; `reorder`: candidates compared again in full."""

    leaves_to_search: int = Field(default=32, ge=1, le=4_194_304)
    reorder: int = Field(default=100, ge=1, le=1_000_000)


@dataclass(frozen=True)
class Kind:
    """A kind of index: its settings, the metrics its engine can, and where it lives.

    Attributes:
        build: the type of its build settings.
        search: the type of its search settings.
        metrics: by which it searches; Mahalanobis wherever Euclidean.
        home: module and class, imported when first used.
        requires: module that must be installed besides faiss, or "".
        extra: the optional extra that brings it.
    """

    build: type[BuildSettings]
    search: type[SearchSettings]
    metrics: tuple[str, ...]
    home: tuple[str, str]
    requires: str = ""
    extra: str = ""

    @property
    def installed(self) -> bool:
        """Whether its engine can be imported."""
        return not self.requires or importlib.util.find_spec(self.requires) is not None

    def load(self) -> Any:
        """Its class; `MissingDependencyError` naming what to install where the engine is missing."""
        if not self.installed:
            raise MissingDependencyError(
                f"this kind of index needs the package {self.requires}; install it with "
                f"pip install 'lookalike[{self.extra}]'"
            )
        return getattr(importlib.import_module(f"lookalike.index.kinds.{self.home[0]}"), self.home[1])


_ANGLES = ("euclidean", "cosine", "inner_product", "mahalanobis")
_ALL = get_args(IndexMetric)

#: Every kind by its name.
KINDS: dict[str, Kind] = {
    "exact": Kind(ExactBuild, ExactSearch, _ALL, ("exact", "ExactIndex")),
    "trees": Kind(TreesBuild, TreesSearch, _ALL, ("trees", "TreesIndex"), requires="annoy", extra="trees"),
    "nsw": Kind(NswBuild, GraphSearch, _ALL, ("small_world", "NswIndex")),
    "hnsw": Kind(HnswBuild, GraphSearch, _ALL, ("small_world", "HnswIndex")),
    "ivf": Kind(IvfBuild, IvfSearch, _ALL, ("ivf", "IvfIndex")),
    "ivfpq": Kind(IvfPqBuild, IvfPqSearch, _ANGLES, ("ivfpq", "IvfPqIndex")),
    "vamana": Kind(VamanaBuild, VamanaSearch, _ANGLES, ("vamana", "VamanaIndex"), requires="svs", extra="vamana"),
    "scann": Kind(ScannBuild, ScannSearch, _ANGLES, ("scann", "ScannIndex"), requires="scann", extra="scann"),
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
        if metric not in _ALL:
            raise InputError(f"metric {metric!r} is unknown; choose one of {', '.join(_ALL)}")
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
