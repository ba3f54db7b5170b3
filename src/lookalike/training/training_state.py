"""Where a training stands: everything besides weights that a checkpoint must hold to go on as if never interrupted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lookalike.errors import TrainingDiverged
from lookalike.training.running_loss import RunningLoss

__all__ = ["TrainingState"]


@dataclass
class TrainingState:
    """Steps taken, and what was seen in them.

    Attributes:
        steps: of the whole training.
        learning_rate: its peak, for messages.
        step: how many steps have been taken.
        history: an entry for each epoch that is over.
        running: the losses of the epoch that is not.
        warnings: of the collapse monitor.
    """

    steps: int
    learning_rate: float
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    running: RunningLoss = field(default_factory=RunningLoss)
    warnings: list[str] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """The epoch that the next step belongs to, from 0."""
        return len(self.history)

    @property
    def detail(self) -> str:
        """The epoch's mean loss in words, as far as losses were read; empty before the first."""
        return f"loss {self.running.mean:.3f}" if self.running.count else ""

    def read_losses(self) -> None:
        """Wait for the losses of all steps taken so far.

        Raises:
            TrainingDiverged: one of them is not finite.
        """
        diverged = self.running.read()
        if diverged is not None:
            whose = "though not" if diverged.finite_embeddings else "and"
            raise TrainingDiverged(
                f"the loss became {diverged.loss} in step {diverged.step + 1} of {self.steps}, {whose} the embeddings; "
                f"lower learning_rate (now {self.learning_rate:g}) or the margin"
            )

    def to_json(self) -> dict[str, Any]:
        """As a checkpoint holds it."""
        sums = {"loss_sum": self.running.total, "loss_count": self.running.count}
        return {"step": self.step, "history": self.history, **sums, "warnings": self.warnings}

    def restore(self, saved: dict[str, Any]) -> None:
        """Stand where a checkpoint was written; format 1 listed all losses of the epoch."""
        self.step, self.history = int(saved["step"]), list(saved["history"])
        self.warnings = list(saved.get("warnings", ()))
        if "losses" in saved:
            total = 0.0
            for loss in saved["losses"]:  # one after the other, as they are added up since: `sum` rounds otherwise
                total += loss
            self.running = RunningLoss(total, len(saved["losses"]))
        else:
            self.running = RunningLoss(saved["loss_sum"], saved["loss_count"])
