"""What happens beside the steps of a training: it is watched for collapse, shown, and written to checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from torch import Tensor

from lookalike.progress import Progress, ProgressSink
from lookalike.training.collapse import CollapseMonitor
from lookalike.training.training_log import TrainingLog
from lookalike.training.training_state import TrainingState

__all__ = ["CheckpointHook", "CollapseHook", "HistoryHook", "Hook", "ProgressHook"]


class Hook:
    """Called by the trainer; a hook overrides what it needs. What it must remember stands in the `TrainingState`."""

    def after_step(self, state: TrainingState) -> None:
        """A step was taken; `state.step` counts it."""

    def after_epoch(self, state: TrainingState, entry: dict[str, Any]) -> None:
        """An epoch is over; `entry`, the last of `state.history`, may be added to."""

    def on_interrupt(self, state: TrainingState) -> None:
        """The training ends here, to be resumed."""


class ProgressHook(Hook):
    """Reports every step.

    Args:
        sink: told of it.
        stage: what the training is called.
    """

    def __init__(self, sink: ProgressSink, stage: str) -> None:
        self._sink, self._stage = sink, stage

    def after_step(self, state: TrainingState) -> None:
        """Report it, with the mean loss as far as losses were read from the device."""
        self._sink(Progress(self._stage, state.step, state.steps, state.detail))


class CollapseHook(Hook):
    """Measures the last batch of every epoch, logs what it found, and warns once of each kind of collapse.

    Args:
        monitor: decides what is wrong.
        last_batch: gives embeddings and labels of the batch just trained on.
        sink: told of warnings; None for nobody.
        stage: what the training is called.
        history: entries of the epochs before a resumption; what they were warned about is not said again.
    """

    def __init__(
        self,
        monitor: CollapseMonitor,
        last_batch: Callable[[], tuple[Tensor, Tensor]],
        sink: ProgressSink | None,
        stage: str,
        history: list[dict[str, Any]],
    ) -> None:
        self._monitor, self._last_batch, self._sink, self._stage = monitor, last_batch, sink, stage
        monitor.resume(history)

    def after_epoch(self, state: TrainingState, entry: dict[str, Any]) -> None:
        """Measure, log, warn."""
        entry |= self._monitor.entry(self._monitor.observe(*self._last_batch()))
        for line in self._monitor.warnings():
            state.warnings.append(f"epoch {entry['epoch']}: {line}")
            if self._sink:
                detail = f"loss {entry['loss']:.3f}"
                self._sink(Progress(self._stage, state.step, state.steps, detail, state.warnings[-1]))


class HistoryHook(Hook):
    """Appends each epoch's entry to a log file, so that it can be read while the training runs.

    Args:
        log: where the entries go; this hook is the last one, for others may add to an entry.
    """

    def __init__(self, log: TrainingLog) -> None:
        self._log = log

    def after_epoch(self, state: TrainingState, entry: dict[str, Any]) -> None:
        """Append it."""
        self._log.append(entry)


class CheckpointHook(Hook):
    """Writes a checkpoint when the training is interrupted, and at an epoch's end now and then.

    Args:
        save: writes one.
        seconds: an epoch's end less than so long after the last checkpoint writes none.
    """

    def __init__(self, save: Callable[[TrainingState], None], seconds: float) -> None:
        self._save, self._seconds, self._saved_at = save, seconds, time.monotonic()

    def after_epoch(self, state: TrainingState, entry: dict[str, Any]) -> None:
        """Save if it is time; after the last step the model itself is written instead."""
        if state.step < state.steps and time.monotonic() - self._saved_at > self._seconds:
            self.on_interrupt(state)
            self._saved_at = time.monotonic()

    def on_interrupt(self, state: TrainingState) -> None:
        """Save; weights that have diverged do not replace the checkpoint before."""
        state.read_losses()
        self._save(state)
