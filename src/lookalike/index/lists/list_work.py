"""Work and bytes of inverted files, for plans: what `ivf` and `ivfpq` share.

A query compares the centroids (codes of them first from 8,192 on) and ``nprobe · n / nlist`` vectors or codes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lookalike.index.core.costs import TRAINING_SAMPLE
from lookalike.index.core.kind import RecallSetting
from lookalike.index.lists.coarse_lists import list_count
from lookalike.index.lists.inverted_lists import BLOCK, CODED_FROM

if TYPE_CHECKING:
    from lookalike.index.core.costs import Shape

__all__ = [
    "block_bytes",
    "build_work",
    "by_count",
    "centroid_work",
    "lists_of",
    "probed_lists",
    "sample_bytes",
    "visited_vectors",
]

#: What opening a list costs, as numbers read in order.
_LIST = 1000


def lists_of(shape: Shape) -> int:
    """How many lists there are."""
    return list_count(shape.count, shape.build.nlist)


def by_count(count: int) -> dict[str, Any]:
    """The number of lists that suits a number of vectors."""
    return {"nlist": list_count(count)}


def probed_lists(reranked: str | None = None) -> RecallSetting:
    """`nprobe` is raised for recall; more lists than there are do no harm."""
    return RecallSetting("nprobe", limit=lambda count: count // 4, counts_candidates=False, reranked=reranked)


def sample_bytes(shape: Shape) -> int:
    """Of the vectors that cells are learned from."""
    return 4 * shape.dimension * min(shape.count, max(TRAINING_SAMPLE, 40 * lists_of(shape)))


def block_bytes(shape: Shape) -> int:
    """Of the vectors that are encoded at a time, by all threads."""
    return 4 * shape.dimension * min(shape.count, shape.threads * BLOCK)


def centroid_work(shape: Shape, nprobe: int) -> float:
    """Numbers read to find the lists of a query, and to open them."""
    lists = lists_of(shape)
    # Codes of half a byte for two numbers, compared many at once, then twice as many centroids as are probed.
    compared = lists if lists < CODED_FROM else lists / 16 + 2 * nprobe
    return compared * shape.dimension + nprobe * _LIST


def visited_vectors(shape: Shape, nprobe: int) -> float:
    """How many vectors or codes a query compares."""
    lists = lists_of(shape)
    return min(nprobe, lists) * shape.count / lists


def build_work(shape: Shape, learning: float = 0.0) -> float:
    """Numbers read to learn cells and to put every vector into one; `learning` are comparisons beside these."""
    lists = lists_of(shape)
    # A vector is compared with up to 1,024 group centres, then with up to 1,024 centroids (coarse_lists).
    each = lists if lists <= 1024 else min(1024, lists // 32) + 1024
    sample = min(shape.count, max(TRAINING_SAMPLE, 40 * lists))
    cells = sample * (20 * lists if lists <= 1024 else 18 * math.sqrt(lists) + 3 * each)
    return (cells + learning + shape.count * each) * shape.dimension
