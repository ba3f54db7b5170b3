"""A kind of index: its settings, its engine, and all that choosing, tuning and planning have to know of it.

A kind is one file of `lookalike.index.kinds`, which ends with its `Kind`, and one line of `kinds.registry`.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from lookalike.errors import MissingDependencyError
from lookalike.index.core.costs import Shape

if TYPE_CHECKING:
    from lookalike.index.core.costs import Costs
    from lookalike.index.core.vector_index import VectorIndex

__all__ = [
    "ALL_BUT_MANHATTAN",
    "ALL_METRICS",
    "BuildSettings",
    "Candidate",
    "IndexMetric",
    "Kind",
    "RecallSetting",
    "SearchSettings",
]

#: What indexes search by: the metrics of `lookalike.distances`, and Mahalanobis through whitened vectors.
IndexMetric = Literal["euclidean", "cosine", "inner_product", "manhattan", "mahalanobis"]

ALL_METRICS: tuple[str, ...] = get_args(IndexMetric)
ALL_BUT_MANHATTAN = tuple(metric for metric in ALL_METRICS if metric != "manhattan")


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BuildSettings(_Settings):
    """Settings that shape the structure; changing one means building anew."""


class SearchSettings(_Settings):
    """Settings of a search; changing one costs nothing."""


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Candidate:
    """A kind with build settings, some of which grow with the number of vectors: what a tuner builds.

    Attributes:
        kind: its name.
        fixed: build settings that do not depend on the number of vectors.
        per_root: build setting -> factor f; its value is f × √n, rounded, at least 1 and at most n / 39 (k-means
            wants so many training vectors a cell).
        least_dimension: numbers per vector from which on it is worth trying.
        works: whether this machine can build it; asked once its kind is known to be installed.
    """

    kind: str
    fixed: dict[str, Any] = field(default_factory=dict)
    per_root: dict[str, float] = field(default_factory=dict)
    least_dimension: int = 1
    works: Callable[[], bool] = _always

    def settings(self, count: int) -> dict[str, Any]:
        """Build settings for `count` vectors."""
        grown = {n: max(1, min(count // 39, round(f * math.sqrt(count)))) for n, f in self.per_root.items()}
        return {**self.fixed, **grown}

    def __str__(self) -> str:
        parts = [f"{n}={v}" for n, v in self.fixed.items()] + [f"{n}={f:g}√n" for n, f in self.per_root.items()]
        return f"{self.kind}({', '.join(parts)})"


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


@dataclass(frozen=True)
class Kind:
    """A kind of index.

    Attributes:
        name: what users call it.
        index: the class that holds its vectors.
        build: the type of its build settings.
        search: the type of its search settings.
        recall_setting: which search setting trades recall for speed; None where every vector is compared.
        candidates: what a tuner builds, the usual settings first; of all that `benchmarks/tuner_grid.py` measured,
            those that were the best for some vectors, or near it.
        costs: bytes, work and measurements, for plans.
        metrics: by which it searches; Mahalanobis wherever Euclidean.
        requires: the library that must be installed.
        extra: the optional extra of Lookalike that brings it; "" where it is always there.
        family: kinds of one family take time that grows alike with the number of vectors (`tuning.tune`).
        least_dimension: numbers per vector from which on a tuner tries it.
        streamed: whether it is built piece by piece from a file where vectors are many (`bulk`).
        mark: colour and matplotlib's marker in every picture.

    Example:
        >>> from lookalike.index.kinds.registry import KINDS
        >>> KINDS["hnsw"].recall_setting.name
        'ef_search'
    """

    name: str
    index: type[VectorIndex]
    build: type[BuildSettings]
    search: type[SearchSettings]
    recall_setting: RecallSetting | None
    candidates: tuple[Candidate, ...]
    costs: Costs
    metrics: tuple[str, ...] = ALL_METRICS
    requires: str = "faiss"
    extra: str = ""
    family: str = ""
    least_dimension: int = 1
    streamed: bool = False
    mark: tuple[str, str] = ("#999999", ".")

    @property
    def exhaustive(self) -> bool:
        """Whether it compares every vector: recall is 1 then, and nothing is to be tuned."""
        return self.recall_setting is None

    @property
    def installed(self) -> bool:
        """Whether its engine can be imported."""
        return sys.modules.get(self.requires) is not None or importlib.util.find_spec(self.requires) is not None

    @property
    def how_to_install(self) -> str:
        """The command that brings its engine."""
        return f"pip install 'lookalike[{self.extra}]'" if self.extra else f"pip install {self.requires}"

    def load(self) -> type[VectorIndex]:
        """Its class, with the engine imported; `MissingDependencyError` naming what to install where it is missing."""
        if not self.installed:
            raise MissingDependencyError(
                f"this kind of index needs the package {self.requires}; install it with {self.how_to_install}"
            )
        importlib.import_module(self.requires)
        return self.index

    def shape(self, count: int, dimension: int, build: Mapping[str, Any] | None = None, threads: int = 1) -> Shape:
        """An index of this kind, for `costs`; build settings that are not given have their default."""
        return Shape(count, dimension, self.build(**(build or {})), threads)
