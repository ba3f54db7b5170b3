"""Train an embedding network; interrupt it at any moment and go on where it stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch

from lookalike.atomic_files import check_replaceable
from lookalike.counted_nouns import how_many
from lookalike.datasets import NON_LANDMARK, PictureSet
from lookalike.datasets.identity_batches import Batches
from lookalike.embedder.model_card import ModelCard
from lookalike.embedder.model_folder import save_model
from lookalike.embedder.seen_pictures import digests
from lookalike.errors import TrainingInterrupted
from lookalike.progress import Progress, ProgressSink, counted
from lookalike.training.collapse import CollapseMonitor
from lookalike.training.hooks import CheckpointHook, CollapseHook, HistoryHook, Hook, ProgressHook
from lookalike.training.input_pipeline import BatchOrder, InputPipeline, TrainingBatch
from lookalike.training.interrupted_training import training_folder_of
from lookalike.training.interruption import interruptible
from lookalike.training.known_pictures import KnownPictures
from lookalike.training.prepared_pictures import PreparedPictures, prepare_pictures
from lookalike.training.recipe import Recipe
from lookalike.training.running_loss import RunningLoss
from lookalike.training.training_folder import TrainingFolder
from lookalike.training.training_log import FILE_NAME, TrainingLog, log_lines
from lookalike.training.training_state import TrainingState
from lookalike.training.training_step import TrainingSteps

__all__ = ["Trained", "Trainer", "TrainerOptions", "train"]

#: A checkpoint is written at the first epoch's end after this many seconds.
_CHECKPOINT_SECONDS = 15.0


@dataclass(frozen=True)
class Trained:
    """What `train` made.

    Attributes:
        folder: of the model.
        card: the model's.
        history: the log, one entry an epoch.
        notes: remarks on the pictures.
        warnings: the collapse monitor's.
    """

    folder: Path
    card: ModelCard
    history: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrainerOptions:
    """How a training is run; nothing of this decides what is learned.

    Attributes:
        name: what the model is called in messages; the folder's name by default.
        resume: go on from the checkpoint.
        restart: throw an earlier checkpoint away.
        replace: put the model in the place of an older one.
        skip_bad: leave out pictures that cannot be used.
    """

    name: str = ""
    resume: bool = False
    restart: bool = False
    replace: bool = False
    skip_bad: bool = False


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
    progress: ProgressSink | None = None,
) -> Trained:
    """Train a network on labelled pictures and write a `model/` folder.

    While it runs, checkpoints lie in `FOLDER.training`, and `training.jsonl` there grows by a line an epoch; Ctrl-C
    finishes the step, writes a checkpoint and raises. The same recipe and pictures give the same weights on one
    machine, interrupted or not: batches, augmentation and dropout are functions of (seed, step). A resumed training
    knows its pictures by their contents and identities: they may have been moved, renamed or listed in another order
    meanwhile.

    Args:
        pictures: at least two identities.
        recipe: all other choices.
        folder: the model folder to write.
        name: what the model is called in messages; the folder's name by default.
        resume: go on from the checkpoint.
        restart: throw an earlier checkpoint away.
        replace: put the model in the place of an older one.
        skip_bad: leave out pictures that cannot be used.
        progress: told of every batch of pictures and every step, and of remarks and warnings at once.

    Raises:
        DatasetError: the pictures cannot be trained on.
        StorageError: the model exists, or the disk is full.
        ArtefactError: there is a checkpoint and it was not said what to do with it, or it does not fit.
        TrainingDiverged: the loss became NaN or infinite.
        TrainingInterrupted: SIGINT or SIGTERM; a checkpoint was written.

    Example:
        >>> train(read_pictures("photos/"), Recipe(epochs=5), "model").card.fingerprint    # doctest: +SKIP
        '4e77b4257c62df61'
    """
    options = TrainerOptions(name=name, resume=resume, restart=restart, replace=replace, skip_bad=skip_bad)
    return Trainer(pictures, recipe, folder, options, progress).run()


class Trainer:
    """One training: constructing it checks everything that can be checked before a picture is decoded; `run` trains.

    Batches, network, loss and optimizer are built here, once; a second time only where pictures turn out to be
    unusable and are left out.

    Args:
        pictures: at least two identities.
        recipe: decides what is learned.
        folder: the model folder to write.
        options: how it is run.
        progress: as `train`.

    Attributes:
        recipe: as given.
        pictures: those trained on, in the order in which the training was begun.
        batches: which pictures make a batch, epoch by epoch.
        steps: network, loss and optimizer.
        state: how far the training is, and its log.

    Raises:
        DatasetError, StorageError, ArtefactError: as `train`.
        InputError: the network or the loss cannot be built.

    Example:
        >>> trainer = Trainer(read_pictures("photos/"), Recipe(epochs=5), "model")    # doctest: +SKIP
        >>> trainer.state.steps, trainer.run().history[-1]["loss"]    # doctest: +SKIP
        (160, 0.412)
    """

    batches: Batches
    steps: TrainingSteps
    state: TrainingState

    def __init__(
        self,
        pictures: PictureSet,
        recipe: Recipe,
        folder: str | Path,
        options: TrainerOptions | None = None,
        progress: ProgressSink | None = None,
    ) -> None:
        self.recipe, self.folder, self.options = recipe, Path(folder), options or TrainerOptions()
        self._progress = progress
        scratch = training_folder_of(self.folder)
        check_replaceable(self.folder, "model.toml", self.options.replace)
        self._checkpoints = TrainingFolder(scratch, recipe, self.options.resume, self.options.restart)
        comparing = counted(progress, "Comparing with the checkpoint", len(pictures))
        self._notes = list(pictures.notes)
        self._build(self._checkpoints.in_first_order(pictures, comparing))

    def _build(self, pictures: PictureSet) -> None:
        """Batches, network, loss and optimizer for these pictures: nowhere else are they built."""
        self.pictures = pictures
        self.batches = self.recipe.build_batches(pictures)
        # Epochs differ in length where a curriculum lets more and more identities join.
        self._ends = list(accumulate(self.batches.batches_in(epoch) for epoch in range(self.recipe.epochs)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)
            self.steps = TrainingSteps(self.recipe, pictures)
        self.state = TrainingState(self._ends[-1], self.recipe.learning_rate)

    def run(self, hooks: Sequence[Hook] = ()) -> Trained:
        """Prepare the pictures, take the steps that are left, and write the model.

        Args:
            hooks: further ones, called after the trainer's own.

        Raises:
            DatasetError, StorageError, ArtefactError, TrainingDiverged, TrainingInterrupted: as `train`.
        """
        with self._checkpoints.open(), torch.random.fork_rng(devices=[]):
            data = self._prepare()
            self._checkpoints.load(self.steps.module, self.steps.optimizer, self.state)
            pipeline = InputPipeline(self.recipe, data.pixels, self.pictures.labels)
            log = TrainingLog(self._checkpoints.path / FILE_NAME, self.state.history)
            # The log's is the last hook: those before it may add to an epoch's entry.
            self._take_steps(pipeline, (*self._hooks(data), *hooks, HistoryHook(log)))
            card = self._save(data.known)
        return Trained(self.folder, card, tuple(self.state.history), tuple(self._notes), tuple(self.state.warnings))

    def _prepare(self) -> PreparedPictures:
        stage, total = "Reading pictures", len(self.pictures)
        reading = counted(self._progress, stage, total)
        scratch, skip_bad = self._checkpoints.path, self.options.skip_bad
        data = prepare_pictures(self.pictures, self.recipe.preprocessing, scratch, skip_bad, reading)
        self._notes += data.notes
        if single := data.pictures.single:
            self._notes.append(
                f"{how_many(len(single), 'identity has', 'identities have')} one picture, such as "
                f"{single[0]!r}; kept all the same: such pictures "
                "teach what others are not"
            )
        for note in self._notes:
            if self._progress:
                self._progress(Progress(stage, total, total, warning=note))
        if len(data.pictures) < total:
            self._build(data.pictures)
        return data

    def _hooks(self, data: PreparedPictures) -> tuple[Hook, ...]:
        steps, stage = self.steps, f"Training ({self.recipe.loss})"
        # At first every network finds everything alike, so the first epochs do not count.
        monitor = CollapseMonitor(steps.module.loss, skip=math.ceil(self.recipe.epochs / 5))
        hooks: list[Hook] = [
            CollapseHook(monitor, lambda: steps.seen, self._progress, stage, self.state.history),
            CheckpointHook(
                lambda state: self._checkpoints.save(steps.module, steps.optimizer, state, data.known),
                _CHECKPOINT_SECONDS,
            ),
        ]
        if self._progress:
            hooks.append(ProgressHook(self._progress, stage))
        return tuple(hooks)

    def _take_steps(self, pipeline: InputPipeline, hooks: tuple[Hook, ...]) -> None:
        state, started = self.state, time.monotonic()
        with interruptible() as interrupted, closing(pipeline.batches(self._orders())) as batches:
            for batch in batches:
                self._take_step(batch)
                for hook in hooks:
                    hook.after_step(state)
                if state.step == self._ends[state.epoch]:
                    entry = self._end_epoch(time.monotonic() - started)
                    for hook in hooks:
                        hook.after_epoch(state, entry)
                    started = time.monotonic()
                if interrupted.is_set() and state.step < state.steps:
                    for hook in hooks:
                        hook.on_interrupt(state)
                    raise TrainingInterrupted(
                        f"training was interrupted at step {state.step} of {state.steps}; run the same command with "
                        "--resume to go on"
                    )

    def _orders(self) -> Iterator[BatchOrder]:
        """What goes into the batch of every step that is left."""
        first = self.state.step
        for epoch in range(self.state.epoch, self.recipe.epochs):
            size, start = self.recipe.image_size_in(epoch), self._ends[epoch] - self.batches.batches_in(epoch)
            for step, positions in enumerate(self.batches.epoch(epoch), start):
                if step >= first:
                    yield BatchOrder(step, positions, size)

    def _take_step(self, batch: TrainingBatch) -> None:
        state = self.state
        try:
            loss = self.steps.step(batch, state.steps)
        except Exception:
            state.read_losses()  # a step after a loss that is not finite may fail; that loss is the cause
            raise
        state.running.add(batch.step, loss, self.steps.seen[0])
        state.step = batch.step + 1
        if state.running.due:
            state.read_losses()

    def _end_epoch(self, seconds: float) -> dict[str, Any]:
        state = self.state
        state.read_losses()
        entry = {
            "epoch": state.epoch + 1,
            "loss": state.running.mean,
            "learning_rate": self.recipe.learning_rate_at(state.step - 1, state.steps),
            "seconds": round(seconds, 2),
        }
        state.history.append(entry)
        state.running = RunningLoss()
        return entry

    def _save(self, known: KnownPictures) -> ModelCard:
        recipe, pictures = self.recipe, self.pictures
        card = ModelCard(
            name=self.options.name or self.folder.name,
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
        log = log_lines(self.state.history)
        labelled = zip(pictures.paths, pictures.identities, strict=True)
        others = digests([path for path, identity in labelled if identity == NON_LANDMARK])
        return save_model(
            self.folder, self.steps.backbone, card, log, self.options.replace, others, trained_on=known.trained()
        )
