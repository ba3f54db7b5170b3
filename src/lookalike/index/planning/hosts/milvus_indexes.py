"""The index types of Milvus that a plan offers: bytes by Milvus' own formulas, times and recall of our own kinds.

Milvus was not run for this. Its engine, Knowhere, builds these types on faiss (IVF_*, and SCANN: `IndexScaNN.h` beside
`IndexIVFPQFastScan.h` among its additions to faiss), on graphs as in `hnsw`, and on DiskANN's Vamana. So what our kinds
took in faiss and SVS on the same algorithm represents a segment in Milvus; Milvus' own scheduling is not included.

Sources of bytes, all of Milvus 2.6: the sizing tool (milvus.io/tools/sizing, `memoryAndDiskCalculator` in
`src/utils/sizingTool.ts` of the repository milvus-io/milvus.io); "Index Explained", memory usage estimation
(milvus.io/docs/index-explained.md); "DISKANN" (milvus.io/docs/diskann.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lookalike.index.planning.hosts.milvus_settings import SIZING_TOOL

__all__ = ["MILVUS_INDEXES", "MilvusIndex", "PerVector"]

#: Links of a node of DISKANN (`max_degree` of milvus.io/docs/diskann.md); the kind that represents it has 32.
_MAX_DEGREE = 56
_M = 16  # of HNSW, as our `hnsw` was measured; Milvus' own default is 30


class PerVector(NamedTuple):
    """Bytes a vector takes, as a function of its dimension d."""

    formula: str
    at: Callable[[int], float]
    numbers: Callable[[int], str]


def _times(factor: float, symbol: str) -> PerVector:
    return PerVector(symbol, lambda d: factor * d, lambda d: f"{factor:g} × {d}")


def _plus(factor: float, more: int, symbol: str, numbers: str) -> PerVector:
    return PerVector(symbol, lambda d: factor * d + more, lambda d: f"{factor:g} × {d} + {numbers}")


@dataclass(frozen=True)
class MilvusIndex:
    """A type of index in Milvus, and which of our kinds represents it.

    Attributes:
        name: as Milvus names it, and what candidates are compared with again.
        kind: our kind, whose measurements of search, build and recall are used.
        build: its build settings, as measured.
        memory: bytes a vector takes in memory, without centroids and ids.
        source: where Milvus says so.
        stands_for: how similar the two are.
        measured_as: the entry of `measurements.MERGED_SHARE` that holds for it.
        cells: whether each segment holds the centroids of cells as well.
        ssd: bytes a vector takes on the local SSD; None: nothing.
        node_bytes: of a node that one search step reads from the SSD, where there is one.
        assumed: whether its entry of `MERGED_SHARE`, or the time of its code, was not measured for it.
        settings: for `index_params` of Milvus, besides `nlist`.
    """

    name: str
    kind: str
    build: Mapping[str, Any]
    memory: PerVector
    source: str
    stands_for: str
    measured_as: str = "flat"
    cells: bool = True
    ssd: PerVector | None = None
    node_bytes: Callable[[int], int] | None = None
    assumed: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


MILVUS_INDEXES = (
    MilvusIndex(
        "IVF_FLAT",
        "ivf",
        {},
        _times(4, "4·d"),
        f"{SIZING_TOOL}: vectors + nlist centroids",
        "the same algorithm, by faiss",
    ),
    MilvusIndex(
        "IVF_SQ8",
        "ivf",
        {},
        _times(1, "d"),
        f"{SIZING_TOOL}: a quarter of the vectors + nlist centroids",
        "the same cells, by faiss; bytes are taken to cost the time of float32, and no recall",
        assumed=True,
    ),
    MilvusIndex(
        "IVF_PQ+FP16",
        "ivfpq",
        {"code": "pq", "store": "float16"},
        _times(2.25, "d/4 + 2·d"),
        "Index Explained: a byte for each of m = d/4 parts; FP16 for comparing again",
        "the same algorithm, by faiss; 100 candidates compared again",
        measured_as="fastscan",  # the nearest to it that was measured
        assumed=True,
        settings={"nbits": 8, "refine": True, "refine_type": "FP16"},
    ),
    MilvusIndex(
        "IVF_RABITQ+SQ8",
        "ivfpq",
        {"code": "rabitq", "store": "sq8"},
        _times(1.125, "d/8 + d"),
        f"{SIZING_TOOL}: (1/32 + 8/32) of the vectors + nlist centroids",
        "the same algorithm, by faiss; 100 candidates compared again",
        measured_as="rabitq",
        settings={"refine": True, "refine_type": "SQ8"},
    ),
    MilvusIndex(
        "SCANN",
        "ivfpq",
        {"code": "fastscan", "store": "float32"},
        _times(4.5, "4.5·d"),
        f"{SIZING_TOOL}: 9/8 of the vectors, with_raw_data",
        "packed 4-bit codes by faiss, as in Knowhere; 100 candidates compared again",
        measured_as="fastscan",
        settings={"with_raw_data": True},
    ),
    MilvusIndex(
        "HNSW",
        "hnsw",
        {"M": _M, "ef_construction": 100},
        _plus(4, 8 * _M, "4·d + 8·M", f"8 × {_M}"),
        f"{SIZING_TOOL}: (1 + 2·M/d) of the vectors",
        "the same algorithm, by faiss; measured up to 100,000 vectors",
        measured_as="graph",
        assumed=True,
        cells=False,
        settings={"M": _M, "efConstruction": 100},
    ),
    MilvusIndex(
        "DISKANN",
        "vamana",
        {"degree": 32, "window": 100},
        _times(1, "d"),
        f"{SIZING_TOOL}: a quarter of the vectors in memory, (1 + max_degree/d) on the SSD",
        "Vamana in memory by SVS, up to 100,000 vectors; reads from the SSD are counted besides",
        measured_as="graph",
        assumed=True,
        cells=False,
        ssd=_plus(4, 4 * _MAX_DEGREE, "4·d + 4·max_degree", f"4 × {_MAX_DEGREE}"),
        node_bytes=lambda d: 4 * d + 4 * (_MAX_DEGREE + 1),
        settings={"max_degree": _MAX_DEGREE, "search_list_size": 100},
    ),
)
