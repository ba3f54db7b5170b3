"""`lookalike index plan`: what every kind of index would cost, before anything is built."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.index.options import K, Recall
from lookalike.cli.options import AsJson

__all__ = ["plan"]


def plan(
    vectors: Annotated[str, typer.Option("--vectors", help="How many, e.g. 100M.")],
    dim: Annotated[int, typer.Option("--dim", min=1, help="Numbers per vector.")],
    memory: Annotated[str | None, typer.Option("--memory", help="Memory there is, e.g. 24GiB.")] = None,
    disk: Annotated[str | None, typer.Option("--disk", help="Disk there is, e.g. 80GiB.")] = None,
    metric: Annotated[str, typer.Option("--metric", help="As for index build.")] = "cosine",
    recall: Recall = 0.95,
    k: K = 10,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="That build; default: all.")] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure this machine for some seconds, and scale the times to it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Memory, disk, hours to build, recall and latency of every kind of index; which one to build, and how."""
    from lookalike.cli.index.telling import print_plan
    from lookalike.cli.terminal import print_json
    from lookalike.index import plan_capacity
    from lookalike.index.planning.machine_speed import measure_machine

    planned = plan_capacity(
        vectors,
        dim,
        memory=memory,
        disk=disk,
        metric=metric,
        recall=recall,
        k=k,
        threads=threads,
        measured=measure_machine() if measure else None,
    )
    if as_json:
        print_json(planned.to_dict())
    else:
        print_plan(planned)
