"""The vectors that candidates are built over, and the queries they are measured on: a sample, and all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.index.building import build_kind
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.tuning.asked import Asked
from lookalike.index.tuning.recall import exact_truth
from lookalike.progress import ProgressSink, counted

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.hits import Floats
    from lookalike.index.core.kind import Candidate, Kind
    from lookalike.index.core.vector_index import VectorIndex

__all__ = ["Indexed", "RaceData"]

#: Queries: recall 0.95 is then known to about ±0.003, and the least recall that keeps it with confidence is 0.9525.
_QUERIES = 4000
#: Queries of a sample.
_SAMPLE_QUERIES = 400


@dataclass(frozen=True)
class Indexed:
    """What an index is built over, and asked.

    Attributes:
        vectors: `(n, d)`.
        ids: `(n,)` int64; None for 0..n-1.
        asked: queries with their truth.
    """

    vectors: Floats
    ids: npt.NDArray[np.int64] | None
    asked: Asked


@dataclass
class RaceData:
    """What the candidates are measured on.

    Attributes:
        vectors: `(n, d)`.
        queries: `(q, d)` of the caller's, none of them indexed; None where some of the vectors have to serve.
        metric: searched by.
        k: neighbours asked for.
        seed: of samples and of the vectors that serve as queries.
        covariance: for the Mahalanobis metric.
        ids: `(n,)` of the vectors; None for their positions.
        fingerprint: of the model that made the vectors.
    """

    vectors: Floats
    queries: Floats | None
    metric: str
    k: int
    seed: int = 0
    covariance: Covariance | None = None
    ids: npt.NDArray[np.int64] | None = None
    fingerprint: str = ""
    _in_full: dict[bool, Indexed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self._order = rng.permutation(len(self.vectors))
        if self.queries is None:
            self._hold_out(min(_QUERIES, len(self.vectors) // 10))
        else:
            self.held_out, self._rows = self._order[:0], self._order
            self._asked = self.queries[rng.permutation(len(self.queries))[:_QUERIES]]

    def _hold_out(self, count: int) -> None:
        #: Positions of the vectors that serve as queries; none where the caller has queries.
        self.held_out, self._rows = self._order[:count], self._order[count:]
        self._asked = self.vectors[self.held_out]

    def limit_queries(self, count: int) -> None:
        """Ask no more than so many queries from now on; before the first `in_full`."""
        if count >= len(self._asked):
            return
        if self.queries is None:
            self._hold_out(count)
        else:
            self._asked = self._asked[:count]

    @cached_property
    def space(self) -> MetricSpace:
        """Of the metric; raises an `InputError` where it wants a covariance and has none."""
        return MetricSpace(self.metric, self.vectors.shape[1], self.covariance)

    @property
    def asked(self) -> int:
        """How many queries there are."""
        return len(self._asked)

    def ids_at(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The ids of the vectors at these positions."""
        return rows if self.ids is None else self.ids[rows]

    def built(
        self, candidate: Candidate, count: int, vectors: Floats, ids: npt.NDArray[np.int64] | None
    ) -> VectorIndex:
        """A candidate with its build settings for `count` vectors, over these vectors under these ids."""
        return build_kind(
            vectors,
            candidate.kind,
            self.metric,
            ids=ids,
            fingerprint=self.fingerprint,
            covariance=self.covariance,
            **candidate.settings(count),
        )

    def sample(self, size: int, progress: ProgressSink | None) -> Indexed:
        """`size` random vectors, none of which is asked for."""
        vectors = self.vectors[np.sort(self._rows[:size])]
        return self._indexed(vectors, None, self._asked[:_SAMPLE_QUERIES], None, progress)

    def knows_neighbours(self, kind: Kind) -> bool:
        """Whether the true neighbours among what `in_full` gives for a kind are known already."""
        return self._holds_out(kind) in self._in_full

    def _holds_out(self, kind: Kind) -> bool:
        return kind.family == "graph" and len(self.held_out) > 0

    def in_full(self, kind: Kind, progress: ProgressSink | None) -> Indexed:
        """All vectors, or for a graph those that are not held out (see `asked`)."""
        held_out = self._holds_out(kind)
        if held_out not in self._in_full:
            self._in_full[held_out] = self._without_held_out(progress) if held_out else self._whole(progress)
        return self._in_full[held_out]

    def _whole(self, progress: ProgressSink | None) -> Indexed:
        own = self.held_out if len(self.held_out) else None
        return self._indexed(self.vectors, self.ids, self._asked, own, progress)

    def _without_held_out(self, progress: ProgressSink | None) -> Indexed:
        rows = np.sort(self._rows)
        return self._indexed(self.vectors[rows], self.ids_at(rows), self._asked, None, progress)

    def _indexed(
        self,
        vectors: Floats,
        ids: npt.NDArray[np.int64] | None,
        queries: Floats,
        own: npt.NDArray[np.int64] | None,
        progress: ProgressSink | None,
    ) -> Indexed:
        done = counted(progress, f"Exact neighbours among {len(vectors):,} vectors", len(vectors))
        space = self.space
        truth = exact_truth(space.vectors(vectors), space.vectors(queries), self.k, space, done, own)
        if ids is not None:
            truth = truth.as_ids(ids)
            own = None if own is None else ids[own]
        return Indexed(vectors, ids, Asked(queries, truth, own))
