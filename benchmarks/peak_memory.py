"""How much memory a function takes beyond what the process holds before it: the kernel's own high-water mark."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _kilobytes(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


def measured(run: Callable[[], Any], repeat: int, device: str = "cpu") -> tuple[float, float, Any]:
    """Shortest of `repeat` times in seconds, the largest peak in MB beyond the memory before, and the last result.

    On a CPU the peak is resident memory (Linux: VmHWM, reset by /proc/self/clear_refs), on a GPU what PyTorch holds.
    """
    seconds, peak, result = float("inf"), 0.0, None
    for _ in range(repeat):
        result = None
        gc.collect()
        if device == "cpu":
            ctypes.CDLL(None).malloc_trim(0)
            CLEAR.write_text("5")
            before = float(_kilobytes("VmRSS"))
        else:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated() / 1024
        start = time.perf_counter()
        result = run()
        if device != "cpu":
            torch.cuda.synchronize()
        seconds = min(seconds, time.perf_counter() - start)
        after = float(_kilobytes("VmHWM")) if device == "cpu" else torch.cuda.max_memory_allocated() / 1024
        peak = max(peak, (after - before) * 1024 / 1e6)
    return seconds, peak, result


def machine(device: str = "cpu") -> dict[str, Any]:
    """What it was measured on."""
    name = platform.processor() or platform.machine()
    if device == "cpu" and Path("/proc/cpuinfo").exists():
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        name = names[0].split(":", 1)[1].strip() if names else name
    elif device != "cpu":
        name = torch.cuda.get_device_name()
    return {"machine": name, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__}
