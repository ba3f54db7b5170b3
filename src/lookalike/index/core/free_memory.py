"""How much memory this process may still take: the machine's, or its control group's where that is less."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["available_bytes"]

_MEMINFO = Path("/proc/meminfo")
_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def available_bytes() -> int | None:
    """Bytes that can be taken without swapping; None where the system does not tell (not Linux)."""
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB", _MEMINFO.read_text(), re.MULTILINE)
    except OSError:
        return None
    if match is None:
        return None
    free = int(match[1]) * 1024
    try:
        limit, used = _LIMIT.read_text().strip(), int(_USED.read_text())
    except (OSError, ValueError):  # no control group, or none with a limit of its own
        return free
    return free if limit == "max" else min(free, max(0, int(limit) - used))
