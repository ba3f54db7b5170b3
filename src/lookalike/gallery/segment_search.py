"""How widely a segment is searched: as widely as finds nearly all of the nearest templates, by measurement.

What an index of its size needs of vectors like faces is expected; how much these vectors need is measured on some.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import lookalike.index

if TYPE_CHECKING:
    from lookalike.index import VectorIndex

__all__ = ["QUERIES", "search_widely_enough"]

_log = logging.getLogger(__name__)

#: Share of the nearest templates that is to be found. Who is missed here is missed, however good the model is.
_RECALL = 0.99
#: Templates that ask, and how many neighbours of each are looked for.
QUERIES, _NEIGHBOURS = 200, 10
#: By kind: the search setting, at least and at most. A small graph gains nothing by fewer candidates; more than the
#: most take longer than comparing 100,000 templates one by one.
_SETTINGS = {"hnsw": ("ef_search", 64, 4000), "ivf": ("nprobe", 1, 4096)}


def search_widely_enough(
    index: VectorIndex,
    ids: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float32],
    asking: npt.NDArray[np.float32] | None,
) -> None:
    """Let a graph consider as many candidates, or lists be probed, as find nearly all of the nearest templates.

    Args:
        index: of these templates; its search settings are changed.
        ids: `(n,)`.
        vectors: `(n, d)`.
        asking: `(q, d)` others; None where some of these ask, who then do not count as their own neighbours.
    """
    from lookalike.index.planning.scaling import setting_for_recall

    setting, fewest, most = _SETTINGS[index.kind]
    wanted = max(fewest, setting_for_recall(index.kind, len(index), _RECALL, index.spec.build.model_dump()))
    rows = np.linspace(0, len(ids) - 1, min(QUERIES, len(ids))).astype(np.int64)
    queries, own = (vectors[rows], ids[rows, None]) if asking is None else (asking, np.full((len(asking), 1), -1))
    exact = lookalike.index.build_index(vectors, "exact", index.metric, ids=ids)
    true = exact.search(queries, min(_NEIGHBOURS + (asking is None), len(exact))).ids
    counted = true != own
    while True:
        index.configure(**{setting: wanted})
        found = index.search(queries, true.shape[1]).ids
        share = (found[:, :, None] == true[:, None, :]).any(axis=1)[counted].mean()
        if share >= _RECALL:
            return
        if wanted >= min(most, len(index)):
            _log.warning("a segment finds %.1f%% of the nearest templates, not %.0f%%", 100 * share, 100 * _RECALL)
            return
        wanted = wanted * 3 // 2 + 1
