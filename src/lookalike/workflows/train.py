"""Labelled pictures to a `model/` folder, with thresholds measured on identities that the network never saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import ProgressSink, Reporter

if TYPE_CHECKING:
    from lookalike.datasets import PictureSet
    from lookalike.decisions.calibration import Calibration
    from lookalike.training import Recipe

__all__ = ["TrainOptions", "TrainedModel", "train_and_calibrate"]

#: Options that stand in the place of the recipe's entries of the same names.
_CHANGES = ("loss", "backbone", "epochs", "batch_size", "chunk_size", "learning_rate", "seed")


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What to learn, from which pictures, and how.

    Attributes:
        data: a folder per identity, a CSV of path,identity, or a folder of Google Landmarks v2.
        classes_at: of a folder per identity: at which depth the identities' folders lie, such as 2.
        output: the model folder to write.
        recipe: `small-faces`, `face-crops`, `faces`, `landmarks`, `landmarks-large`, a TOML file, or a `Recipe`.
        loss: in the place of the recipe's, as are the six that follow; None keeps the recipe's.
        backbone: the network.
        epochs: passes over the pictures.
        batch_size: pictures in a batch.
        chunk_size: pictures embedded at a time, where a whole batch does not fit in memory.
        learning_rate: its peak.
        seed: decides every random choice.
        non_landmarks: a folder of pictures that show no landmark: one class more to learn.
        groups: a CSV of identity,group; groups join the training one after another, in the file's order.
        validation: share of the identities held out to measure thresholds on, at least 2; 0 for none. None is 0.2,
            and 0 for a landmark recipe: thresholds of places come from non-landmarks when they are enrolled.
        resume: go on with an interrupted training.
        restart: drop an interrupted training.
        replace: replace an older model.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        skip_bad: leave out pictures that cannot be used, in place of an error.
    """

    data: str | Path
    classes_at: int | None = None
    output: Path = Path("model")
    recipe: str | Path | Recipe = "small-faces"
    loss: str | None = None
    backbone: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    chunk_size: int | None = None
    learning_rate: float | None = None
    seed: int | None = None
    non_landmarks: str | Path | None = None
    groups: str | Path | None = None
    validation: float | None = None
    resume: bool = False
    restart: bool = False
    replace: bool = False
    cropped: bool = False
    skip_bad: bool = False


@dataclass(frozen=True)
class TrainedModel:
    """The model that was written.

    Attributes:
        model: its folder.
        fingerprint: of network and preprocessing.
        identities: learned from.
        pictures: learned from.
        held_out_identities: those that thresholds were measured on; 0 where none were.
        history: the training log, one entry an epoch.
        notes: remarks on the pictures.
        warnings: signs of collapse, with the likely cause.
        calibration: the thresholds, which are also in the folder; None where nobody was held out.
        weakness: says so where the model misses too many genuine pairs, why, and what to do; else empty.
    """

    model: Path
    fingerprint: str
    identities: int
    pictures: int
    held_out_identities: int
    history: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    calibration: Calibration | None = None
    weakness: str = ""


def train_and_calibrate(options: TrainOptions, progress: ProgressSink | None = None) -> TrainedModel:
    """Hold identities out, train on the others, and measure thresholds on those held out.

    Everything that can be refused is refused before the work, what takes least first: an output or an interrupted
    training in the way, names and numbers of pictures, the recipe, pictures' headers, held-out pictures that cannot be
    decoded. Ctrl-C keeps a checkpoint; the same options with `resume` go on from it and give the
    same model.

    Raises:
        InputError: options that do not go together, an unknown recipe, loss or network.
        DatasetError: the pictures cannot be read or learned from, or some cannot be used and `skip_bad` is false.
        ArtefactError: there is an interrupted training, and neither `resume` nor `restart` was given; or another one.
        StorageError: there is a model already, or the disk is full.
        TrainingDiverged: the loss became NaN or infinite.
        TrainingInterrupted: Ctrl-C; a checkpoint was written, or the model is whole and only thresholds are missing.

    Example:
        >>> trained = train_and_calibrate(TrainOptions(data="photos/", epochs=30), print)    # doctest: +SKIP
        >>> trained.calibration.eer    # doctest: +SKIP
        0.021
    """
    from lookalike.datasets import NON_LANDMARK
    from lookalike.workflows.picture_headers import check_headers
    from lookalike.workflows.training_recipes import chosen_recipe, is_landmark_recipe

    report = Reporter(progress)
    _check_output(options)
    of_places = is_landmark_recipe(options.recipe)
    pictures = _read(options, of_places or options.non_landmarks is not None, report)
    changes = {name: getattr(options, name) for name in _CHANGES}
    recipe = chosen_recipe(options.recipe, changes, options.cropped)
    recipe.check_pictures(pictures)
    check_headers(pictures.paths, report, skip_bad=options.skip_bad)

    # From here on with torch.
    from lookalike.training.curriculum import read_curriculum
    from lookalike.training.recipe import Recipe
    from lookalike.training.trainer import Trainer, TrainerOptions
    from lookalike.training.weak_model import weakness
    from lookalike.workflows.held_out import hold_out, measure_thresholds, prepare_held_out

    share = options.validation
    if share is None:
        share = 0.0 if of_places else 0.2
    learn, held_out = hold_out(pictures, share, recipe.seed, report)
    if options.groups is not None:
        curriculum = read_curriculum(options.groups, learn.names, from_the_start=[NON_LANDMARK])
        recipe = Recipe.of(recipe.model_dump() | {"curriculum": curriculum}, f"--groups {options.groups}")
    how = TrainerOptions(
        resume=options.resume, restart=options.restart, replace=options.replace, skip_bad=options.skip_bad
    )
    trainer = Trainer(learn, recipe, options.output, how, report)
    measured_on = held_out and prepare_held_out(
        held_out, recipe.preprocessing, options.output, report, skip_bad=options.skip_bad
    )
    trained = trainer.run()
    calibration = None
    if measured_on:
        source = f"{len(measured_on.pictures.names)} identities held out of {options.data}"
        calibration = measure_thresholds(options.output, measured_on, report, source)
    identities, learned = trained.card.training["identities"], trained.card.training["pictures"]
    return TrainedModel(
        model=options.output,
        fingerprint=trained.card.fingerprint,
        identities=identities,
        pictures=learned,
        held_out_identities=len(measured_on.pictures.names) if measured_on else 0,
        history=trained.history,
        notes=tuple(line for line in report.remarks if line not in trained.warnings),
        warnings=trained.warnings,
        calibration=calibration,
        weakness=""
        if calibration is None
        else weakness(calibration, identities=identities, pictures=learned, recipe=recipe, history=trained.history),
    )


def _check_output(options: TrainOptions) -> None:
    """Refuse what is in the way of the model, and a recipe that is none, before anything is read."""
    from lookalike.atomic_files import check_replaceable
    from lookalike.errors import InputError
    from lookalike.training.interrupted_training import state_to_resume, training_folder_of
    from lookalike.workflows.output_folder import check_apart, check_writable
    from lookalike.workflows.training_recipes import check_recipe

    if options.resume and options.restart:
        raise InputError("both --resume and --restart were given; the one goes on, the other begins anew: give one")
    check_recipe(options.recipe)
    check_replaceable(options.output, "model.toml", options.replace)
    state_to_resume(training_folder_of(options.output), options.resume, options.restart)
    check_writable(options.output)
    check_apart(options.output, options.data)


def _read(options: TrainOptions, of_places: bool, report: Reporter) -> PictureSet:
    from lookalike.datasets import NON_LANDMARK, place_pictures, read_pictures
    from lookalike.training.trainable_pictures import check_trainable

    if of_places:
        pictures = place_pictures(options.data, options.non_landmarks, options.classes_at)
    else:
        pictures = read_pictures(options.data, options.classes_at)
    check_trainable(pictures)
    for line in pictures.notes:
        report.remark(line)
    if of_places and NON_LANDMARK not in pictures.names:
        report.remark(
            "no picture shows a non-landmark (--non-landmarks FOLDER): the network learns to tell places apart only, "
            "and enrolment will want some for its thresholds"
        )
    return pictures
