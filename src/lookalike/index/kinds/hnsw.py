"""`hnsw`: a hierarchy of graphs (Malkov & Yashunin, 2018), by faiss."""

from __future__ import annotations

from pydantic import Field

from lookalike.index.core.costs import Measured
from lookalike.index.core.kind import BuildSettings, Candidate, Kind
from lookalike.index.graphs.small_world_graph import RECALL_SETTING, GraphSearch, SmallWorldIndex, graph_costs

__all__ = ["KIND", "HnswBuild", "HnswIndex"]


class HnswBuild(BuildSettings):
    """Malkov & Yashunin (2018), section 4: `M` links a node (2M on the lowest layer), `ef_construction` candidates."""

    M: int = Field(default=16, ge=2, le=512)
    ef_construction: int = Field(default=100, ge=1, le=100_000)


class HnswIndex(SmallWorldIndex):
    """Approximate search over a graph of layers; `ef_search` trades recall for speed.

    Source: Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable
    Small World graphs" (TPAMI 2018).

    Example:
        >>> from lookalike.index import build_index
        >>> index = build_index(vectors, "hnsw", M=32)    # doctest: +SKIP
        >>> index.search(queries, ef_search=200)    # doctest: +SKIP
    """


def _links(build: HnswBuild) -> float:
    # M on each layer above the lowest; a node is on layer l with probability M^-l, so on 1 / (M - 1) of them.
    return 2 * build.M + build.M / (build.M - 1)


# fmt: off
_MEASURED = (
    Measured(20_000, 2.47, (
        (16, 0.9428, 0.0464), (32, 0.9764, 0.074), (48, 0.9878, 0.0867), (64, 0.9946, 0.1155),
        (96, 0.9984, 0.1689),
    )),
    Measured(100_000, 26.09, (
        (16, 0.8804, 0.0647), (32, 0.9412, 0.106), (48, 0.9614, 0.146), (64, 0.972, 0.1927),
        (96, 0.9842, 0.2779), (128, 0.989, 0.3562), (192, 0.9938, 0.5267), (256, 0.9946, 0.6525),
        (384, 0.9964, 1.0121),
    )),
)
# fmt: on

KIND = Kind(
    name="hnsw",
    index=HnswIndex,
    build=HnswBuild,
    search=GraphSearch,
    recall_setting=RECALL_SETTING,
    candidates=(
        Candidate("hnsw", {"M": 16, "ef_construction": 100}),
        Candidate("hnsw", {"M": 32, "ef_construction": 200}),
    ),
    costs=graph_costs(_links, _MEASURED, {"M": 16, "ef_construction": 100}),
    family="graph",
    mark=("#c8372d", "o"),
)
