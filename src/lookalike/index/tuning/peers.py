"""Graph libraries that are no kind of ours, measured beside ours by `compare_indexes(..., peers=True)`.

They are called as their own users call them, with no layer of ours but the turning of a distance into our convention.
"""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError, MissingDependencyError
from lookalike.index.core.hits import Floats, Hits

if TYPE_CHECKING:
    from lookalike.index.core.metric_space import MetricSpace

__all__ = ["PEERS", "HnswlibPeer", "UsearchPeer"]

_SPACES = {"euclidean": "l2", "cosine": "ip", "inner_product": "ip"}


class _Peer:
    """A graph of one library over vectors prepared by `space`.

    Args:
        vectors: `(n, d)` prepared.
        space: of the comparison; manhattan is not served.

    Raises:
        MissingDependencyError: the library is not installed.
        InputError: it cannot the metric.
    """

    kind = ""
    settings: dict[str, Any] = {"M": 16, "ef_construction": 100}  # noqa: RUF012 - never written

    def __init__(self, vectors: Floats, space: MetricSpace) -> None:
        if importlib.util.find_spec(self.kind) is None:
            raise MissingDependencyError(
                f"the peer {self.kind} is not installed; pip install {self.kind}, or compare without peers"
            )
        if space.metric not in _SPACES:
            raise InputError(f"the peer {self.kind} cannot search by metric {space.metric!r}; compare without peers")
        self._count, self._space = len(vectors), space
        self._build(vectors)

    def __len__(self) -> int:
        return self._count

    def _build(self, vectors: Floats) -> None:
        raise NotImplementedError

    def _distances(self, raw: Floats) -> Floats:
        if self._space.metric == "euclidean":
            root: Floats = np.sqrt(raw)
            return root
        return raw - 1 if self._space.metric == "inner_product" else raw


class HnswlibPeer(_Peer):
    """hnswlib (Malkov & Yashunin's own implementation)."""

    kind = "hnswlib"

    def _build(self, vectors: Floats) -> None:
        import hnswlib

        self._index = hnswlib.Index(space=_SPACES[self._space.metric], dim=vectors.shape[1])
        self._index.init_index(len(vectors), M=self.settings["M"], ef_construction=self.settings["ef_construction"])
        self._index.add_items(vectors, num_threads=os.cpu_count() or 1)

    @property
    def bytes(self) -> int:
        """What it would write to disk, which is what it holds."""
        return int(self._index.index_file_size())

    def search(self, queries: Floats, k: int, **settings: Any) -> Hits:
        """As `VectorIndex.search`; positions for ids; the setting is `ef_search`."""
        self._index.set_ef(max(k, settings["ef_search"]))
        threads = 1 if len(queries) == 1 else os.cpu_count() or 1
        ids, distances = self._index.knn_query(queries, k, num_threads=threads)
        return Hits(ids.astype(np.int64), self._distances(distances))


class UsearchPeer(_Peer):
    """usearch, float32."""

    kind = "usearch"

    def _build(self, vectors: Floats) -> None:
        from usearch.index import Index

        metric = "l2sq" if self._space.metric == "euclidean" else "ip"
        self._index = Index(
            ndim=vectors.shape[1],
            metric=metric,
            dtype="f32",
            connectivity=self.settings["M"],
            expansion_add=self.settings["ef_construction"],
        )
        self._index.add(np.arange(len(vectors)), vectors, threads=os.cpu_count() or 1)

    @property
    def bytes(self) -> int:
        """As it reports."""
        return int(self._index.memory_usage)

    def search(self, queries: Floats, k: int, **settings: Any) -> Hits:
        """As `VectorIndex.search`; positions for ids; the setting is `ef_search`."""
        self._index.expansion_search = max(k, settings["ef_search"])
        threads = 1 if len(queries) == 1 else os.cpu_count() or 1
        found = self._index.search(queries, k, threads=threads)
        keys, distances = np.atleast_2d(found.keys), np.atleast_2d(found.distances)
        return Hits(keys.astype(np.int64), self._distances(distances.astype(np.float32)))


#: By name.
PEERS: dict[str, type[HnswlibPeer] | type[UsearchPeer]] = {"hnswlib": HnswlibPeer, "usearch": UsearchPeer}
