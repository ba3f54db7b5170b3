"""What every kind of index would cost, before anything is built; over several hosts as well, where one is too small."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from lookalike.index.planning.hosts.options import HostOptions
from lookalike.index.planning.options import PlanOptions
from lookalike.progress import ProgressSink, counted

if TYPE_CHECKING:
    from lookalike.index.planning.capacity import CapacityPlan
    from lookalike.index.planning.hosts.plan import HostsPlan
    from lookalike.index.planning.machine_speed import MachineSpeed

__all__ = ["IndexPlanOptions", "index_plan"]


@dataclass(frozen=True, kw_only=True)
class IndexPlanOptions(PlanOptions, HostOptions):
    """How many vectors, and what there is for them: one machine (`PlanOptions`), or several hosts (`HostOptions`).

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

    Hosts are planned (`CapacityPlan.hosts`) where one of their options is given, where nothing fits one machine, or
    where no memory is given and what is recommended needs more than a host has.

    Raises:
        InputError: a number out of range, an unknown metric, or hosts too small for a segment.

    Example:
        >>> plan = index_plan(IndexPlanOptions(vectors="100M", dimension=128, memory="24GiB", disk="80GiB"))
        >>> plan.recommended.kind, plan.hosts
        ('ivfpq', None)
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
    plan = plan_capacity(options.vectors, options.dimension, measured=speed, **given)
    return replace(plan, hosts=_hosts(options, plan, speed))


def _hosts(options: IndexPlanOptions, plan: CapacityPlan, speed: MachineSpeed | None) -> HostsPlan | None:
    from lookalike.index.planning.hosts.demand import HOST_MEMORY
    from lookalike.index.planning.hosts.milvus_settings import MILVUS_METRICS, MOST_DIMENSIONS
    from lookalike.index.planning.hosts.plan import plan_hosts

    if not options.hosts_asked:
        chosen = plan.recommended
        one_machine = chosen is not None and (plan.memory is not None or chosen.memory_bytes <= HOST_MEMORY)
        if one_machine or plan.metric not in MILVUS_METRICS or plan.dimension > MOST_DIMENSIONS:
            return None
    return plan_hosts(
        plan.vectors,
        plan.dimension,
        metric=plan.metric,
        recall=plan.recall,
        k=plan.k,
        measured=speed,
        **{field.name: getattr(options, field.name) for field in fields(HostOptions)},
    )
