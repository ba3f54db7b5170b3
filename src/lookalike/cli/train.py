"""`lookalike train`: learn an embedding from labelled pictures, and measure thresholds on people held out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from lookalike.cli.options import AsJson, Cropped, Data, SkipBad

if TYPE_CHECKING:
    from lookalike.datasets import PictureSet
    from lookalike.embedder import Calibration, Preprocessing
    from lookalike.training import Recipe

__all__ = ["train_command"]


def train_command(
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")] = Path("model"),
    recipe: Annotated[
        str, typer.Option(help="small-faces, face-crops, faces, landmarks, landmarks-large, or a TOML file.")
    ] = "small-faces",
    loss: Annotated[
        str | None, typer.Option(help="arcface, triplet, center, …: docs/losses has a page for each.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="mobilefacenet, iresnet18, iresnet50, linear or a timm network.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the pictures.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="Pictures in a batch.")] = None,
    chunk_size: Annotated[
        int | None, typer.Option(min=1, help="Pictures embedded at a time, where a whole batch does not fit in memory.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its peak.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Decides every random choice; else the recipe does.")] = None,
    non_landmarks: Annotated[
        Path | None, typer.Option(help="Folder of pictures that show no landmark: one class more to learn.")
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(help="CSV identity,group: groups join the training one after another, in the file's order."),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.9,
            help="Share of identities held out to measure thresholds, at least 2; 0: none. [default: 0.2; 0 for "
            "landmarks, whose thresholds come from non-landmarks when they are enrolled]",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Drop an interrupted training.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an older model.")] = False,
    cropped: Cropped = False,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Train an embedding network on your own pictures.

    A share of the identities is held out: the network never sees them, and the thresholds in calibration.json are
    measured on them. Places are all learned, unless --validation holds some out; its thresholds then tell whether two
    photos show the same place. Ctrl-C keeps a checkpoint; the same command with --resume goes on and gives the same
    model.
    """
    from lookalike.atomic_files import check_replaceable
    from lookalike.cli.terminal import console, escape, note, print_json, progress_bar
    from lookalike.datasets import NON_LANDMARK, place_pictures, read_pictures
    from lookalike.errors import InputError
    from lookalike.landmarks.recipe import RECIPES as LANDMARK_RECIPES
    from lookalike.training import Progress, Recipe, train
    from lookalike.training.curriculum import read_curriculum

    if resume and restart:
        raise InputError("both --resume and --restart were given; the one goes on, the other begins anew: give one")
    changes: dict[str, Any] = {
        "loss": loss,
        "backbone": backbone,
        "epochs": epochs,
        "batch_size": batch_size,
        "chunk_size": chunk_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    chosen = _recipe(recipe, {key: value for key, value in changes.items() if value is not None})
    if cropped:
        chosen = chosen.for_crops()
    check_replaceable(output, "model.toml", replace)
    of_places = recipe in LANDMARK_RECIPES or non_landmarks is not None
    pictures = place_pictures(data, non_landmarks) if of_places else read_pictures(data)
    for line in pictures.notes:
        note(line)
    if of_places and NON_LANDMARK not in pictures.names:
        note(
            "no picture shows a non-landmark (--non-landmarks FOLDER): the network learns to tell places apart only, "
            "and enrolment will want some for its thresholds"
        )
    if validation is None:
        validation = 0.0 if recipe in LANDMARK_RECIPES else 0.2
    learn, held_out = _hold_out(pictures, validation, chosen.seed)
    if groups is not None:
        curriculum = read_curriculum(groups, learn.names, from_the_start=[NON_LANDMARK])
        chosen = Recipe.of(chosen.model_dump() | {"curriculum": curriculum}, f"--groups {groups}")
    chosen.build_batches(learn)  # refuses hopeless data before any work
    held_out = _usable(held_out, chosen.preprocessing, skip_bad)

    with progress_bar() as bars:
        tasks = {
            "pictures": bars.add_task("Reading pictures", total=len(learn), extra=""),
            "training": bars.add_task(f"Training ({chosen.loss})", total=None, extra=""),
        }

        def show(p: Progress) -> None:
            extra = f"loss {p.loss:.3f}" if p.stage == "training" else ""
            bars.update(tasks[p.stage], completed=p.done, total=p.total, extra=extra)
            if p.warning:
                note(p.warning)

        trained = train(
            learn, chosen, output, resume=resume, restart=restart, replace=replace, skip_bad=skip_bad, progress=show
        )
    for line in trained.notes:
        note(line)

    calibration = _calibrate(output, held_out, data) if held_out is not None else None
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
                "warnings": trained.warnings,
                "calibration": calibration.model_dump(mode="json") if calibration else None,
            }
        )
        return
    console.print(
        f"[green]trained[/green] {escape(str(output))} on {trained.card.training['pictures']} pictures of "
        f"{trained.card.training['identities']} identities (fingerprint {trained.card.fingerprint})",
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


def _recipe(name: str, changes: dict[str, Any]) -> Recipe:
    from lookalike.errors import InputError
    from lookalike.faces.recipe import RECIPES as FACE_RECIPES
    from lookalike.faces.recipe import face_recipe
    from lookalike.landmarks.recipe import RECIPES as LANDMARK_RECIPES
    from lookalike.landmarks.recipe import landmark_recipe
    from lookalike.training import LossName, Recipe

    losses = get_args(LossName)
    if changes.get("loss", losses[0]) not in losses:
        raise InputError(f"loss {changes['loss']!r} is unknown; choose {', '.join(losses)}")
    path = Path(name)
    if name in LANDMARK_RECIPES:
        return landmark_recipe(name, **changes)
    if "backbone" in changes:
        changes["backbone_options"] = {}  # the recipe's are those of its own backbone
    if name in FACE_RECIPES:
        return face_recipe(name, **changes)
    if path.suffix == ".toml" or path.exists():
        return Recipe.read(path, **changes)
    names = ", ".join((*FACE_RECIPES, *LANDMARK_RECIPES))
    raise InputError(f"recipe {name!r} is unknown; choose {names} or the path of a TOML file")


def _hold_out(pictures: PictureSet, share: float, seed: int) -> tuple[PictureSet, PictureSet | None]:
    """Who is learned from, and who is kept to measure thresholds on: at least two, with two pictures or more each."""
    from lookalike.cli.terminal import note
    from lookalike.datasets import NON_LANDMARK, split_identities

    several = [name for name in pictures.names if name not in {*pictures.single, NON_LANDMARK}]
    if share == 0:
        return pictures, None
    if len(several) < 5:
        note(
            f"{len(several)} identities with two or more pictures are too few to hold some out (5 are enough): "
            "no thresholds are measured"
        )
        return pictures, None
    count = min(max(2, round(share * len(several))), len(pictures.names) - 2)
    _, held_out = split_identities(pictures.of(several), count, seed)
    kept_out = set(held_out.names)
    return pictures.of([name for name in pictures.names if name not in kept_out]), held_out


def _usable(held_out: PictureSet | None, preprocessing: Preprocessing, skip_bad: bool) -> PictureSet | None:
    from lookalike.cli.measuring import usable_pictures
    from lookalike.cli.terminal import note

    if held_out is None:
        return None
    usable = usable_pictures(preprocessing, held_out, skip_bad)
    if len(usable.names) < 2 or len(usable.single) == len(usable.names):
        note("too few held-out pictures can be used: no thresholds are measured")
        return None
    return usable


def _calibrate(folder: Path, held_out: PictureSet, data: str) -> Calibration:
    """Measure the thresholds of the model that now lies in `folder`; on any failure say that the model is there."""
    from lookalike.cli.measuring import calibrate_on
    from lookalike.embedder import Embedder
    from lookalike.errors import LookalikeError, TrainingInterrupted

    there = f"{folder} is trained and whole, but has no thresholds"
    advice = f"measure them with `lookalike evaluate DATA --model {folder} --calibrate`"
    try:
        calibration = calibrate_on(
            Embedder.load(folder), held_out, f"{len(held_out.names)} identities held out of {data}"
        )
        calibration.save(folder / "calibration.json")
    except LookalikeError as error:
        raise type(error)(f"{there}: {error}; {advice}") from error
    except KeyboardInterrupt:
        raise TrainingInterrupted(f"{there}: measuring them was interrupted; {advice}") from None
    return calibration
