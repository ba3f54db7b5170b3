"""`lookalike index build`: vectors to an index folder, streamed where they are many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.index.options import Metric, Replace, Vectors, chosen_metric, fitted_covariance, settings_from
from lookalike.cli.options import AsJson

__all__ = ["build"]


def build(
    vectors: Vectors,
    output: Annotated[Path, typer.Option("--output", "-o", help="The index folder to write.")],
    kind: Annotated[
        str, typer.Option("--kind", help="exact, trees, nsw, hnsw, ivf, ivfpq, vamana, scann, or auto (measures).")
    ] = "auto",
    metric: Metric = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A build or search setting, e.g. --set M=32; may be repeated.")
    ] = None,
    stream: Annotated[
        bool | None,
        typer.Option(
            "--stream/--in-memory",
            help="Read the vectors piece by piece (ivfpq only), and go on after a kill; default: where they are many.",
        ),
    ] = None,
    work: Annotated[
        Path | None, typer.Option("--work", help="Folder for the parts of a streamed build; default: beside OUTPUT.")
    ] = None,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Build an index over vectors.

    A streamed build (ivfpq) trains once, encodes in parts and merges them. Kill it anywhere: the same command goes on.
    """
    from lookalike.atomic_files import check_replaceable
    from lookalike.cli.index.telling import phases, print_stats, steps
    from lookalike.cli.terminal import note, print_json
    from lookalike.errors import InputError
    from lookalike.index import build_index
    from lookalike.index.core.artefact import HEADER
    from lookalike.index.kinds.registry import KINDS
    from lookalike.index.spec import IndexSpec
    from lookalike.index.vector_files import open_vectors

    check_replaceable(output, HEADER, replace)
    source = open_vectors(vectors)
    by = chosen_metric(metric, source)
    settings = settings_from(setting)
    if stream is None:
        stream = kind in KINDS and KINDS[kind].streamed and _large(source.count * source.dimension * 4)
    covariance = fitted_covariance(by, source)
    if stream:
        from lookalike.index.bulk.build import build_bulk

        if kind not in KINDS or not KINDS[kind].streamed:
            able = " or ".join(name for name in KINDS if KINDS[name].streamed)
            raise InputError(f"only {able} is built from a stream, not {kind}; give --kind {able} or --in-memory")
        spec = IndexSpec.create(kind, by, source.dimension, source.fingerprint, **settings)
        with phases() as progress:
            summary = build_bulk(
                source, output, spec, ids=source.ids, covariance=covariance, progress=progress, work=work
            )
        if as_json:
            print_json({"index": output, **summary})
        else:
            note(f"{output}: {summary}")
        return
    with steps() as say:
        say(f"reading {source.count:,} × {source.dimension} vectors")
        data = source.read()
        say(f"building {kind}")
        index = build_index(
            data, kind, by, ids=source.ids, fingerprint=source.fingerprint, covariance=covariance, **settings
        )
        say(f"writing {output}")
        index.save(output)
    if as_json:
        print_json({"index": output, **index.stats()})
    else:
        print_stats(output, index.stats())


def _large(size: int) -> bool:
    """Whether vectors of this size would fill more than a third of the memory that is free."""
    from lookalike.index.core.free_memory import available_bytes

    free = available_bytes()
    return free is not None and size > free // 3
