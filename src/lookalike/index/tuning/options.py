"""What may be asked of tuning and of a comparison; importing this loads nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["CompareOptions", "Objective", "TuneOptions"]

#: Seconds of a query on its own, or queries per second in batches.
Objective = Literal["latency", "throughput"]


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What an index has to achieve, and what it may take.

    Attributes:
        recall: share of the true `k` nearest to find, above 0 and up to 1; kept with 95% confidence on the queries.
        k: neighbours a search will ask for.
        memory: bytes the index may take while it serves, or text such as `"8GiB"`; None for no limit.
        objective: `latency` of a query on its own, or `throughput` of batches.
        budget: seconds the tuning should take, or text such as `"60s"` or `"10m"`: what takes longer to build is left
            out. None for up to three times the build of the chosen index.
        kinds: only these; None for all that are installed and support the metric.
        seed: of samples and of vectors that serve as queries.
    """

    recall: float = 0.95
    k: int = 10
    memory: int | str | None = None
    budget: float | str | None = None
    objective: Objective = "latency"
    kinds: Sequence[str] | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """What is compared, and at which recall.

    Attributes:
        kinds: only these, each with its usual settings; None for all that are installed and support the metric.
        k: neighbours asked for.
        recall: at which the table compares speeds.
        seed: of held-out queries.
    """

    kinds: Sequence[str] | None = None
    k: int = 10
    recall: float = 0.95
    seed: int = 0
