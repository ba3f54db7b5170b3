"""How widely a segment is searched, and which of two indexes answers sooner, both by measurement.

What an index of its size needs of vectors like faces is expected; how much these vectors need is measured on some.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import lookalike.index

if TYPE_CHECKING:
    from lookalike.index import VectorIndex

__all__ = ["QUERIES", "RECALL", "quickest", "search_widely_enough"]

#: Share of the nearest templates that is to be found. Who is missed here is missed, however good the model is.
RECALL = 0.99
#: Templates that ask, and how many neighbours of each are looked for.
QUERIES, _NEIGHBOURS = 200, 10
#: By kind: the search setting, at least and at most. A small graph gains nothing by fewer candidates; more than the
#: most take longer than comparing 100,000 templates one by one.
_SETTINGS = {"hnsw": ("ef_search", 64, 4000), "ivf": ("nprobe", 1, 4096)}
#: Templates that are asked for to see which index is quicker, how often, and how many candidates each time.
_TIMED, _ROUNDS, _CANDIDATES = 50, 3, 10


def search_widely_enough(
    index: VectorIndex,
    ids: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float32],
    asking: npt.NDArray[np.float32] | None,
) -> float:
    """Let a graph consider as many candidates, or lists be probed, as find nearly all of the nearest templates.

    Args:
        index: of these templates; its search settings are changed.
        ids: `(n,)`.
        vectors: `(n, d)`.
        asking: `(q, d)` others; None where some of these ask, who then do not count as their own neighbours.

    Returns:
        the share of the nearest that is found then, at least `RECALL` where the setting reaches that.
    """
    from lookalike.index.planning.scaling import setting_for_recall

    setting, fewest, most = _SETTINGS[index.kind]
    wanted = max(fewest, setting_for_recall(index.kind, len(index), RECALL, index.spec.build.model_dump()))
    rows = np.linspace(0, len(ids) - 1, min(QUERIES, len(ids))).astype(np.int64)
    queries, own = (vectors[rows], ids[rows, None]) if asking is None else (asking, np.full((len(asking), 1), -1))
    exact = lookalike.index.build_index(vectors, "exact", index.metric, ids=ids)
    true = exact.search(queries, min(_NEIGHBOURS + (asking is None), len(exact))).ids
    counted = true != own
    while True:
        index.configure(**{setting: wanted})
        found = index.search(queries, true.shape[1]).ids
        share = (found[:, :, None] == true[:, None, :]).any(axis=1)[counted].mean()
        if share >= RECALL or wanted >= min(most, len(index)):
            return float(share)
        wanted = min(wanted * 3 // 2 + 1, most)


def quickest(indexes: Sequence[VectorIndex], vectors: npt.NDArray[np.float32]) -> VectorIndex:
    """Which answers soonest, each as it is set, one query at a time.

    Vectors that lie so far from each other that a graph must look at thousands of candidates are found sooner in lists,
    or one by one; how far they lie is of the model and of the people.

    Args:
        indexes: of the same templates.
        vectors: `(n, d)` of these.
    """
    rows = vectors[np.linspace(0, len(vectors) - 1, min(_TIMED, len(vectors))).astype(np.int64)]
    seconds = dict.fromkeys(range(len(indexes)), float("inf"))
    for _ in range(_ROUNDS):
        for at, index in enumerate(indexes):
            began = time.perf_counter()
            for row in rows:
                index.search(row[None], min(_CANDIDATES, len(index)))
            seconds[at] = min(seconds[at], time.perf_counter() - began)
    return indexes[min(seconds, key=lambda at: seconds[at])]
