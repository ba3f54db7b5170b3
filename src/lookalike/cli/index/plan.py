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
    hosts=Annotated[bool, typer.Option("--hosts", help="Plan Milvus over several hosts as well.")],
    host_memory=Annotated[
        str | None, typer.Option("--host-memory", metavar="BYTES", help="Memory of a host; by default 64GiB.")
    ],
    host_cores=Annotated[int | None, typer.Option("--host-cores", min=1, help="Cores of a host; by default 16.")],
    host_disk=Annotated[
        str | None, typer.Option("--host-disk", metavar="BYTES", help="Local SSD of a host, such as 1TB.")
    ],
    host_reads=Annotated[
        str | None,
        typer.Option("--host-reads", metavar="COUNT", help="Random reads a second of that SSD; by default 30k."),
    ],
    replicas=Annotated[int, typer.Option("--replicas", min=1, help="Copies of every vector, each on its own hosts.")],
    searches_per_second=Annotated[
        float | None,
        typer.Option("--searches-per-second", help="How many the hosts have to answer, one query each."),
    ],
    host_price=Annotated[
        float | None, typer.Option("--host-price", help="Price of a host for an hour, in your currency.")
    ],
    segment=Annotated[
        str | None,
        typer.Option("--segment", metavar="BYTES", help="Size of a segment; by default 1GiB, for DISKANN 2GiB."),
    ],
)
def plan(
    options: IndexPlanOptions,
    explain: Annotated[
        bool, typer.Option("--explain", help="For several hosts: every figure's formula, and what it rests on.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Memory, disk, hours to build, recall and latency of every kind of index; which one to build, and how.

    Over several hosts as well, where one machine is too small or an option of hosts is given.
    """
    from lookalike.cli.index.host_tables import print_hosts
    from lookalike.cli.index.tables import print_plan
    from lookalike.cli.terminal import print_json, show_progress

    with show_progress(log=True) as progress:
        planned = index_plan(options, progress)
    if as_json:
        print_json(planned.to_dict())
        return
    print_plan(planned)
    if planned.hosts is not None:
        print_hosts(planned.hosts, explain)
