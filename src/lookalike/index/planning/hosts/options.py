"""What hosts there are for a plan over several; importing this loads nothing else."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["HostOptions"]


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """Identical hosts, and what they have to do together.

    A host of 64 GiB and 16 cores is what Milvus' sizing tool takes as a query node for 512 GiB to 2 TiB.

    Attributes:
        hosts: plan over several hosts even where one machine is enough; any other option here asks for it too.
        host_memory: bytes of memory of a host, or text such as `"64GiB"`; None: 64 GiB.
        host_cores: cores of a host; None: 16.
        host_disk: bytes of the local SSD of a host, or text; None: no limit.
        host_reads: random reads a second of that SSD, or text such as `"500k"`; None: 30,000.
        replicas: copies of every segment in memory, each on a host of its own.
        searches_per_second: to be answered, one query each; None: as many as hosts that hold the vectors answer.
        host_price: of a host for an hour, in any currency; None: no cost is calculated.
        segment: the most bytes of vectors and keys in a segment, or text; None: as Milvus by default, 1 GiB, for
            DISKANN 2 GiB.
    """

    hosts: bool = False
    host_memory: int | str | None = None
    host_cores: int | None = None
    host_disk: int | str | None = None
    host_reads: int | str | None = None
    replicas: int = 1
    searches_per_second: float | None = None
    host_price: float | None = None
    segment: int | str | None = None

    @property
    def hosts_asked(self) -> bool:
        """Whether a plan over several hosts is asked for."""
        return any(getattr(self, field.name) != field.default for field in fields(HostOptions))
