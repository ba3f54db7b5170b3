"""`nsw`: one flat graph (Malkov et al., 2014), by faiss: its hierarchy without the upper layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from lookalike.index.core.costs import Measured
from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.core.kind import BuildSettings, Candidate, Kind
from lookalike.index.graphs.small_world_graph import RECALL_SETTING, GraphSearch, SmallWorldIndex, graph_costs

__all__ = ["KIND", "NswBuild", "NswIndex"]

faiss = EngineLibrary("faiss")


class NswBuild(BuildSettings):
    """Malkov et al. (2014), one flat graph: 2 × `M` links a node, `ef_construction` candidates."""

    M: int = Field(default=32, ge=2, le=512)
    ef_construction: int = Field(default=100, ge=1, le=100_000)


class NswIndex(SmallWorldIndex):
    """Approximate search over one graph: every search starts at one node; `ef_search` trades recall for speed.

    Source: Malkov et al., "Approximate nearest neighbor algorithm based on navigable small world graphs" (Information
    Systems, 2014).

    Example:
        >>> from lookalike.index import build_index
        >>> index = build_index(vectors, "nsw", M=24)    # doctest: +SKIP
        >>> index.search(queries, ef_search=200)    # doctest: +SKIP
    """

    def _new(self) -> Any:
        graph = super()._new()
        # faiss draws a node's top layer from these probabilities: one entry of 1 puts every node on the lowest.
        # (set_default_probas would append to the old ones, and a graph saved so cannot be read again.)
        faiss.copy_array_to_vector(np.array([1.0]), graph.hnsw.assign_probas)
        return graph


def _links(build: NswBuild) -> float:
    return 2 * build.M


# fmt: off
_MEASURED = (
    Measured(20_000, 3.43, (
        (16, 0.964, 0.0758), (32, 0.9896, 0.1224), (48, 0.9964, 0.161),
    )),
    Measured(100_000, 40.52, (
        (16, 0.9258, 0.091), (32, 0.965, 0.1589), (48, 0.9822, 0.2356), (64, 0.9886, 0.3133),
        (96, 0.9936, 0.4408), (128, 0.9966, 0.5752),
    )),
)
# fmt: on

KIND = Kind(
    name="nsw",
    index=NswIndex,
    build=NswBuild,
    search=GraphSearch,
    recall_setting=RECALL_SETTING,
    candidates=(Candidate("nsw", {"M": 24, "ef_construction": 100}),),
    costs=graph_costs(_links, _MEASURED, {"M": 32, "ef_construction": 100}),
    family="graph",
    mark=("#e6842a", "v"),
)
