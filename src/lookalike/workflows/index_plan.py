"""What every kind of index would cost, before anything is built."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from lookalike.index.planning.options import PlanOptions
from lookalike.progress import ProgressSink, counted

if TYPE_CHECKING:
    from lookalike.index.planning.capacity import CapacityPlan

__all__ = ["IndexPlanOptions", "index_plan"]


@dataclass(frozen=True, kw_only=True)
class IndexPlanOptions(PlanOptions):
    """How many vectors, and what there is for them.

    Attributes:
        vectors: how many; a number or text such as `"100M"`.
        dimension: numbers per vector.
        measure: measure this machine for some seconds, and scale the times to it.
    """

    vectors: int | str
    dimension: int
    measure: bool = False


def index_plan(options: IndexPlanOptions, progress: ProgressSink | None = None) -> CapacityPlan:
    """Plan memory, disk, hours to build, recall and latency of every kind of index; which one to build, and how.

    Raises:
        InputError: a number out of range, or an unknown metric.

    Example:
        >>> plan = index_plan(IndexPlanOptions(vectors="100M", dimension=128, memory="24GiB", disk="80GiB"))
        >>> plan.recommended.kind
        'ivfpq'
    """
    from lookalike.index.planning.capacity import plan_capacity
    from lookalike.index.planning.machine_speed import measure_machine

    speed = None
    if options.measure:
        done = counted(progress, "Measuring this machine", 1)
        done(0)
        speed = measure_machine()
        done(1)
    given = {field.name: getattr(options, field.name) for field in fields(PlanOptions)}
    return plan_capacity(options.vectors, options.dimension, measured=speed, **given)
