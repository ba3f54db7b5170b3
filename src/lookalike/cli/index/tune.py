"""`lookalike index tune`: from what is needed to the index that keeps it, measured and explained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.index.options import (
    K,
    Kinds,
    Memory,
    Metric,
    Queries,
    Recall,
    Replace,
    Vectors,
    chosen_metric,
    fitted_covariance,
    kind_list,
    read_queries,
)
from lookalike.cli.options import AsJson

__all__ = ["tune"]


def tune(
    vectors: Vectors,
    output: Annotated[Path, typer.Option("--output", "-o", help="The index folder to write.")],
    recall: Recall = 0.95,
    k: K = 10,
    memory: Memory = None,
    objective: Annotated[
        str, typer.Option("--objective", help="latency of a query alone, or throughput of batches.")
    ] = "latency",
    metric: Metric = None,
    kinds: Kinds = None,
    queries: Queries = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Picture of what was tried; default: OUTPUT with .png added.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of samples and held-out queries.")] = 0,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Say what you need; get the fastest index that keeps it, with its search settings, and why.

    Kinds race on samples, the best are built in full, and recall is measured on queries that are not indexed, against
    exact search. What was promised and measured is kept in the index (lookalike index show).
    """
    from lookalike.atomic_files import check_replaceable
    from lookalike.cli.index.telling import print_stats, print_trials, steps
    from lookalike.cli.terminal import note, print_json
    from lookalike.index import tune_index
    from lookalike.index.core.artefact import HEADER
    from lookalike.index.vector_files import open_vectors

    check_replaceable(output, HEADER, replace)
    source = open_vectors(vectors)
    by = chosen_metric(metric, source)
    with steps() as say:
        say(f"reading {source.count:,} × {source.dimension} vectors")
        tuning = tune_index(
            source.read(),
            metric=by,
            ids=source.ids,
            recall=recall,
            k=k,
            memory=memory,
            objective=objective,  # type: ignore[arg-type]
            kinds=kind_list(kinds),
            queries=read_queries(queries, source),
            fingerprint=source.fingerprint,
            covariance=fitted_covariance(by, source),
            seed=seed,
            progress=say,
        )
        say(f"writing {output}")
        tuning.save(output)
        picture = plot or output.with_name(output.name + ".png")
        tuning.plot(picture)
    if as_json:
        print_json({"output": output, "plot": picture, **tuning.to_dict()})
        return
    print_trials(tuning)
    print_stats(output, tuning.index.stats())
    note(f"picture of what was tried: {picture}")
