"""`lookalike train`: learn an embedding from labelled pictures, and measure thresholds on people held out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, ClassesAt, Cropped, Data, SkipBad
from lookalike.cli.verb_help import FOR_PLACES
from lookalike.counted_nouns import how_many
from lookalike.workflows.train import TrainOptions, train_and_calibrate

__all__ = ["train_command"]


@options_from(
    TrainOptions,
    data=Data,
    output=Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The model folder to write.")],
    classes_at=ClassesAt,
    recipe=Annotated[
        str,
        typer.Option(
            metavar="RECIPE", help="small-faces, face-crops, faces, landmarks, landmarks-large, or a TOML file."
        ),
    ],
    loss=Annotated[
        str | None, typer.Option(metavar="LOSS", help="arcface, triplet, center, …: docs/losses has a page for each.")
    ],
    backbone=Annotated[
        str | None,
        typer.Option(metavar="NETWORK", help="mobilefacenet, iresnet18, iresnet50, linear, or any network of timm."),
    ],
    epochs=Annotated[int | None, typer.Option(min=1, help="Passes over the pictures.")],
    batch_size=Annotated[int | None, typer.Option(min=2, help="Pictures in a batch.")],
    chunk_size=Annotated[
        int | None, typer.Option(min=1, help="Pictures embedded at a time, where a whole batch does not fit in memory.")
    ],
    learning_rate=Annotated[
        float | None, typer.Option(metavar="RATE", help="The largest learning rate, after the warm-up.")
    ],
    seed=Annotated[int | None, typer.Option(min=0, help="Decides every random choice; by default the recipe's.")],
    non_landmarks=Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            rich_help_panel=FOR_PLACES,
            help="Pictures that show no place: one class more to learn.",
        ),
    ],
    groups=Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            rich_help_panel=FOR_PLACES,
            help="identity,group: groups join the training one after another, in the file's order.",
        ),
    ],
    validation=Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.9,
            metavar="SHARE",
            help="Share of identities held out to measure thresholds on; 0: none. By default 0.2, and at least two "
            "identities; 0 for places, whose thresholds come from photos of no place when they are enrolled.",
        ),
    ],
    resume=Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")],
    restart=Annotated[bool, typer.Option("--restart", help="Drop an interrupted training.")],
    replace=Annotated[bool, typer.Option("--replace", help="Replace an older model.")],
    cropped=Cropped,
    skip_bad=SkipBad,
)
def train_command(options: TrainOptions, as_json: AsJson = False) -> None:
    """Train an embedding network on your own pictures.

    A share of the identities is held out: the network never sees them, and the thresholds in calibration.json are
    measured on them. Places are all learned, unless --validation holds some out; its thresholds then tell whether two
    photos show the same place. Ctrl-C keeps a checkpoint; the same command with --resume goes on and gives the same
    model.
    """
    from lookalike.cli.terminal import console, escape, note, print_json, show_progress
    from lookalike.json_values import plain

    with show_progress() as progress:
        trained = train_and_calibrate(options, progress)
    calibration = trained.calibration
    if as_json:
        print_json(plain(trained) | {"calibration": calibration.model_dump(mode="json") if calibration else None})
        return
    console.print(
        f"[green]trained[/green] {escape(str(trained.model))} on {how_many(trained.pictures, 'picture')} of "
        f"{how_many(trained.identities, 'identity', 'identities')} (fingerprint {trained.fingerprint})",
        soft_wrap=True,
    )
    if calibration is not None:
        if calibration.note:
            note(calibration.note)
        point = calibration.point()
        console.print(
            f"on {calibration.identities} identities it never saw: EER {calibration.eer:.3f}; threshold "
            f"{point.threshold:.4f} for a false match rate of at most {point.target_fmr:g} "
            f"({point.impostor_pairs:,} impostor pairs), misses {point.fnmr:.1%} of genuine pairs",
            soft_wrap=True,
        )
        if trained.weakness:
            note(trained.weakness)
