"""Which of Milvus' index types stands for a kind of ours, its parameters, and which one a gallery of a size gets.

The mapping is the planner's (`index.planning.hosts.milvus_indexes`); FLAT, which no plan offers, is added, and a graph
has more links than a plan's: whom it does not find is not recognised, however good the model is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lookalike.distances import MetricName
from lookalike.errors import InputError
from lookalike.index.planning.hosts.milvus_indexes import MILVUS_INDEXES, MilvusIndex

__all__ = ["DOCUMENT_INDEX", "MOST_HITS", "NAMES", "IndexType", "index_type", "metric_type", "search_settings"]

#: What an address may ask for, and the planner's name for it; auto chooses by size.
_PLANNED = {"hnsw": "HNSW", "ivf": "IVF_FLAT", "sq8": "IVF_SQ8", "ivfpq": "IVF_PQ+FP16"}
NAMES = ("auto", "exact", *_PLANNED)
_METRICS: dict[str, str] = {"cosine": "COSINE", "euclidean": "L2", "inner_product": "IP"}
#: Cells of a segment: 4·√n of 262,144 vectors, about as many as a segment of Milvus has. They are set once, before
#: anybody knows how many vectors will come.
_CELLS = 2_048
#: Cells that are searched. Of 100,000 templates like faces the nearest was found for 0.951 of the probes with 64, 0.981
#: with 128, 0.998 with 256, in about the same time (`benchmarks/gallery_milvus_settings.py`).
_PROBES = 256
#: Links and candidates of a graph that is built. With the planner's 16 and 100 a search of 100,000 found 0.986 of the
#: nearest with 466 candidates and 0.993 with 1,000; with these 0.999 with 256, and 1.000 with 466.
_GRAPH = {"M": 32, "efConstruction": 200}
#: Of a graph: recall that is expected, and candidates that are considered, at least and at most.
_RECALL, _LEAST_CANDIDATES, _MOST_CANDIDATES = 0.99, 256, 32_768
#: The most neighbours that Milvus answers to one search.
MOST_HITS = 16_384


@dataclass(frozen=True)
class IndexType:
    """A type of index as Milvus is asked for it.

    Attributes:
        name: Milvus' `index_type`.
        build: its parameters.
    """

    name: str
    build: Mapping[str, Any] = field(default_factory=dict)


DOCUMENT_INDEX = IndexType("FLAT")


def metric_type(metric: MetricName) -> str:
    """Milvus' name of a metric.

    Raises:
        InputError: Milvus has none for it.

    Example:
        >>> metric_type("euclidean")
        'L2'
    """
    if metric not in _METRICS:
        raise InputError(
            f"galleries on Milvus compare by {', '.join(_METRICS)}, and the model by {metric}; give a folder, for "
            "example people.gallery"
        )
    return _METRICS[metric]


def index_type(kind: str, dimension: int, templates: int = 0) -> IndexType:
    """The index type of Milvus for a kind of index of ours.

    Args:
        kind: one of `NAMES`. `auto` compares exactly up to `index.AUTO_EXACT_LIMIT` templates and is a graph above, as
            a gallery in a folder does.
        dimension: of the vectors.
        templates: how many there are.

    Raises:
        InputError: another kind.

    Example:
        >>> index_type("hnsw", 128).build
        {'M': 32, 'efConstruction': 200}
    """
    import lookalike.index

    if kind not in NAMES:
        raise InputError(f"the index is {kind!r}; for a gallery on Milvus give one of {', '.join(NAMES)}")
    if kind == "auto":
        kind = "hnsw" if templates > lookalike.index.AUTO_EXACT_LIMIT else "exact"
    if kind == "exact":
        return IndexType("FLAT")
    planned = _planned(_PLANNED[kind])
    name = planned.name.partition("+")[0]
    build: dict[str, Any] = {"nlist": _CELLS} if planned.cells else {}
    # Comparing candidates again (refine) came after Milvus 2.3.
    build |= {key: value for key, value in planned.settings.items() if not key.startswith("refine")}
    if name == "HNSW":
        build |= _GRAPH
    if name == "IVF_PQ":
        build["m"] = _parts(dimension)
    return IndexType(name, build)


def _planned(name: str) -> MilvusIndex:
    return next(one for one in MILVUS_INDEXES if one.name == name)


def _parts(dimension: int) -> int:
    """A quarter of the dimension, as the planner counts, or the next smaller number that divides it."""
    return next(parts for parts in range(max(1, dimension // 4), 0, -1) if dimension % parts == 0)


def search_settings(k: int, templates: int) -> dict[str, int]:
    """Search parameters for every type of index; Milvus passes over those that are not of the type at hand.

    Args:
        k: neighbours that are asked for.
        templates: in the gallery.

    Example:
        >>> search_settings(10, 1_000)["nprobe"]
        256
    """
    from lookalike.index.planning.scaling import setting_for_recall

    graph = {"M": _GRAPH["M"], "ef_construction": _GRAPH["efConstruction"]}
    wanted = setting_for_recall("hnsw", max(templates, 1), _RECALL, graph)
    return {"ef": min(_MOST_CANDIDATES, max(wanted, _LEAST_CANDIDATES, k)), "nprobe": _PROBES}
