"""Train an embedding network; interrupt it at any moment and go on where it stopped."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import signal
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from lookalike.atomic_files import check_replaceable, make_folders
from lookalike.datasets import NON_LANDMARK, PictureSet
from lookalike.embedder.model_folder import ModelCard, save_model
from lookalike.embedder.seen_pictures import digests
from lookalike.errors import ArtefactError, StorageError, TrainingDiverged, TrainingInterrupted
from lookalike.training.checkpoint import foreign_entry, load_checkpoint, read_state, save_checkpoint
from lookalike.training.collapse import CollapseMonitor
from lookalike.training.known_pictures import KnownPictures, picture_digests
from lookalike.training.prepared_pictures import prepare_pictures
from lookalike.training.recipe import Recipe
from lookalike.training.running_loss import RunningLoss
from lookalike.training.training_step import TrainingSteps

__all__ = ["Progress", "Trained", "train"]

#: A checkpoint is written at the first epoch's end after this many seconds.
_CHECKPOINT_SECONDS = 15.0


@dataclass(frozen=True)
class Progress:
    """Where a training stands: `stage` is `checking`, `pictures` or `training`, and `done` of `total`.

    `checking` comes first where a training is resumed: are these the pictures that it was begun with?

    `loss` is the epoch's mean up to the last time that losses were read from the device, a fraction of a second ago.
    `warning` is what the collapse monitor has just found, empty most of the time.
    """

    stage: str
    done: int
    total: int
    loss: float = math.nan
    warning: str = ""


@dataclass(frozen=True)
class Trained:
    """What `train` made: the folder, its card, the log (one entry an epoch), remarks on the data.

    `warnings` are the collapse monitor's.
    """

    folder: Path
    card: ModelCard
    history: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def train(
    pictures: PictureSet,
    recipe: Recipe,
    folder: str | Path,
    *,
    name: str = "",
    resume: bool = False,
    restart: bool = False,
    replace: bool = False,
    skip_bad: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train a network on labelled pictures and write a `model/` folder.

    While it runs, checkpoints lie in `FOLDER.training`; Ctrl-C finishes the step, writes one and raises. The
    same recipe and pictures give the same weights on one machine, interrupted or not: batches, augmentation and
    dropout are functions of (seed, step). A resumed training knows its pictures by their contents and identities: they
    may have been moved, renamed or listed in another order meanwhile.

    Args:
        pictures: at least two identities.
        recipe: all other choices.
        folder: the model folder to write.
        name: what the model is called in messages; the folder's name by default.
        resume: go on from the checkpoint.
        restart: throw an earlier checkpoint away.
        replace: put the model in the place of an older one.
        skip_bad: leave out pictures that cannot be used.
        progress: called after every batch of pictures and every step.

    Raises:
        DatasetError: the pictures cannot be trained on.
        StorageError: the model exists, or the disk is full.
        ArtefactError: there is a checkpoint and it was not said what to do with it, or it does not fit.
        TrainingDiverged: the loss became NaN or infinite.
        TrainingInterrupted: SIGINT or SIGTERM; a checkpoint was written.
    """
    folder = Path(folder)
    if folder.name in ("", ".."):
        raise StorageError(f"{folder} cannot become a model folder; give it a name of its own, such as model")
    check_replaceable(folder, "model.toml", replace)
    recipe.build_batches(pictures)  # refuses hopeless data, and options, before an hour of decoding
    with torch.random.fork_rng(devices=[]):
        recipe.build_loss(pictures)
    scratch = folder.with_name(f"{folder.name}.training")
    state = _checkpoint_to_use(scratch, resume, restart)

    def counted(stage: str) -> Callable[[int], None]:
        done = 0

        def add(count: int) -> None:
            nonlocal done
            done += count
            if progress:
                progress(Progress(stage, done, len(pictures)))

        return add

    if state is not None:
        pictures = _pictures_begun_with(scratch, state, recipe, pictures, counted("checking"))

    with _kept_if_useful(scratch), torch.random.fork_rng(devices=[]):
        data = prepare_pictures(pictures, recipe.preprocessing, scratch, skip_bad, counted("pictures"))
        batches = recipe.build_batches(data.pictures)
        torch.manual_seed(recipe.seed)
        run = TrainingSteps(recipe, data.pictures)
        if state is not None:
            load_checkpoint(scratch, run.module, run.optimizer, state)
        history: list[dict[str, Any]] = list(state["history"]) if state else []
        labels = torch.from_numpy(data.pictures.labels)
        # Epochs differ in length where a curriculum lets more and more identities join.
        ends = list(accumulate(batches.batches_in(epoch) for epoch in range(recipe.epochs)))
        steps = ends[-1]
        first, saved_at = int(state["step"]) if state else 0, time.monotonic()
        running = _running_loss(state)
        # At first every network finds everything alike, so the first epochs do not count.
        monitor = CollapseMonitor(run.module.loss, skip=math.ceil(recipe.epochs / 5))
        monitor.resume(history)
        warnings: list[str] = list(state.get("warnings", ())) if state else []

        def read_losses() -> None:
            diverged = running.read()
            if diverged is not None:
                whose = "though not" if diverged.finite_embeddings else "and"
                raise TrainingDiverged(
                    f"the loss became {diverged.loss} in step {diverged.step + 1} of {steps}, {whose} the embeddings; "
                    f"lower learning_rate (now {recipe.learning_rate:g}) or the margin"
                )

        known_as = ""

        def save(step: int) -> None:
            nonlocal known_as
            read_losses()  # weights that have diverged do not replace the checkpoint before
            sums = {"loss_sum": running.total, "loss_count": running.count}
            known_as = known_as or data.known.write(scratch)  # once: it may be tens of megabytes
            identity = {"recipe": _entries(recipe), "pictures": known_as}
            content = {"step": step, **identity, "history": history, **sums, "warnings": warnings}
            save_checkpoint(scratch, run.module, run.optimizer, content)

        def stopped(step: int) -> TrainingInterrupted:
            save(step)
            return TrainingInterrupted(
                f"training was interrupted at step {step} of {steps}; run the same command with --resume to go on"
            )

        with _interruptible() as interrupted:
            for epoch in range(bisect_right(ends, first), recipe.epochs):
                started, size, end = time.monotonic(), recipe.image_size_in(epoch), ends[epoch]
                for step, positions in enumerate(batches.epoch(epoch), end - batches.batches_in(epoch)):
                    if step < first:
                        continue
                    try:
                        loss = run.step(data.pixels[positions], labels[torch.from_numpy(positions)], step, steps, size)
                    except Exception:
                        read_losses()  # a step after a loss that is not finite may fail; that loss is the cause
                        raise
                    running.add(step, loss, run.seen[0])
                    if running.due:
                        read_losses()
                    if progress:
                        progress(Progress("training", step + 1, steps, running.mean))
                    if interrupted.is_set() and step + 1 < end:
                        raise stopped(step + 1)
                read_losses()
                mean = running.mean
                history.append(
                    {
                        "epoch": epoch + 1,
                        "loss": mean,
                        "learning_rate": recipe.learning_rate_at(end - 1, steps),
                        "seconds": round(time.monotonic() - started, 2),
                        **monitor.entry(monitor.observe(*run.seen)),
                    }
                )
                running = RunningLoss()
                for line in monitor.warnings():
                    warnings.append(f"epoch {epoch + 1}: {line}")
                    if progress:
                        progress(Progress("training", end, steps, mean, warnings[-1]))
                if interrupted.is_set() and epoch + 1 < recipe.epochs:
                    raise stopped(end)
                if time.monotonic() - saved_at > _CHECKPOINT_SECONDS and epoch + 1 < recipe.epochs:
                    save(end)
                    saved_at = time.monotonic()
        card = _card(recipe, name or folder.name, data.pictures)
        log = "".join(json.dumps(entry) + "\n" for entry in history)
        others = [
            path
            for path, name in zip(data.pictures.paths, data.pictures.identities, strict=True)
            if name == NON_LANDMARK
        ]
        card = save_model(folder, run.backbone, card, log, replace, digests(others))
    shutil.rmtree(scratch, ignore_errors=True)
    return Trained(folder, card, tuple(history), data.notes, tuple(warnings))


def _running_loss(state: dict[str, Any] | None) -> RunningLoss:
    """The losses of the epoch that a checkpoint was written in; older ones list them all."""
    if state is None:
        return RunningLoss()
    if "losses" in state:
        total = 0.0
        for loss in state["losses"]:  # one after the other, as they are added up since: `sum` rounds otherwise
            total += loss
        return RunningLoss(total, len(state["losses"]))
    return RunningLoss(state["loss_sum"], state["loss_count"])


def _checkpoint_to_use(scratch: Path, resume: bool, restart: bool) -> dict[str, Any] | None:
    """Make the training folder and return the state to go on from, or None to start from the beginning."""
    foreign = foreign_entry(scratch)
    if foreign is not None:
        raise StorageError(
            f"{scratch} is where checkpoints go, but {foreign} is in it, which is none; choose another model folder"
        )
    if restart:
        shutil.rmtree(scratch, ignore_errors=True)
    try:
        make_folders(scratch)
    except OSError as error:
        raise StorageError(f"{scratch} cannot be made: {error.strerror}; choose a folder you may write to") from None
    state = read_state(scratch)
    if state is None:
        return None
    if not resume:
        raise ArtefactError(
            f"{scratch} holds an interrupted training (step {state['step']}); "
            "go on with --resume, or drop it with --restart"
        )
    return state


def _pictures_begun_with(
    scratch: Path, state: dict[str, Any], recipe: Recipe, pictures: PictureSet, progress: Callable[[int], None]
) -> PictureSet:
    """The pictures in the order in which a checkpoint's training was begun; an `ArtefactError` where it was another."""
    if "digest" in state:  # format 1
        if state["digest"] != _digest_of_paths(recipe, pictures):
            raise ArtefactError(
                f"the training in {scratch} had another recipe or other pictures, or these from another folder (an "
                "older Lookalike began it, which knew pictures by their paths); give those again, or drop it with "
                "--restart"
            )
        return pictures
    entries = _entries(recipe)
    changed = sorted(name for name in {*entries, *state["recipe"]} if entries.get(name) != state["recipe"].get(name))
    if changed:
        raise ArtefactError(
            f"the training in {scratch} had another recipe ({', '.join(changed)}); give that again, or drop it with "
            "--restart"
        )
    known = KnownPictures.read(scratch, state["pictures"])
    return known.in_order(pictures, picture_digests(pictures.paths, progress), scratch)


def _entries(recipe: Recipe) -> dict[str, str]:
    """A digest of each entry of a recipe, by which a checkpoint tells whether it is the same and what is not."""
    content = recipe.model_dump(mode="json")
    return {name: hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16] for name, value in content.items()}


def _digest_of_paths(recipe: Recipe, pictures: PictureSet) -> str:
    """What a checkpoint of format 1 knew recipe and pictures by."""
    content = [recipe.model_dump(mode="json"), [[str(path) for path in pictures.paths], pictures.identities]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@contextmanager
def _kept_if_useful(scratch: Path) -> Iterator[None]:
    """On an error, remove the training folder unless it holds a checkpoint to go on from."""
    try:
        yield
    except BaseException:
        if not (scratch / "state.json").exists():
            shutil.rmtree(scratch, ignore_errors=True)
        raise


def _card(recipe: Recipe, name: str, pictures: PictureSet) -> ModelCard:
    return ModelCard(
        name=name,
        backbone=recipe.backbone,
        backbone_options=recipe.backbone_options,
        embedding_size=recipe.embedding_size,
        metric="cosine",
        preprocessing=recipe.preprocessing,
        training={
            "identities": len(pictures.names),
            "pictures": len(pictures),
            "recipe": recipe.model_dump(mode="json", exclude={"preprocessing"}, exclude_none=True),
        },
    )


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second signal acts at once. Only in the main thread."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def note(number: int, frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
