"""`lookalike verify`: do two pictures show the same identity?"""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.options import AsJson, CalibrationFile, Cropped, Model, TargetFmr, ThresholdDistance

__all__ = ["verify"]


def verify(
    a: Annotated[str, typer.Argument(help="One picture.")],
    b: Annotated[str, typer.Argument(help="The other picture.")],
    model: Model,
    threshold: ThresholdDistance = None,
    fmr: TargetFmr = None,
    calibration: CalibrationFile = None,
    cropped: Cropped = False,
    as_json: AsJson = False,
) -> None:
    """Decide whether two pictures show the same person (1:1). Exit code 0: the same, 1: different, or ambiguous."""
    from lookalike.cli.terminal import note, print_json
    from lookalike.embedder import Embedder
    from lookalike.recognizer import Recognizer

    embedder = Embedder.load(model, cropped or None)
    if calibration is not None:
        embedder.use_calibration(calibration)
    answer = Recognizer(embedder, threshold=threshold, target_fmr=fmr).verify(a, b)
    if as_json:
        print_json(answer)
    else:
        for line in answer.notes:
            note(line)
        verdicts = {"match": "same person", "ambiguous": "ambiguous", "unknown": "different people"}
        sign = "<=" if answer.match else ">"
        likely = "" if answer.probability is None else f", probability {answer.probability:.3f}"
        compared = f"distance {answer.distance:.4f} {sign} threshold {answer.threshold:.4f}"
        typer.echo(f"{verdicts[answer.decision]}: {compared}{likely}")
        typer.echo(f"threshold: {answer.threshold_source}")
        if answer.weakness:
            note(answer.weakness)
    raise typer.Exit(0 if answer.match else 1)
