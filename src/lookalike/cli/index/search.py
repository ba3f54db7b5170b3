"""`lookalike index search`: the nearest ids of a file of queries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.index.options import IndexPath, K, settings_from
from lookalike.cli.options import AsJson
from lookalike.counted_nouns import how_many
from lookalike.workflows.index_search import IndexSearchOptions, index_search

__all__ = ["search"]

_SearchSettings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A search setting, such as --set ef_search=200; may be repeated."),
]


@options_from(
    IndexSearchOptions,
    index=IndexPath,
    queries=Annotated[
        Path, typer.Argument(help="Queries: .npy, .fvecs, .bvecs, .hdf5, or a folder that lookalike embed wrote.")
    ],
    output=Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="CSV", help="Write query,rank,id,distance; by default they are printed."
        ),
    ],
    k=K,
    mapped=Annotated[
        bool, typer.Option("--mapped", help="Leave the vectors on the disk; the system reads what a search needs.")
    ],
)
def search(options: IndexSearchOptions, setting: _SearchSettings = None, as_json: AsJson = False) -> None:
    """Search an index for every query of a file; ids and distances, nearest first."""
    import sys

    from lookalike.cli.terminal import note, print_json, show_progress

    with show_progress() as progress:
        found = index_search(replace(options, settings=settings_from(setting)), progress)
    if as_json:
        print_json(found)
    elif options.output is None:
        sys.stdout.write(found.csv())
    else:
        note(f"{how_many(len(found.ids), 'query', 'queries')} answered in {options.output}")
