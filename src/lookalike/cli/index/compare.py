"""`lookalike index compare`: every kind over the same vectors, as a table, JSON and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.index.options import K, Kinds, Metric, Queries, Recall, kind_list
from lookalike.cli.options import AsJson
from lookalike.workflows.index_compare import IndexCompareOptions, index_compare

__all__ = ["compare"]


@options_from(
    IndexCompareOptions,
    vectors=Annotated[
        str,
        typer.Argument(
            help="Vectors (.npy, .fvecs, .bvecs, .hdf5, a folder of lookalike embed), or generated:COUNTxDIM, "
            "for example generated:1Mx128: made like face embeddings."
        ),
    ],
    output=Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder for comparison.json, single.png and batch.png."),
    ],
    metric=Metric,
    k=K,
    queries=Queries,
    recall=Recall,
    seed=Annotated[int, typer.Option("--seed", min=0, help="Decides which vectors are held out as queries.")],
)
def compare(options: IndexCompareOptions, kinds: Kinds = None, as_json: AsJson = False) -> None:
    """Measure every kind of index over the same vectors: build time, bytes, recall against queries per second.

    A query alone runs in one thread; batches use all. Recall is measured on queries that are not indexed, against exact
    search.
    """
    from lookalike.cli.index.tables import print_comparison
    from lookalike.cli.terminal import note, print_json, show_progress

    with show_progress(log=True) as progress:
        compared = index_compare(replace(options, kinds=kind_list(kinds)), progress)
    if as_json:
        print_json(compared.to_dict())
        return
    print_comparison(compared.comparison)
    note(f"pictures and all numbers: {compared.output}")
