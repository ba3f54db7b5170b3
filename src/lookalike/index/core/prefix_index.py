"""An engine over the first vectors, and exact search over the rest: for engines that must be trained or cannot grow.

Random-projection trees, Vamana and ScaNN are built once over all vectors; inverted files have to see many vectors
before they can take one. So new vectors wait in a *tail*, which is compared one by one, until the engine is
built anew over everything; each rebuild needs the tail to have grown to a quarter of the engine, so that n additions
cost a few builds, not n. Searches go on while an engine is built.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lookalike.errors import ArtefactError
from lookalike.index.core.flat_vectors import FlatVectors, merged, nearest_among
from lookalike.index.core.hits import Floats, Found, Positions
from lookalike.index.core.vector_index import VectorIndex

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.allowed import Allowed
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder
    from lookalike.index.core.kind import SearchSettings
    from lookalike.index.core.one_query import FindOne
    from lookalike.index.spec import IndexSpec

__all__ = ["EXACT_BELOW", "PrefixIndex"]

#: Fewer vectors than this stay without an engine: comparing them all takes well under 0.1 ms.
EXACT_BELOW = 1000

#: A tail of this share of the engine's vectors is worth a rebuild.
_REBUILD_SHARE = 0.25


class _Built(NamedTuple):
    """An engine and the vectors after it, exchanged together."""

    engine: Any  # None: all vectors are in the tail
    covered: int  # positions 0..covered-1 are in the engine
    tail: FlatVectors


class PrefixIndex(VectorIndex):
    """What such kinds share; a kind implements the engine's part over positions 0 .. covered-1."""

    #: Kinds whose engine takes further vectors itself (`_extend`) say True.
    grows = False

    def __init__(self, spec: IndexSpec, covariance: Covariance | None = None) -> None:
        super().__init__(spec, covariance)
        self._built = _Built(None, 0, self._new_tail())

    def _new_tail(self) -> FlatVectors:
        return FlatVectors(self.dimension, self._space.metric)

    # --- what an engine implements --------------------------------------------------------------------------

    @abstractmethod
    def _build_engine(self, vectors: Floats) -> Any:
        """An engine over `(n, d)` prepared vectors, at positions 0..n-1; more than `EXACT_BELOW` of them.

        The array may be a view that dies after the call: copy what is to be kept.
        """

    @abstractmethod
    def _search_engine(self, engine: Any, queries: Floats, k: int, settings: SearchSettings) -> Found:
        """The k nearest by the engine; fewer are filled up with position -1, distance +inf, at the end of a row."""

    @abstractmethod
    def _engine_vectors(self, engine: Any, positions: Positions) -> Floats:
        """`(m, d)` prepared vectors at these positions of the engine, as exact as it or its store keeps them."""

    @abstractmethod
    def _engine_bytes(self, engine: Any) -> int:
        """Memory of the engine and what it keeps beside it."""

    @abstractmethod
    def _write_engine(self, engine: Any, folder: NewIndexFolder) -> None:
        """Write the engine's files."""

    @abstractmethod
    def _read_engine(self, folder: IndexFolder, covered: int) -> Any:
        """Read an engine of `covered` vectors; `ArtefactError` where it holds another number."""

    def _extend(self, engine: Any, vectors: Floats) -> None:
        """Where `grows`: put prepared vectors at the engine's next positions. Called with the write lock held."""
        raise NotImplementedError

    def _truncate_engine(self, engine: Any, size: int) -> None:
        """Where `grows`: drop what the engine holds from position `size` on, wherever `_extend` was interrupted.

        Called with the write lock held, and again where it was itself interrupted.
        """
        raise NotImplementedError

    def _find_one_in(self, engine: Any, row: Floats, k: int, settings: SearchSettings) -> FindOne | None:
        """As `_find_one`, of the engine alone; None where `_search_engine` does."""
        return None

    def _filter_engine(
        self, engine: Any, queries: Floats, k: int, allowed: Allowed, settings: SearchSettings
    ) -> Found | None:
        """The k nearest of the allowed positions, where the engine takes a filter; None where it does not.

        Fewer are filled up with position -1, distance +inf, at the end of a row.
        """
        return None

    # --- the index ------------------------------------------------------------------------------------------

    def _engine(self) -> Any:
        return self._built.engine

    def _append(self, vectors: Floats) -> None:
        built = self._built
        if self.grows and built.engine is not None:
            self._extend(built.engine, vectors)
            self._built = built._replace(covered=built.covered + len(vectors))
            return
        built.tail.add(vectors)

    def _truncate(self, size: int) -> int:
        built = self._built
        if self.grows and built.engine is not None:
            self._truncate_engine(built.engine, size)
            self._built = built._replace(covered=size)
        else:
            built.tail.truncate(size - built.covered)
        return 0

    def _settled(self) -> Any:
        built = self._built
        if len(built.tail) > (_REBUILD_SHARE * built.covered if built.covered else EXACT_BELOW):
            return self._rebuilt(np.arange(built.covered + len(built.tail)))
        return None

    def _rebuilt(self, positions: Positions) -> Any:
        built = self._built
        # Without an engine all vectors lie in the tail already: no copy of what may be half the memory there is.
        whole = built.engine is None and len(positions) == len(built.tail)
        vectors = built.tail.view() if whole else self._vectors_at(positions)
        if len(vectors) > EXACT_BELOW:
            return _Built(self._build_engine(np.ascontiguousarray(vectors)), len(vectors), self._new_tail())
        tail = self._new_tail()
        tail.add(vectors)
        return _Built(None, 0, tail)

    def _adopt(self, state: Any) -> None:
        self._built = state

    def _vectors_at(self, positions: Positions) -> Floats:
        built = self._built
        if built.engine is None:
            return built.tail.view()[positions]
        if not len(built.tail):
            return self._engine_vectors(built.engine, positions)
        vectors = np.empty((len(positions), self.dimension), np.float32)
        inside = positions < built.covered
        vectors[inside] = self._engine_vectors(built.engine, positions[inside])
        vectors[~inside] = built.tail.view()[positions[~inside] - built.covered]
        return vectors

    def _search(self, queries: Floats, k: int, settings: SearchSettings) -> Found:
        built = self._built
        if built.engine is None:
            return *built.tail.nearest(queries, k), len(queries) * len(built.tail)
        found = self._search_engine(built.engine, queries, k, settings)
        return self._with_tail(built, found, queries, k) if len(built.tail) else found

    def _find_one(self, row: Floats, k: int, settings: SearchSettings) -> FindOne:
        built = self._built
        if built.engine is None or len(built.tail):
            return super()._find_one(row, k, settings)
        return self._find_one_in(built.engine, row, k, settings) or super()._find_one(row, k, settings)

    def _with_tail(self, built: _Built, found: Found, queries: Floats, k: int, allowed: Allowed | None = None) -> Found:
        """Merge what the engine found with the nearest of the tail."""
        if allowed is None:
            count = len(built.tail)
            distances, at = built.tail.nearest(queries, min(k, count))
        else:
            rows = np.flatnonzero(allowed.mask[built.covered :])
            count = len(rows)
            if not count:
                return found
            wide, at = nearest_among(queries, built.tail.view()[rows], min(k, count), self._space.metric)
            distances, at = wide.astype(np.float32), rows[at]
        computed = None if found[2] is None else found[2] + len(queries) * count
        return *merged(found[:2], (distances, at + built.covered), k), computed

    def _beside(self) -> int:
        built = self._built
        return 0 if built.engine is None else len(built.tail)

    def _slowdown(self) -> float:
        return 0.0 if self._built.engine is None else super()._slowdown()

    def _scan_pays(self, allowed: Allowed, fetched: int, settings: SearchSettings, queries: int) -> bool:
        return self._built.engine is None or super()._scan_pays(allowed, fetched, settings, queries)

    def _search_allowed(
        self, queries: Floats, k: int, allowed: Allowed, fetched: int, settings: SearchSettings
    ) -> Found:
        built = self._built
        found = self._filter_engine(built.engine, queries, k, allowed, settings)
        if found is None:
            return super()._search_allowed(queries, k, allowed, fetched, settings)
        return self._with_tail(built, found, queries, k, allowed) if len(built.tail) else found

    def _bytes(self) -> int:
        built = self._built
        return built.tail.nbytes + (0 if built.engine is None else self._engine_bytes(built.engine))

    def _write(self, folder: NewIndexFolder) -> None:
        built = self._built
        folder.add_array("tail.npy", built.tail.view())
        if built.engine is not None:
            self._write_engine(built.engine, folder)

    def _read(self, folder: IndexFolder) -> None:
        tail = folder.array("tail.npy")
        covered = self._ids.size - len(tail)
        if tail.ndim != 2 or tail.shape[1] != self.dimension or tail.dtype != np.float32 or covered < 0:
            raise ArtefactError(f"tail.npy holds {tail.dtype} {tail.shape}, expected float32 (m, {self.dimension})")
        engine = self._read_engine(folder, covered) if covered else None
        self._built = _Built(engine, covered, self._new_tail())
        self._built.tail.add(tail)
