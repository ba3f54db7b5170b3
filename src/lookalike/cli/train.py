"""`lookalike train`: learn an embedding from labelled pictures, and measure thresholds on people held out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lookalike.cli.options import AsJson, Data, SkipBad

__all__ = ["train_command"]


def train_command(
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")] = Path("model"),
    recipe: Annotated[str, typer.Option(help="small-faces, faces, or a TOML file.")] = "small-faces",
    loss: Annotated[str | None, typer.Option(help="arcface, softmax or triplet.")] = None,
    backbone: Annotated[str | None, typer.Option(help="mobilefacenet, iresnet18, iresnet50 or a timm network.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the pictures.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="Pictures in a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its peak.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides every random choice.")] = 0,
    validation: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of identities held out to measure thresholds; 0: none.")
    ] = 0.2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Drop an interrupted training.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an older model.")] = False,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Train an embedding network on your own pictures.

    A share of the identities is held out: the network never sees them, and the thresholds in calibration.json are
    measured on them. Ctrl-C keeps a checkpoint; the same command with --resume goes on and gives the same model.
    """
    from lookalike.cli.measuring import calibrate_on
    from lookalike.cli.terminal import console, note, print_json, progress_bar
    from lookalike.datasets import read_pictures, split_identities
    from lookalike.embedder import Embedder
    from lookalike.faces.recipe import RECIPES, face_recipe
    from lookalike.training import Progress, Recipe, train

    changes: dict[str, Any] = {
        "loss": loss,
        "backbone": backbone,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    if backbone is not None:
        changes["backbone_options"] = {}
    given = {key: value for key, value in changes.items() if value is not None}
    chosen = face_recipe(recipe, **given) if recipe in RECIPES else Recipe.read(Path(recipe), **given)

    pictures = read_pictures(data)
    held_out = None
    learn = pictures
    if validation > 0 and len(pictures.names) >= 5:
        learn, held_out = split_identities(pictures, validation, seed)
        if all(name in held_out.single for name in held_out.names):
            note("every held-out identity has one picture: nothing to measure thresholds on")
            learn, held_out = pictures, None
    elif validation > 0:
        note(f"{len(pictures.names)} identities are too few to hold some out: no thresholds are measured")

    with progress_bar() as bars:
        tasks = {
            "pictures": bars.add_task("Reading pictures", total=len(learn), extra=""),
            "training": bars.add_task(f"Training ({chosen.loss})", total=None, extra=""),
        }

        def show(p: Progress) -> None:
            extra = f"loss {p.loss:.3f}" if p.stage == "training" else ""
            bars.update(tasks[p.stage], completed=p.done, total=p.total, extra=extra)

        trained = train(
            learn, chosen, output, resume=resume, restart=restart, replace=replace, skip_bad=skip_bad, progress=show
        )
    for line in trained.notes:
        note(line)

    calibration = None
    if held_out is not None:
        embedder = Embedder.load(output)
        calibration = calibrate_on(embedder, held_out, f"{len(held_out.names)} identities held out of {data}", skip_bad)
        calibration.save(output / "calibration.json")
    if as_json:
        print_json(
            {
                "model": output,
                "fingerprint": trained.card.fingerprint,
                "identities": trained.card.training["identities"],
                "pictures": trained.card.training["pictures"],
                "held_out_identities": len(held_out.names) if held_out else 0,
                "history": trained.history,
                "notes": trained.notes,
                "calibration": calibration.model_dump(mode="json") if calibration else None,
            }
        )
        return
    console.print(
        f"[green]trained[/green] {output} on {trained.card.training['pictures']} pictures of "
        f"{trained.card.training['identities']} identities (fingerprint {trained.card.fingerprint})"
    )
    if calibration is not None:
        point = calibration.point()
        console.print(
            f"on {calibration.identities} identities it never saw: EER {calibration.eer:.3f}; threshold "
            f"{point.threshold:.4f} for a false match rate of at most {point.target_fmr:g} "
            f"({point.impostor_pairs:,} impostor pairs), misses {point.fnmr:.1%} of genuine pairs"
        )
