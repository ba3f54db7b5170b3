"""What building an index over several hosts takes: bytes in object storage and in the log, processor time, hours."""

from __future__ import annotations

from lookalike.index.planning.assumptions import PARALLEL
from lookalike.index.planning.hosts.demand import Demand
from lookalike.index.planning.hosts.measurements import (
    CELL_ROUNDS,
    CELL_SAMPLE,
    CELL_WORK_PER_SECOND,
    WRITE_BYTES_PER_SECOND,
)
from lookalike.index.planning.hosts.milvus_indexes import MilvusIndex
from lookalike.index.planning.hosts.milvus_settings import BUILD_SHARE, SIZING_TOOL
from lookalike.index.planning.hosts.segment_terms import SegmentSizes
from lookalike.index.planning.hosts.terms import TermSheet, number
from lookalike.index.planning.machine_speed import REFERENCE
from lookalike.index.planning.scaling import build_cpu_seconds

__all__ = ["hour_terms", "storage_terms"]

#: In files, beside the vector: key, timestamp, row number.
_BESIDE_BYTES = 24


def _row_bytes(dimension: int) -> int:
    return 4 * dimension + _BESIDE_BYTES


def storage_terms(sheet: TermSheet, index: MilvusIndex, demand: Demand) -> dict[str, int]:
    """Bytes outside the hosts that search."""
    d, n, row = demand.dimension, demand.vectors, _row_bytes(demand.dimension)
    indexed = index.memory.at(d) + (index.ssd.at(d) if index.ssd else 0)
    stored = sheet.put(
        "object storage",
        n * (row + indexed),
        f"vectors × (4·d + {_BESIDE_BYTES} + index)",
        f"{n:,} × (4 × {d} + {_BESIDE_BYTES} + {number(indexed)})",
        "documented",
        unit="bytes",
        source=f"{SIZING_TOOL}: rows and indexes; without copies that the store keeps, or what compaction replaced",
    )
    log = sheet.put(
        "write-ahead log",
        n * row,
        f"vectors × (4·d + {_BESIDE_BYTES})",
        f"{n:,} × (4 × {d} + {_BESIDE_BYTES})",
        "documented",
        unit="bytes",
        source=f"{SIZING_TOOL}: ledgers as large as the rows; kept 3 days, once for each copy of the log",
    )
    return {"object_bytes": round(stored), "wal_bytes": round(log)}


def hour_terms(
    sheet: TermSheet, index: MilvusIndex, demand: Demand, segments: SegmentSizes, hosts: int
) -> dict[str, float]:
    """Processor time, and hours on the hosts before they serve."""
    cpu = _processor_time(sheet, index, demand, segments)
    hours = sheet.put(
        "hours to build",
        cpu / (hosts * demand.host_cores * BUILD_SHARE * PARALLEL) / 3600,
        f"processor time to build / (hosts × cores × {BUILD_SHARE} × {PARALLEL}) / 3600",
        f"{number(cpu)} / ({hosts} × {demand.host_cores} × {BUILD_SHARE} × {PARALLEL}) / 3600",
        "measured",
        "documented",
        "assumed",
        unit="h",
        source="milvus.yaml: buildIndexThreadPoolRatio; the hosts build before they serve, each segment once",
    )
    row = _row_bytes(demand.dimension)
    writing = sheet.put(
        "hours to write log and rows",
        2 * demand.vectors * row / (hosts * WRITE_BYTES_PER_SECOND) / 3600,
        f"2 × vectors × (4·d + {_BESIDE_BYTES}) / (hosts × bytes a second) / 3600",
        f"2 × {demand.vectors:,} × {row} / ({hosts} × {WRITE_BYTES_PER_SECOND:,}) / 3600",
        "measured",
        unit="h",
        source="benchmarks/billion_terms.py: write, to a local disk; a network or an object store may be slower",
    )
    return {"build_cpu_seconds": cpu, "build_hours": hours, "write_hours": writing}


def _processor_time(sheet: TermSheet, index: MilvusIndex, demand: Demand, segments: SegmentSizes) -> float:
    """Seconds to build the indexes of all segments."""
    speed, rows, d = demand.speed or REFERENCE, segments.rows, demand.dimension
    each = sheet.put(
        "processor time of a segment's index",
        build_cpu_seconds(index.kind, rows, d, segments.build, speed),
        "",
        "",
        "measured",
        unit="s",
        source=f"our kind {index.kind}, scaled to the segment",
    )
    learned = 0.0
    if index.cells:
        lists, rate = segments.build["nlist"], CELL_WORK_PER_SECOND * speed.product / REFERENCE.product
        learned = sheet.put(
            "processor time of a segment's k-means",
            (CELL_ROUNDS * min(rows, CELL_SAMPLE * lists) + rows) * lists * d / rate,
            f"({CELL_ROUNDS} × min(vectors, {CELL_SAMPLE} × nlist) + vectors) × nlist × d / multiply-adds a second",
            f"({CELL_ROUNDS} × min({rows:,}, {CELL_SAMPLE} × {lists:,}) + {rows:,}) × {lists:,} × {d} / {rate:,.0f}",
            "measured",
            unit="s",
            source="benchmarks/billion_terms.py: cells; plain k-means of faiss, where our kinds have a shorter way",
        )
    return sheet.put(
        "processor time to build",
        segments.count * (each + learned),
        "segments × processor time of a segment",
        f"{segments.count:,} × ({number(each)} + {number(learned)})",
        "measured",
        unit="s",
    )
