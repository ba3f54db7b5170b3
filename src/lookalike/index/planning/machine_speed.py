"""How fast this machine is beside the one that the planner's figures come from: three probes, some seconds.

Searching is bound by memory or by arithmetic, depending on the kind: reading numbers in order (exact, inverted
files), jumping to vectors anywhere (graphs, trees), and matrix products (k-means, and all building of cells).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from lookalike.index.kinds.registry import KINDS

__all__ = ["REFERENCE", "MachineSpeed", "measure_machine"]

#: Numbers of the array that is read: 256 MiB, more than any cache holds.
_NUMBERS = 1 << 26
_ROW = 128
_SIDE = 1024


@dataclass(frozen=True)
class MachineSpeed:
    """What one thread does in a second.

    Attributes:
        stream: numbers (float32) multiplied and summed in order, out of memory.
        gather: vectors of 128 numbers fetched from anywhere in memory, and multiplied.
        product: multiply-adds of a matrix product.
    """

    stream: float
    gather: float
    product: float

    def slowdown(self, kind: str, building: bool = False) -> float:
        """How many times as long as on the reference machine a kind takes."""
        costs = KINDS[kind].costs
        bound = costs.build_bound if building else costs.search_bound
        slowdown: float = getattr(REFERENCE, bound) / getattr(self, bound)
        return slowdown

    def to_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


#: Two cores of an AMD EPYC (family 25, model 17, AVX-512, 32 MiB L3), KVM; others were
#: computing beside, as they were when the kinds were measured (`core.costs.Measured`).
REFERENCE = MachineSpeed(stream=4.03e9, gather=3.87e6, product=49.0e9)


def measure_machine(repeat: int = 5) -> MachineSpeed:
    """Probe this machine; takes two or three seconds and 300 MB. The best of `repeat` runs counts.

    Example:
        >>> plan_capacity("1M", 128, measured=measure_machine())    # doctest: +SKIP
    """
    from threadpoolctl import threadpool_limits

    numbers = np.random.default_rng(0).standard_normal(_NUMBERS, dtype=np.float32).reshape(-1, _ROW)
    query = numbers[0].copy()
    rows = np.random.default_rng(1).integers(0, len(numbers), 1 << 16)
    square = numbers[:_SIDE].repeat(_SIDE // _ROW, axis=1)
    with threadpool_limits(1):
        return MachineSpeed(
            stream=_NUMBERS / _seconds(lambda: numbers @ query, repeat),
            gather=len(rows) / _seconds(lambda: numbers[rows] @ query, repeat),
            product=_SIDE**3 / _seconds(lambda: square @ square, repeat),
        )


def _seconds(run: Callable[[], object], repeat: int) -> float:
    """Processor time, which others on the machine disturb least."""
    run()
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return max(best, 1e-9)
