"""`lookalike embed`: pictures to a `vectors/` folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import AsJson, Cropped, Data, Model, SkipBad

__all__ = ["embed"]


def embed(
    data: Data,
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", help="The vectors folder to write.")] = Path("vectors"),
    cropped: Cropped = False,
    skip_bad: SkipBad = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace older vectors.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn pictures into vectors: shards of .npy, their ids, and which picture each one is."""
    from lookalike.atomic_files import check_replaceable
    from lookalike.cli.measuring import embed_set
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.datasets import read_pictures
    from lookalike.embedder import Embedder
    from lookalike.embedder.vectors_folder import MARKER, write_vectors

    check_replaceable(output, MARKER, replace)
    pictures = read_pictures(data)
    embedder = Embedder.load(model, cropped or None)
    vectors, kept = embed_set(embedder, pictures, skip_bad)
    write_vectors(output, vectors, [str(p) for p in kept.paths], kept.identities, embedder, replace=replace)
    if as_json:
        print_json(
            {
                "vectors": output,
                "count": len(vectors),
                "dimension": embedder.dimension,
                "model": embedder.name,
                "fingerprint": embedder.fingerprint,
                "left_out": len(pictures) - len(kept),
            }
        )
    else:
        console.print(
            f"[green]wrote[/green] {len(vectors)} vectors of {embedder.dimension} dimensions to {escape(str(output))}",
            soft_wrap=True,
        )
