"""`lookalike index plan`: what every kind of index would cost, before anything is built."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.index.options import K, Recall
from lookalike.cli.options import AsJson
from lookalike.workflows.index_plan import IndexPlanOptions, index_plan

__all__ = ["plan"]


@options_from(
    IndexPlanOptions,
    vectors=Annotated[str, typer.Option("--vectors", metavar="COUNT", help="How many, such as 100M.")],
    dimension=Annotated[int, typer.Option("--dim", min=1, help="Numbers per vector.")],
    memory=Annotated[str | None, typer.Option("--memory", metavar="BYTES", help="Memory there is, such as 24GiB.")],
    disk=Annotated[str | None, typer.Option("--disk", metavar="BYTES", help="Disk there is, such as 80GiB.")],
    metric=Annotated[
        str,
        typer.Option("--metric", metavar="METRIC", help="euclidean, cosine, inner_product, manhattan or mahalanobis."),
    ],
    recall=Recall,
    k=K,
    threads=Annotated[int | None, typer.Option("--threads", min=1, help="How many threads build; by default all.")],
    measure=Annotated[
        bool, typer.Option("--measure", help="Measure this machine for some seconds, and scale the times to it.")
    ],
)
def plan(options: IndexPlanOptions, as_json: AsJson = False) -> None:
    """Memory, disk, hours to build, recall and latency of every kind of index; which one to build, and how."""
    from lookalike.cli.index.tables import print_plan
    from lookalike.cli.terminal import print_json, show_progress

    with show_progress(log=True) as progress:
        planned = index_plan(options, progress)
    if as_json:
        print_json(planned.to_dict())
    else:
        print_plan(planned)
