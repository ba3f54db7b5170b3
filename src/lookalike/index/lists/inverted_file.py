"""An index over an inverted file: k-means cells, of which a search looks at the nearest few. For `ivf` and `ivfpq`.

The first 1,000 vectors are compared one by one; then the cells are learned from what is there, later vectors go into
them, and `compact()` learns them anew.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.index.core.hits import Floats, Found
from lookalike.index.core.prefix_index import PrefixIndex
from lookalike.index.lists.coarse_lists import SAMPLE_PER_LIST, list_count
from lookalike.index.lists.inverted_lists import CodeSettings, InvertedLists

if TYPE_CHECKING:
    from lookalike.index.core.allowed import Allowed
    from lookalike.index.core.kind import SearchSettings

__all__ = ["InvertedFileIndex", "filled_lists", "probing"]


def filled_lists(vectors: Floats, nlist: int, metric: str, code: CodeSettings | None = None) -> Any:
    """A faiss inverted file over `(n, d)` prepared vectors, trained on a sample spread evenly over them.

    Args:
        vectors: as the engine holds them.
        nlist: lists; 0 chooses.
        metric: of the prepared vectors.
        code: how vectors are coded; None keeps them as they are.
    """
    wanted = max(1 << 16, SAMPLE_PER_LIST * list_count(len(vectors), nlist))
    rows = np.linspace(0, len(vectors) - 1, min(wanted, len(vectors))).astype(np.int64)
    lists = InvertedLists.train(vectors[rows], nlist, metric, len(vectors), code)
    return lists.filled(lists.encode_all(vectors, os.cpu_count() or 1))


def probing(settings: SearchSettings, factor: float) -> SearchSettings:
    """Settings that probe `factor` times as many lists."""
    nprobe: int = settings.nprobe  # type: ignore[attr-defined]
    return settings.model_copy(update={"nprobe": int(nprobe * factor)})


class InvertedFileIndex(PrefixIndex):
    """What both kinds share; a kind implements `_found` and the engine's part of `PrefixIndex`."""

    grows = True
    #: A search waits some 20 ms beside an addition; the slices cost nothing that could be measured.
    _slice = 256

    @abstractmethod
    def _found(self, engine: Any, queries: Floats, k: int, settings: SearchSettings, allowed: Allowed | None) -> Found:
        """The k nearest, of the allowed positions where some are given."""

    def _search_engine(self, engine: Any, queries: Floats, k: int, settings: SearchSettings) -> Found:
        return self._found(engine, queries, k, settings, None)

    def _filter_engine(self, engine: Any, queries: Floats, k: int, allowed: Allowed, settings: SearchSettings) -> Found:
        return self._found(engine, queries, k, settings, allowed)

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        return probing(settings, factor)
