"""`lookalike verify`: do two pictures show the same identity?"""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import (
    AsJson,
    CalibrationFile,
    Cropped,
    Detector,
    Device,
    Model,
    Precision,
    TargetFmr,
    ThresholdDistance,
)
from lookalike.workflows.verify import VerifyOptions
from lookalike.workflows.verify import verify as run

__all__ = ["verify"]

_VERDICTS = {"match": "same person", "ambiguous": "ambiguous", "unknown": "different people"}


@options_from(
    VerifyOptions,
    a=Annotated[str, typer.Argument(help="One picture.")],
    b=Annotated[str, typer.Argument(help="The other picture.")],
    model=Model,
    threshold=ThresholdDistance,
    fmr=TargetFmr,
    calibration=CalibrationFile,
    cropped=Cropped,
    device=Device,
    precision=Precision,
    detector=Detector,
)
def verify(options: VerifyOptions, as_json: AsJson = False) -> None:
    """Decide whether two pictures show the same person (1:1). Exit code 0: the same, 1: different, or ambiguous."""
    from lookalike.cli.terminal import note, print_json

    answer = run(options)
    if as_json:
        print_json(answer)
    else:
        for line in answer.notes:
            note(line)
        sign = "<=" if answer.match else ">"
        likely = "" if answer.probability is None else f", probability {answer.probability:.3f}"
        compared = f"distance {answer.distance:.4f} {sign} threshold {answer.threshold:.4f}"
        typer.echo(f"{_VERDICTS[answer.decision]}: {compared}{likely}")
        typer.echo(f"threshold: {answer.threshold_source}")
        if answer.weakness:
            note(answer.weakness)
    raise typer.Exit(0 if answer.match else 1)
