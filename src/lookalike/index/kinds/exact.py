"""`exact`: every vector compared with every query, by faiss. The truth that other kinds are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import ArtefactError
from lookalike.index.core.costs import Costs, Footprint, Measured, Shape, doubled_rows
from lookalike.index.core.flat_vectors import FlatVectors
from lookalike.index.core.hits import Floats, Found, Positions
from lookalike.index.core.kind import BuildSettings, Candidate, Kind, SearchSettings
from lookalike.index.core.vector_index import VectorIndex

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.spec import IndexSpec

__all__ = ["KIND", "ExactBuild", "ExactIndex", "ExactSearch"]


class ExactBuild(BuildSettings):
    """Exact search has nothing to build."""


class ExactSearch(SearchSettings):
    """Exact search has nothing to set."""


class ExactIndex(VectorIndex):
    """Brute force over all vectors; recall is 1 by construction, time grows with their number.

    Removal keeps no tombstones: the rest moves up, at the cost of one pass, so give ids in one call.
    """

    def __init__(self, spec: IndexSpec, covariance: Covariance | None = None) -> None:
        super().__init__(spec, covariance)
        self._vectors = FlatVectors(self.dimension, self._space.metric)

    def _engine(self) -> Any:
        return self._vectors.flat

    def _vectors_at(self, positions: Positions) -> Floats:
        return self._vectors.view()[positions]

    def _append(self, vectors: Floats) -> None:
        self._vectors.add(vectors)

    def _truncate(self, size: int) -> int:
        self._vectors.truncate(size)
        return 0

    def _discard(self) -> None:
        if self._mapped:  # the file is not ours to write: tombstones, as elsewhere
            return
        if len(self._vectors) == self._ids.size:  # else they went before an interruption
            self._vectors.remove(np.flatnonzero(self._ids.dead))
        self._ids = self._ids.compacted()

    def _rebuilt(self, positions: Positions) -> Any:
        vectors = FlatVectors(self.dimension, self._space.metric)
        vectors.add(self._vectors_at(positions))
        return vectors

    def _adopt(self, state: Any) -> None:
        self._vectors = state

    def _search(self, queries: Floats, k: int, settings: SearchSettings) -> Found:
        return *self._vectors.nearest(queries, k), len(queries) * len(self._vectors)

    def _bytes(self) -> int:
        return 0 if self._mapped else self._vectors.nbytes

    def _write(self, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", self._vectors.flat)

    def _read(self, folder: IndexFolder) -> None:
        flat = folder.faiss("index.faiss")
        if (flat.ntotal, flat.d) != (self._ids.size, self.dimension):
            raise ArtefactError(
                f"index.faiss holds {flat.ntotal} × {flat.d}, expected {self._ids.size} × {self.dimension}"
            )
        self._vectors = FlatVectors(self.dimension, self._space.metric, flat)


def _footprint(shape: Shape) -> Footprint:
    # Added a million vectors at a time; the array doubles.
    grown = doubled_rows(shape.count, min(shape.count, 1 << 20)) * 4 * shape.dimension
    return Footprint(shape.vectors, shape.vectors + grown, shape.vectors)


def _work(shape: Shape, value: int = 0) -> float:
    return float(shape.count * shape.dimension)


_MEASURED = (
    Measured(20_000, 0.02, ((0, 1.0, 0.1786),)),
    Measured(100_000, 0.08, ((0, 1.0, 1.7076),)),
    Measured(1_000_000, 0.32, ((0, 1.0, 23.4463),)),
)

KIND = Kind(
    name="exact",
    index=ExactIndex,
    build=ExactBuild,
    search=ExactSearch,
    recall_setting=None,
    candidates=(Candidate("exact"),),
    costs=Costs(
        footprint=_footprint,
        measured=lambda build: _MEASURED,
        search_work=_work,
        build_work=_work,
        build_bound="stream",
    ),
    family="exact",
    mark=("#555555", "s"),
)
