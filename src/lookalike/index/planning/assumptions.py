"""What plans assume where nothing was measured: the reader may know better."""

from __future__ import annotations

__all__ = ["BUSY", "PARALLEL", "SSD_READS_PER_SECOND"]

#: Random reads of a page that an SSD answers in a second, many asked for at once; one of the SATA kind. NVMe: more.
SSD_READS_PER_SECOND = 30_000

#: Share of several threads' time that a build uses; the rest they wait for one another.
PARALLEL = 0.85

#: Share of a host's time that searches may take in the long run; with more, they wait for one another ever longer.
BUSY = 0.7
