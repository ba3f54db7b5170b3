"""The protocol of every index: add, remove, search, save; 64-bit ids of the caller's, distances of our convention."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, unit_length
from lookalike.errors import VectorError
from lookalike.index.checks import checked_ids, checked_k, checked_vectors
from lookalike.index.ids import IdMap

if TYPE_CHECKING:
    from lookalike.index.spec import IndexSpec

__all__ = ["Hits", "VectorIndex"]

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hits:
    """What a search found, nearest first.

    Attributes:
        ids: `(q, k)` int64; -1 where fewer than k vectors exist.
        distances: `(q, k)` float32, smaller is more alike; +inf where fewer than k vectors exist.
    """

    ids: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


class VectorIndex(ABC):
    """A searchable set of vectors under 64-bit ids.

    This class checks input, translates ids and prepares vectors (cosine is searched on unit vectors); a kind
    implements the five `_` methods over positions 0, 1, 2, ... Searches may run side by side; a change
    (`add`, `remove`, `compact`, `configure`) must run alone: the caller takes the lock, as the gallery does.

    Args:
        spec: what the index is.
        ids: the ids already inside, for loading.
    """

    def __init__(self, spec: IndexSpec, ids: IdMap | None = None) -> None:
        self._spec = spec
        self._ids = IdMap() if ids is None else ids

    # --- what it is ---------------------------------------------------------------------------------------

    @property
    def spec(self) -> IndexSpec:
        """Kind, metric, dimension, fingerprint, build and search settings."""
        return self._spec

    @property
    def kind(self) -> str:
        """For example `"exact"`."""
        return self._spec.kind

    @property
    def metric(self) -> MetricName:
        """One of `lookalike.distances.MetricName`."""
        return self._spec.metric

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return self._spec.dimension

    @property
    def fingerprint(self) -> str:
        """Of the model that made the vectors; empty when unknown."""
        return self._spec.fingerprint

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """`(n,)` the live ids, in the order they were added."""
        return self._ids.ids[~self._ids.dead]

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, bool) or not isinstance(item, int | np.integer) or not -(2**63) <= item < 2**63:
            return False
        return bool(self._ids.find(np.array([item], np.int64))[0] >= 0)

    def stats(self) -> dict[str, Any]:
        """Kind, metric, dimension, count, tombstones, bytes in memory and the settings, ready for JSON."""
        return {
            "kind": self.kind,
            "metric": self.metric,
            "dimension": self.dimension,
            "count": len(self),
            "tombstones": self._ids.size - len(self._ids),
            "bytes": self._bytes() + self._ids.size * 25,
            "fingerprint": self.fingerprint,
            "build": self._spec.build.model_dump(),
            "search": self._spec.search.model_dump(),
        }

    # --- what it does -------------------------------------------------------------------------------------

    def search(self, queries: npt.ArrayLike, k: int = 10) -> Hits:
        """Find the `k` nearest vectors of every query.

        Args:
            queries: `(q, d)` real numbers; for cosine any length but zero.
            k: how many, at least 1; where it exceeds the vectors there are, the rest is id -1, distance +inf.

        Returns:
            `Hits`, nearest first; a removed vector is never among them.

        Raises:
            VectorError: queries of a wrong shape, dtype or dimension, NaN, infinite, or zero under cosine; k < 1.

        Example:
            >>> from lookalike.index import build_index
            >>> build_index([[0.0, 0.0], [3.0, 4.0]], "exact", metric="euclidean").search([[0.0, 0.0]], k=2).distances
            array([[0., 5.]], dtype=float32)
        """
        wanted = checked_k(k)
        prepared = self._prepared(checked_vectors(queries, self.dimension, "queries", allow_none=True), "queries")
        found = min(wanted, len(self))
        ids = np.full((len(prepared), wanted), -1, np.int64)
        distances = np.full((len(prepared), wanted), np.inf, np.float32)
        if len(prepared) and found:
            positions, distances[:, :found] = self._nearest(prepared, found)
            ids[:, :found] = self._ids.ids[positions]
        return Hits(ids, distances)

    def add(self, vectors: npt.ArrayLike, ids: npt.ArrayLike | None = None) -> npt.NDArray[np.int64]:
        """Add vectors under ids of the caller's; all or none.

        Args:
            vectors: `(n, d)` real numbers, at least one row.
            ids: `(n,)` int64, none of them live, any value but -1; by default those after the highest id ever used.

        Returns:
            `(n,)` the ids.

        Raises:
            VectorError: vectors or ids of a wrong shape, dtype or value; an id given twice or live already.
        """
        ready = self._prepared(checked_vectors(vectors, self.dimension), "vectors")
        given = self._ids.fresh(len(ready)) if ids is None else checked_ids(ids, len(ready))
        self._ids.check_new(given)
        self._append(ready)
        self._ids.append(given)
        return given

    def remove(self, ids: npt.ArrayLike) -> int:
        """Remove vectors; the next search does not see them. Ids that are not live are passed over.

        Args:
            ids: `(n,)` int64.

        Returns:
            how many vectors were removed.
        """
        positions = self._ids.remove(checked_ids(ids))
        if len(positions):
            self._discard(positions)
        return len(positions)

    def configure(self, **search_settings: Any) -> None:
        """Change search settings, for example ``configure(ef_search=128)``; nothing is rebuilt."""
        self._spec = self._spec.with_search(**search_settings)

    def compact(self) -> int:
        """Rebuild without tombstones where the engine keeps any; returns how many were dropped."""
        return 0

    def save(self, path: str | Path) -> None:
        """Write the index as a directory, whole or not at all; what was at `path` before is kept until then.

        Raises:
            StorageError: the disk is full, read-only or failing.
            InputError: something that is not an index is at `path`.
        """
        from lookalike.index.artefact import save

        save(self, Path(path))

    # --- what a kind implements ---------------------------------------------------------------------------

    def _prepared(self, vectors: Floats, name: str) -> Floats:
        if self.metric != "cosine":
            return vectors
        try:
            return np.ascontiguousarray(unit_length(vectors), dtype=np.float32)
        except VectorError as error:
            raise VectorError(f"{name}: {error}; the cosine metric cannot place it") from error

    @property
    def engine(self) -> Any:
        """The library's own index, for measurements; changing it breaks this one."""
        return self._engine()

    @property
    def id_map(self) -> IdMap:
        """Positions and ids, for saving."""
        return self._ids

    @abstractmethod
    def _engine(self) -> Any:
        """The faiss index that is written to `index.faiss`."""

    @abstractmethod
    def _nearest(self, queries: Floats, k: int) -> tuple[Positions, Floats]:
        """Exactly k live positions for every query (k <= len(self)) and their distances, nearest first."""

    @abstractmethod
    def _append(self, vectors: Floats) -> None:
        """Put vectors at the next positions; the ids follow when this succeeded."""

    @abstractmethod
    def _discard(self, positions: Positions) -> None:
        """The ids of these positions have just been marked dead."""

    @abstractmethod
    def _bytes(self) -> int:
        """Memory the engine takes, in bytes, near enough."""
