"""What building an index over several hosts takes: bytes in object storage and log, processor time, hours."""

from __future__ import annotations

from lookalike.index.planning.assumptions import PARALLEL
from lookalike.index.planning.hosted_index import Demand
from lookalike.index.planning.machine_speed import REFERENCE
from lookalike.index.planning.milvus_indexes import MilvusIndex
from lookalike.index.planning.scaling import build_cpu_seconds
from lookalike.index.planning.segment_terms import SegmentSizes
from lookalike.index.planning.segments import WRITE_BYTES_PER_SECOND
from lookalike.index.planning.terms import TermSheet, number

__all__ = ["hour_terms", "storage_terms"]

#: In files: key, timestamp, row number.
_ROW_BYTES = 24
#: common.buildIndexThreadPoolRatio of milvus.yaml: share of the cores that build indexes.
_BUILD_SHARE = 0.75


def storage_terms(sheet: TermSheet, index: MilvusIndex, demand: Demand) -> dict[str, int]:
    """Bytes outside the hosts that search."""
    d, n = demand.dimension, demand.vectors
    row = 4 * d + _ROW_BYTES
    indexed = index.memory.at(d) + (index.ssd.at(d) if index.ssd else 0)
    stored = sheet.put(
        "object storage",
        n * (row + indexed),
        f"vectors × (4·d + {_ROW_BYTES} + index)",
        f"{n:,} × (4 × {d} + {_ROW_BYTES} + {number(indexed)})",
        "documented",
        unit="bytes",
        source="Milvus sizing tool: rows and indexes; without copies that the store keeps, or what compaction replaced",
    )
    log = sheet.put(
        "write-ahead log",
        n * row,
        f"vectors × (4·d + {_ROW_BYTES})",
        f"{n:,} × (4 × {d} + {_ROW_BYTES})",
        "documented",
        unit="bytes",
        source="Milvus sizing tool: ledgers as large as the rows; kept 3 days, once for each copy of the log",
    )
    return {"object_bytes": round(stored), "wal_bytes": round(log)}


def hour_terms(
    sheet: TermSheet, index: MilvusIndex, demand: Demand, segments: SegmentSizes, hosts: int
) -> dict[str, float]:
    """Processor time, and hours on the hosts before they serve."""
    each = sheet.put(
        "processor time to build the index of a segment",
        build_cpu_seconds(index.kind, segments.rows, demand.dimension, segments.build, demand.speed or REFERENCE),
        "",
        "",
        "measured",
        unit="s",
        source=f"our kind {index.kind}, scaled to the segment",
    )
    cpu = sheet.put(
        "processor time to build",
        segments.count * each,
        "segments × index of a segment",
        f"{segments.count:,} × {number(each)}",
        "measured",
        unit="s",
    )
    hours = sheet.put(
        "hours to build",
        cpu / (hosts * demand.host_cores * _BUILD_SHARE * PARALLEL) / 3600,
        f"processor time to build / (hosts × cores × {_BUILD_SHARE} × {PARALLEL}) / 3600",
        f"{number(cpu)} / ({hosts} × {demand.host_cores} × {_BUILD_SHARE} × {PARALLEL}) / 3600",
        "measured",
        "documented",
        "assumed",
        unit="h",
        source="milvus.yaml: buildIndexThreadPoolRatio; the hosts build before they serve, each segment once",
    )
    row = 4 * demand.dimension + _ROW_BYTES
    writing = sheet.put(
        "hours to write log and rows",
        2 * demand.vectors * row / (hosts * WRITE_BYTES_PER_SECOND) / 3600,
        f"2 × vectors × (4·d + {_ROW_BYTES}) / (hosts × bytes a second) / 3600",
        f"2 × {demand.vectors:,} × {row} / ({hosts} × {WRITE_BYTES_PER_SECOND:,}) / 3600",
        "measured",
        unit="h",
        source="benchmarks/billion_terms.py: write, to a local disk; a network or an object store may be slower",
    )
    return {"build_cpu_seconds": cpu, "build_hours": hours, "write_hours": writing}
