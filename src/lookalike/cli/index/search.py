"""`lookalike index search`: the nearest ids of a file of queries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.index.options import IndexPath, K, settings_from
from lookalike.cli.options import AsJson

__all__ = ["search"]


def search(
    index: IndexPath,
    queries: Annotated[Path, typer.Argument(help="Queries: .npy, .fvecs, .bvecs, .hdf5, or a folder of embed.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a CSV of query,rank,id,distance; default: print it.")
    ] = None,
    k: K = 10,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A search setting, e.g. --set ef_search=200; may be repeated.")
    ] = None,
    mapped: Annotated[bool, typer.Option("--mapped", help="Leave the vectors on disk, map them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search an index for every query of a file; ids and distances, nearest first."""
    import csv
    import io
    import sys

    from lookalike.atomic_files import write_atomically
    from lookalike.cli.terminal import note, print_json
    from lookalike.index import load_index
    from lookalike.index.vector_files import open_vectors

    loaded = load_index(index, mapped)
    hits = loaded.search(open_vectors(queries).read(), k, **settings_from(setting))
    if as_json:
        print_json({"ids": hits.ids, "distances": hits.distances, "computed": hits.computed})
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["query", "rank", "id", "distance"])
    for query, (ids, distances) in enumerate(zip(hits.ids.tolist(), hits.distances.tolist(), strict=True)):
        for rank, (found, distance) in enumerate(zip(ids, distances, strict=True), start=1):
            if found != -1:
                writer.writerow([query, rank, found, f"{distance:.7g}"])
    if output is None:
        sys.stdout.write(text.getvalue())
    else:
        write_atomically(output, text.getvalue().encode())
        note(f"{len(hits)} queries answered in {output}")
