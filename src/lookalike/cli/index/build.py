"""`lookalike index build`: vectors to an index folder, streamed where they are many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.index.options import Metric, Replace, Settings, Vectors, settings_from
from lookalike.cli.options import AsJson
from lookalike.workflows.index_build import IndexBuildOptions, index_build

__all__ = ["build"]


@options_from(
    IndexBuildOptions,
    vectors=Vectors,
    output=Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The index folder to write.")],
    kind=Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="exact, trees, nsw, hnsw, ivf, ivfpq, vamana or scann; auto measures which is best.",
        ),
    ],
    metric=Metric,
    stream=Annotated[
        bool | None,
        typer.Option(
            "--stream/--in-memory",
            help="Read the vectors in blocks (ivfpq only), and continue after a kill; by default where they are many.",
        ),
    ],
    work=Annotated[
        Path | None,
        typer.Option(
            "--work", metavar="FOLDER", help="Folder for the parts of a streamed build; by default beside the index."
        ),
    ],
    replace=Replace,
)
def build(options: IndexBuildOptions, setting: Settings = None, as_json: AsJson = False) -> None:
    """Build an index over vectors.

    A streamed build (ivfpq) trains once, encodes in parts and merges them. After a kill, the same command continues.
    """
    from lookalike.cli.index.tables import print_bulk_summary, print_stats
    from lookalike.cli.terminal import print_json, show_progress

    with show_progress(log=True) as progress:
        built = index_build(replace(options, settings=settings_from(setting)), progress)
    if as_json:
        print_json(built.to_dict())
    elif built.streamed:
        print_bulk_summary(built.index, built.stats)
    else:
        print_stats(built.index, built.stats)
