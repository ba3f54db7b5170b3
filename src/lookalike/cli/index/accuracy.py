"""`lookalike index accuracy`: how many identifications an index loses against exact search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.index.options import settings_from
from lookalike.cli.options import AsJson, ThresholdDistance

__all__ = ["accuracy"]


def accuracy(
    vectors: Annotated[Path, typer.Argument(help="A labelled folder that lookalike embed wrote.")],
    kind: Annotated[str, typer.Option("--kind", help="Kind of index to judge, or auto.")] = "auto",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="A build or search setting, e.g. --set M=32; may be repeated.")
    ] = None,
    distractors: Annotated[
        Path | None, typer.Option("--distractors", help="Vectors of strangers by the same model, enrolled, too.")
    ] = None,
    threshold: ThresholdDistance = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of probes.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Identify labelled vectors through an index and exactly: which answers does the index lose, at this number?

    One vector of each identity is the probe, the others are enrolled.
    """
    from lookalike.cli.index.telling import print_accuracy, steps
    from lookalike.cli.terminal import print_json
    from lookalike.embedder.vectors_folder import read_vectors
    from lookalike.evaluation.identification.index_loss import measure_index_loss
    from lookalike.index.vector_files import open_vectors

    stored = read_vectors(vectors)
    with steps() as say:
        loss = measure_index_loss(
            stored.vectors,
            stored.identities,
            kind,
            stored.metric,
            distractors=None if distractors is None else open_vectors(distractors).read(),
            threshold=threshold,
            seed=seed,
            progress=say,
            **settings_from(setting),
        )
    if as_json:
        print_json(loss)
    else:
        print_accuracy(loss)
