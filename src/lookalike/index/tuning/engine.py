"""Engines that are no kind of Lookalike's: what `compare_indexes` has to know to measure them beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from lookalike.index.tuning.speed import Searchable

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats
    from lookalike.index.core.kind import RecallSetting

__all__ = ["BuiltEngine", "Engine"]


class BuiltEngine(Searchable, Protocol):
    """An engine over vectors. Its `search` returns `Hits` whose ids are positions 0, 1, 2, … in these vectors."""

    @property
    def bytes(self) -> int:
        """What it takes in memory."""


class Engine(Protocol):
    """A library with build settings.

    Example:
        >>> import numpy as np
        >>> from lookalike.index import Hits
        >>> class Numpy:
        ...     name, settings, recall_setting = "numpy", {}, None
        ...     def build(self, vectors, metric):
        ...         return NumpyBuilt(vectors)
        >>> class NumpyBuilt:
        ...     def __init__(self, vectors):
        ...         self.vectors, self.bytes = vectors, vectors.nbytes
        ...     def __len__(self):
        ...         return len(self.vectors)
        ...     def search(self, queries, k, **settings):
        ...         distances = 1 - queries @ self.vectors.T
        ...         ids = np.argsort(distances, axis=1)[:, :k]
        ...         return Hits(ids, np.take_along_axis(distances, ids, 1))
        >>> compare_indexes(vectors, kinds=["exact"], engines=[Numpy()]).rows()    # doctest: +SKIP
    """

    @property
    def name(self) -> str:
        """In tables and pictures."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Build settings, for tables."""

    @property
    def recall_setting(self) -> RecallSetting | None:
        """The keyword of `search` that is raised to find more; None where nothing can be set."""

    def build(self, vectors: Floats, metric: str) -> BuiltEngine:
        """Build over vectors, with all threads.

        Args:
            vectors: `(n, d)` float32; of length 1 under cosine, whitened under Mahalanobis.
            metric: euclidean, cosine, inner_product or manhattan.

        Raises:
            LookalikeError: it is not installed, or does not support the metric; the comparison reports why, and
                measures the rest.
        """
