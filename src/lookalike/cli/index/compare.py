"""`lookalike index compare`: every kind over the same vectors, as a table, JSON and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.index.options import (
    K,
    Kinds,
    Metric,
    Queries,
    Recall,
    chosen_metric,
    fitted_covariance,
    kind_list,
    read_queries,
)
from lookalike.cli.options import AsJson

if TYPE_CHECKING:
    from lookalike.distances import Covariance

__all__ = ["compare"]


def compare(
    vectors: Annotated[
        str,
        typer.Argument(
            help="Vectors (.npy, .fvecs, .bvecs, .hdf5, a folder of lookalike embed), or generated:COUNTxDIM, "
            "for example generated:1Mx128: made like face embeddings."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for comparison.json, single.png and batch.png.")
    ] = Path("comparison"),
    metric: Metric = None,
    kinds: Kinds = None,
    k: K = 10,
    queries: Queries = None,
    recall: Recall = 0.95,
    peers: Annotated[
        bool, typer.Option("--peers", help="Measure hnswlib and usearch beside ours, where installed.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the held-out queries.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure every kind of index over the same vectors: build time, bytes, recall against queries per second.

    A query alone runs in one thread; batches use all. Recall is measured on queries that are not indexed, against exact
    search.
    """
    import json

    from lookalike.atomic_files import write_atomically
    from lookalike.cli.index.telling import print_comparison, steps
    from lookalike.cli.terminal import note, plain, print_json
    from lookalike.index import compare_indexes

    output.mkdir(parents=True, exist_ok=True)
    with steps() as say:
        data, asked, by, covariance = _read(vectors, metric, queries, seed)
        say(f"{len(data):,} × {data.shape[1]} vectors, {by}")
        comparison = compare_indexes(
            data,
            metric=by,
            kinds=kind_list(kinds),
            k=k,
            queries=asked,
            recall=recall,
            covariance=covariance,
            peers=peers,
            seed=seed,
            progress=say,
        )
        content = json.dumps(plain(comparison.to_dict()), indent=1, allow_nan=False)
        write_atomically(output / "comparison.json", content.encode())
        comparison.plot(output / "single.png")
        comparison.plot(output / "batch.png", batch=True)
    if as_json:
        print_json({"output": output, **comparison.to_dict()})
        return
    print_comparison(comparison)
    note(f"pictures and all numbers: {output}")


def _read(vectors: str, metric: str | None, queries: Path | None, seed: int) -> tuple[Any, Any, str, Covariance | None]:
    """Vectors, queries (None: hold some out), metric and covariance."""
    from lookalike.index.generated_vectors import generated_probes, generated_vectors
    from lookalike.index.vector_files import open_vectors

    if not vectors.startswith("generated:"):
        source = open_vectors(Path(vectors))
        by = chosen_metric(metric, source)
        return source.read(), read_queries(queries, source), by, fitted_covariance(by, source)
    from lookalike.errors import InputError
    from lookalike.index.quantities import parse_count

    count, times, dimension = vectors.removeprefix("generated:").partition("x")
    if not times or not dimension.isdigit():
        raise InputError(f"{vectors!r} is not generated:COUNTxDIM; give for example generated:1Mx128")
    made, identities = generated_vectors(parse_count(count), int(dimension), seed=seed)
    step = max(1, len(made) // 1000)
    return made, generated_probes(identities[::step][:1000], int(dimension), seed=seed), metric or "cosine", None
