"""What is asked of the hosts: read from options, and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lookalike.errors import InputError
from lookalike.index.core.checks import check_recall, checked_k
from lookalike.index.planning.assumptions import SSD_READS_PER_SECOND
from lookalike.index.planning.hosts.milvus_settings import MIN_SEGMENT_VECTORS, MOST_DIMENSIONS, segment_row_bytes
from lookalike.index.planning.hosts.options import HostOptions
from lookalike.index.planning.machine_speed import MachineSpeed
from lookalike.index.quantities import needed_text, parse_count, parse_size, size_text

__all__ = ["HOST_CORES", "HOST_MEMORY", "Demand", "checked_demand"]

#: Of a host by default: a query node of Milvus' sizing tool for 512 GiB to 2 TiB.
HOST_MEMORY, HOST_CORES = 64 << 30, 16


@dataclass(frozen=True)
class Demand:
    """What is asked of the hosts, checked.

    Attributes:
        vectors: how many.
        dimension: numbers per vector.
        recall: recall@k to be reached.
        k: neighbours.
        host_memory: bytes.
        host_cores: how many.
        host_disk: bytes of the SSD; None: no limit.
        host_reads: random reads a second of the SSD.
        replicas: copies of every segment.
        rate: searches a second to be answered; None: as many as the hosts can answer.
        host_price: of a host for an hour; None where none is known.
        segment: bytes of vectors and keys in a segment; None: Milvus' default.
        speed: of this machine; None where it was not measured.
    """

    vectors: int
    dimension: int
    recall: float
    k: int
    host_memory: int
    host_cores: int
    host_disk: int | None
    host_reads: int
    replicas: int
    rate: float | None
    host_price: float | None
    segment: int | None
    speed: MachineSpeed | None


def checked_demand(
    vectors: int | str, dimension: int, recall: float, k: int, measured: MachineSpeed | None, given: HostOptions
) -> Demand:
    """What is asked of the hosts, with defaults filled in.

    Args:
        vectors: how many; a number or text such as `"1B"`.
        dimension: numbers per vector.
        recall: recall@k to be reached.
        k: neighbours per query.
        measured: of `measure_machine()`, to scale times to this machine.
        given: the hosts.

    Raises:
        InputError: a number out of range.

    Example:
        >>> checked_demand("1B", 128, 0.95, 10, None, HostOptions(host_memory="32GiB")).host_memory
        34359738368
    """
    check_recall(recall)
    if isinstance(dimension, bool) or not isinstance(dimension, int) or not 1 <= dimension <= MOST_DIMENSIONS:
        raise InputError(f"dimension is {dimension!r}; Milvus takes 1 to {MOST_DIMENSIONS} numbers per vector")
    return Demand(
        vectors=parse_count(vectors),
        dimension=dimension,
        recall=recall,
        k=checked_k(k),
        host_memory=_size("host memory", given.host_memory) or HOST_MEMORY,
        host_cores=HOST_CORES if given.host_cores is None else _whole("host cores", given.host_cores),
        host_disk=_size("host disk", given.host_disk),
        host_reads=SSD_READS_PER_SECOND if given.host_reads is None else _reads(given.host_reads),
        replicas=_whole("replicas", given.replicas),
        rate=_positive("searches per second", given.searches_per_second),
        host_price=_positive("host price", given.host_price),
        segment=_segment(given.segment, dimension),
        speed=measured,
    )


def _size(name: str, given: int | str | None) -> int | None:
    if given is None:
        return None
    try:
        return parse_size(given)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _segment(given: int | str | None, dimension: int) -> int | None:
    size, least = _size("segment", given), MIN_SEGMENT_VECTORS * segment_row_bytes(dimension)
    if size is not None and size < least:
        raise InputError(
            f"segment is {size_text(size)}; give at least {needed_text(least)}, {MIN_SEGMENT_VECTORS:,} vectors"
        )
    return size


def _reads(given: int | str) -> int:
    try:
        return parse_count(given)
    except InputError:
        raise InputError(f"host reads is {given!r}; give random reads a second, such as 30000 or 500k") from None


def _whole(name: str, given: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise InputError(f"{name} is {given!r}; give a whole number of at least 1")
    return given


def _positive(name: str, given: float | None) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < math.inf:
        raise InputError(f"{name} is {given!r}; give a number above 0")
    return float(given)
