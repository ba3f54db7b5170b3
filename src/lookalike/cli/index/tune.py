"""`lookalike index tune`: from what is needed to the index that achieves it, measured and explained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.index.options import K, Kinds, Memory, Metric, Queries, Recall, Replace, Vectors, kind_list
from lookalike.cli.options import AsJson
from lookalike.workflows.index_tune import IndexTuneOptions, index_tune

__all__ = ["tune"]


@options_from(
    IndexTuneOptions,
    vectors=Vectors,
    output=Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The index folder to write.")],
    recall=Recall,
    k=K,
    memory=Memory,
    budget=Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="TIME",
            help="Time the tuning should take, such as 60s or 10m: what takes longer to build is left out. By default "
            "up to three times the build of the chosen index.",
        ),
    ],
    objective=Annotated[
        str,
        typer.Option(
            "--objective", metavar="latency|throughput", help="latency of a query alone, or throughput of batches."
        ),
    ],
    metric=Metric,
    queries=Queries,
    plot=Annotated[
        Path | None,
        typer.Option("--plot", metavar="PNG", help="Picture of what was tried; by default beside the index."),
    ],
    seed=Annotated[int, typer.Option("--seed", min=0, help="Decides which vectors are sampled and serve as queries.")],
    replace=Replace,
)
def tune(options: IndexTuneOptions, kinds: Kinds = None, as_json: AsJson = False) -> None:
    """Say what you need; get the fastest index that keeps it, with its search settings, and why.

    Kinds are tried on a sample, the best are built in full, and recall is measured on your queries, or on vectors that
    serve as such, against exact search. What was promised and measured is kept in the index (lookalike index show).
    """
    from lookalike.cli.index.tables import print_stats, print_trials
    from lookalike.cli.terminal import note, print_json, show_progress

    with show_progress(log=True) as progress:
        tuned = index_tune(replace(options, kinds=kind_list(kinds)), progress)
    if as_json:
        print_json(tuned.to_dict())
        return
    print_trials(tuned.tuning)
    print_stats(tuned.output, tuned.tuning.index.stats())
    note(f"picture of what was tried: {tuned.plot}")
