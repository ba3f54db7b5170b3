"""How many bytes an index of a kind takes: in memory while it serves and while it is built, and on disk.

Counted from the engines' own structures, before anything is built:

- faiss' graphs (`nsw`, `hnsw`): the vectors, 2M links a node on the lowest layer and M on each above, 1/(M-1) of
  which a node has on average (a node reaches layer l with probability M^-l), 8 bytes of offset and 4 of level;
- inverted files: vectors or codes, an 8-byte position each (and 8 more to find a vector again, where there is no
  store), centroids, and the words that every list has;
- annoy: a node of ``16 + 4·d`` bytes for every vector and for every inner node and bucket of every tree; a bucket holds
  up to d + 2 vectors and is filled to about ln 2 (random splits, as with random binary tries);
- Vamana: the vectors and ``degree + 1`` words a node; ScaNN: the vectors, half a byte a block of dimensions packed and
  one unpacked, an assignment (these twice with SOAR), and the leaves' centroids twice.

Beside them our ids: 9 bytes a vector, 25 where the ids are not 0, 1, 2, ... `tests/index/test_footprint.py` compares
with real indexes, `benchmarks/capacity_check.py` with the memory of real processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PROCESS_BYTES", "STORE_BYTES", "Footprint", "code_bytes", "footprint", "list_count_of", "scann_leaves"]

#: Python, NumPy, pydantic and an engine's library, before the first vector.
PROCESS_BYTES = 80 << 20

#: Bytes a number of the re-ranking store of `ivfpq`.
STORE_BYTES = {"float32": 4, "float16": 2, "sq8": 1, "none": 0}

#: faiss' graphs are given so many vectors at a time, so that searches wait little; their arrays double from there.
_GRAPH_SLICE = 256
#: Vectors encoded at a time by each thread (`inverted_lists`), and the least that codes are learned from.
_BLOCK = 1 << 17
_SAMPLE = 1 << 16
#: Copies of its block that a thread of a streamed build works with (`bulk_build`): read, prepared, turned, encoded.
_COPIES = 4


@dataclass(frozen=True)
class Footprint:
    """Bytes of one index.

    Attributes:
        serving: memory the index holds while it serves, loaded from disk, without `PROCESS_BYTES`.
        building: the most memory while it is built, the given vectors included (`ivfpq`: read piece by piece), without
            `PROCESS_BYTES`. An upper bound: arrays double as they grow, and who copies when is not known to a byte.
        disk: size of its folder.
        mapped: the part of `disk` that serving reads piece by piece; the system keeps it in memory as far as there is
            room, and takes that back when others need it.
    """

    serving: int
    building: int
    disk: int
    mapped: int = 0


@dataclass(frozen=True)
class _Shape:
    count: int
    dimension: int
    build: Mapping[str, Any]
    id_bytes: int
    threads: int

    @property
    def vectors(self) -> int:
        return 4 * self.dimension * self.count


def footprint(
    kind: str,
    count: int,
    dimension: int,
    build: Mapping[str, Any] | None = None,
    *,
    metric: str = "cosine",
    own_ids: bool = True,
    threads: int = 2,
) -> Footprint:
    """Bytes of an index of `kind` over `count` vectors.

    Args:
        kind: a key of `lookalike.index.core.spec.KINDS`.
        count: vectors, at least 1.
        dimension: numbers per vector.
        build: its build settings; those not given have their default.
        metric: cosine and Mahalanobis prepare a copy of the vectors while building.
        own_ids: whether the ids are 0, 1, 2, ...; others need a table.
        threads: that build.

    Example:
        >>> footprint("hnsw", 1_000_000, 128).serving // 1_000_000    # 512 vector, 133 links, 12 and 9 of tables
        665
    """
    from lookalike.index.core.spec import KINDS

    settings = {**KINDS[kind].build().model_dump(), **(build or {})}
    shape = _Shape(count, dimension, settings, 9 if own_ids else 25, threads)
    found = _KINDS[kind](shape)
    table = shape.id_bytes * count
    prepared = shape.vectors if metric in ("cosine", "mahalanobis") and kind != "ivfpq" else 0
    return Footprint(
        found.serving + table, found.building + prepared + table, found.disk + 9 * count + 4096, found.mapped
    )


def _doubled(count: int, first: int) -> int:
    """Rows in memory when an array that doubles from `first` was last moved: old and new side by side."""
    rows = first
    while rows < count:
        rows *= 2
    return max(count, rows if rows > first else 0)


def _exact(s: _Shape) -> Footprint:
    # Added a million vectors at a time; the array doubles.
    grown = _doubled(s.count, min(s.count, 1 << 20)) * 4 * s.dimension
    return Footprint(s.vectors, s.vectors + grown, s.vectors)


def _graph(s: _Shape, links: float) -> Footprint:
    per_node = 4 * s.dimension + 4 * links + 12
    size = round(per_node * s.count)
    return Footprint(size, s.vectors + round(per_node * _doubled(s.count, _GRAPH_SLICE)), size)


def _hnsw(s: _Shape) -> Footprint:
    links = s.build["M"]
    return _graph(s, 2 * links + links / (links - 1))


def _nsw(s: _Shape) -> Footprint:
    return _graph(s, 2 * s.build["M"])


def list_count_of(count: int, build: Mapping[str, Any]) -> int:
    """How many lists an inverted file with these build settings has."""
    from lookalike.index.lists.coarse_lists import list_count

    return list_count(count, build.get("nlist", 0))


def _ivf(s: _Shape) -> Footprint:
    lists = list_count_of(s.count, s.build)
    size = s.vectors + 8 * s.count + lists * (4 * s.dimension + 64)
    place = 8 * s.count  # where each vector lies
    sample = 4 * s.dimension * min(s.count, max(_SAMPLE, 40 * lists))
    blocks = 4 * s.dimension * min(s.count, s.threads * _BLOCK)
    # As given and in the tail; then samples being sorted by cell, or encoded parts beside the lists they go into.
    return Footprint(size + place, 2 * s.vectors + max(4 * sample, s.vectors + size + place + 2 * blocks), size + place)


def code_bytes(dimension: int, build: Mapping[str, Any]) -> float:
    """Bytes of a vector's code in `ivfpq` of these build settings."""
    code = build.get("code", "fastscan")
    if code == "rabitq":
        return dimension / 8 + 8
    parts = build.get("m", 0) or math.ceil(dimension / (4 if code == "pq" else 2))
    return float(parts) if code == "pq" else parts / 2


def _ivfpq(s: _Shape) -> Footprint:
    lists = list_count_of(s.count, s.build)
    code = code_bytes(s.dimension, s.build)
    # Codes for SIMD registers keep a list in blocks of 32 codes; half a block a list is empty on average.
    padding = lists * 16 * code if s.build["code"] != "pq" else 0
    codes = round((code + 8) * s.count + padding)
    book = {"pq": 1024, "fastscan": 64, "rabitq": 0}[s.build["code"]] * s.dimension
    tables = lists * (4 * s.dimension + 64) + 4 * s.dimension * s.dimension + book
    store = STORE_BYTES[s.build["store"]] * s.dimension * s.count
    sample = 4 * s.dimension * min(s.count, max(_SAMPLE, 40 * lists))
    # Streamed. Learning sorts copies of the sample; merging holds the codes as encoded (files being read), as lists and
    # as packed lists, and then new ids.
    building = (
        max(
            4 * sample,
            _COPIES * 4 * s.dimension * min(s.count, s.threads * _BLOCK),
            round((code + 4) * s.count) + 2 * codes,
        )
        + tables
    )
    size = codes + tables
    if not store:
        size += 8 * s.count  # where each code lies, so that vectors can be given back
    return Footprint(size, building, size + store, store)


def _trees(s: _Shape) -> Footprint:
    node = 16 + 4 * s.dimension
    buckets = max(1.0, s.count / ((s.dimension + 2) * math.log(2)))
    size = round(node * (s.count + s.build["n_trees"] * (2 * buckets - 1)))
    # annoy's array grows by 1.3 at a time, and may be moved when it does.
    return Footprint(size, 2 * s.vectors + round(1.6 * size), size)


def _vamana(s: _Shape) -> Footprint:
    size = s.vectors + 4 * (s.build["degree"] + 1) * s.count
    # As given, in the tail, and SVS' own; before that, a block in 64 bits while equal vectors are looked for.
    equal = 12 * s.dimension * min(s.count, 1 << 16) + 48 * s.count
    return Footprint(size, 2 * s.vectors + max(equal, round(1.2 * size)), size)


def _scann(s: _Shape) -> Footprint:
    leaves: int = s.build["leaves"] or scann_leaves(s.count)
    blocks = math.ceil(s.dimension / s.build["dims_per_block"])
    centroids = 2 * leaves * (4 * s.dimension + 8)
    cells = 2 if s.build["soar"] else 1  # each with a code of its own
    codes = cells * math.ceil(blocks / 2) * s.count
    disk = s.vectors + cells * (blocks + 4) * s.count + centroids
    serving = s.vectors + codes + (8 + 4 * cells) * s.count + centroids
    # Beside the vectors as given and our copy of them, ScaNN's, and its sample for k-means in several forms.
    sample = 4 * s.dimension * min(s.count, max(100_000, 256 * leaves))
    return Footprint(serving, 2 * s.vectors + serving + 3 * sample, disk)


def scann_leaves(count: int) -> int:
    """2·√n, as ScaNN's authors advise between √n and a few times that."""
    return max(1, round(2 * math.sqrt(count)))


_KINDS: dict[str, Callable[[_Shape], Footprint]] = {
    "exact": _exact,
    "trees": _trees,
    "nsw": _nsw,
    "hnsw": _hnsw,
    "ivf": _ivf,
    "ivfpq": _ivfpq,
    "vamana": _vamana,
    "scann": _scann,
}
