"""A segment of an index over several hosts: its vectors, its bytes, and how many segments a host holds.

Every segment is taken as full; Milvus' compaction leaves them between 0.85 and 1.25 of that (compactableProportion and
expansionRate of milvus.yaml).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.hosts.demand import Demand
from lookalike.index.planning.hosts.milvus_indexes import MilvusIndex
from lookalike.index.planning.hosts.milvus_settings import (
    DISK_SEGMENT_BYTES,
    DISK_SHARE,
    KEY_BYTES,
    MEMORY_SHARE,
    SEGMENT_BYTES,
    SIZING_TOOL,
    segment_row_bytes,
)
from lookalike.index.planning.hosts.terms import TermSheet

__all__ = ["SegmentSizes", "segment_terms"]

#: In memory: key, timestamp, and a pair of key and position (`OffsetOrderedArray`, internal/core/src/segcore of
#: milvus-io/milvus); segments sorted by key do without the pair.
_ID_BYTES = 32
#: The sizing tool adds 15% to an index in memory, and two segments for loading.
_LOADED, _LOADING_SEGMENTS = 1.15, 2


@dataclass(frozen=True)
class SegmentSizes:
    """A full segment, and how many of them hosts hold.

    Attributes:
        rows: vectors in one.
        count: segments of one copy of all vectors.
        build: build settings of our kind.
        loaded: bytes of one in the memory of a host.
        room: bytes that a host keeps free for loading.
        ssd: bytes of one on the SSD.
        per_host: the most that a host holds; 0 where one is too large for a host.
        bound: what limits that: memory, or disk.
        hosts: how many hold all copies; 0 where a segment is too large for a host.
    """

    rows: int
    count: int
    build: dict[str, Any]
    loaded: float
    room: float
    ssd: float
    per_host: int
    bound: str
    hosts: int

    def spread_over(self, hosts: int, replicas: int) -> int:
        """How many segments each of so many hosts holds, the most where they do not divide evenly."""
        return math.ceil(self.count / (hosts // replicas))


def segment_terms(sheet: TermSheet, index: MilvusIndex, demand: Demand) -> SegmentSizes:
    """How many segments the vectors fill, and how many hosts these need."""
    size = demand.segment or (DISK_SEGMENT_BYTES if index.ssd else SEGMENT_BYTES)
    d, n = demand.dimension, demand.vectors
    rows = min(n, size // segment_row_bytes(d))
    sheet.put(
        "vectors of a segment",
        rows,
        f"min(vectors, floor(segment / (4·d + {KEY_BYTES})))",
        f"min({n:,}, floor({size:,} / (4 × {d} + {KEY_BYTES})))",
        "asked" if demand.segment else "documented",
        source="milvus.yaml: dataCoord.segment.maxSize, diskSegmentMaxSize",
    )
    count = math.ceil(n / rows)
    sheet.put("segments", count, "ceil(vectors / vectors of a segment)", f"ceil({n:,} / {rows:,})", "counted")
    build = {**KINDS[index.kind].costs.by_count(rows), **index.build}
    loaded = _loaded(sheet, index, d, rows, build["nlist"] if index.cells else 0)
    room = sheet.put(
        "room for loading on a host",
        0 if index.ssd else _LOADING_SEGMENTS * _LOADED * size,
        "none" if index.ssd else f"{_LOADING_SEGMENTS} × {_LOADED} × segment",
        "0" if index.ssd else f"{_LOADING_SEGMENTS} × {_LOADED} × {size:,}",
        "documented",
        unit="bytes",
        source=f"{SIZING_TOOL}; none for DISKANN",
    )
    ssd, per_host, bound = _on_host(sheet, index, demand, rows, loaded, room)
    hosts = 0
    if per_host:
        hosts = demand.replicas * math.ceil(count / per_host)
        sheet.put(
            "hosts that hold the segments",
            hosts,
            "replicas × ceil(segments / segments a host holds)",
            f"{demand.replicas} × ceil({count:,} / {per_host:,})",
            "counted",
        )
    return SegmentSizes(rows, count, build, loaded, room, ssd, per_host, bound, hosts)


def _loaded(sheet: TermSheet, index: MilvusIndex, d: int, rows: int, lists: int) -> float:
    """Bytes of a segment in the memory of a host."""
    memory = sheet.put(
        "index of a segment",
        rows * (index.memory.at(d) + _ID_BYTES) + lists * 4 * d,
        f"vectors of a segment × ({index.memory.formula} + {_ID_BYTES})" + (" + nlist × 4·d" if lists else ""),
        f"{rows:,} × ({index.memory.numbers(d)} + {_ID_BYTES})" + (f" + {lists:,} × 4 × {d}" if lists else ""),
        "documented",
        "counted",
        unit="bytes",
        source=f"{index.source}; {_ID_BYTES} bytes of key, timestamp and position",
    )
    return sheet.put(
        "the same in the memory of a host",
        _LOADED * memory,
        f"{_LOADED} × index of a segment",
        f"{_LOADED} × {memory:,.0f}",
        "documented",
        unit="bytes",
        source=SIZING_TOOL,
    )


def _on_host(
    sheet: TermSheet, index: MilvusIndex, demand: Demand, rows: int, loaded: float, room: float
) -> tuple[float, int, str]:
    """Bytes of a segment on the SSD, how many segments a host holds, and what limits that."""
    per_host = max(0, math.floor((MEMORY_SHARE * demand.host_memory - room) / loaded))
    sheet.put(
        "segments that a host's memory holds",
        per_host,
        f"floor(({MEMORY_SHARE} × host memory - room) / segment in memory)",
        f"max(0, floor(({MEMORY_SHARE} × {demand.host_memory:,} - {room:,.0f}) / {loaded:,.0f}))",
        "asked",
        "documented",
        source="milvus.yaml: overloadedMemoryThresholdPercentage",
    )
    if index.ssd is None:
        return 0.0, per_host, "memory"
    ssd = sheet.put(
        "a segment on the SSD",
        rows * index.ssd.at(demand.dimension),
        f"vectors of a segment × ({index.ssd.formula})",
        f"{rows:,} × ({index.ssd.numbers(demand.dimension)})",
        "documented",
        unit="bytes",
        source=index.source,
    )
    if demand.host_disk is None:
        return ssd, per_host, "memory"
    by_disk = math.floor(DISK_SHARE * demand.host_disk / ssd)
    sheet.put(
        "segments that a host's SSD holds",
        by_disk,
        f"floor({DISK_SHARE} × host disk / segment on the SSD)",
        f"floor({DISK_SHARE} × {demand.host_disk:,} / {ssd:,.0f})",
        "asked",
        "documented",
        source="milvus.yaml: maxDiskUsagePercentage",
    )
    return ssd, min(per_host, by_disk), "disk" if by_disk < per_host else "memory"
