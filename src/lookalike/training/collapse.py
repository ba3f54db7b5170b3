"""Collapse: a monitor that finds when a training moves all embeddings to one point, or to a line.

A collapsed network has a small and steady loss, so the loss does not show it. Three numbers of a batch's embeddings
do: how alike pictures of *different* identities are, in how many dimensions the embeddings vary, and, for triplets,
how many are still active.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookalike.errors import InputError
from lookalike.losses import CenterLoss, CrossBatchMemory, TripletLoss

__all__ = ["CollapseMonitor", "Health", "measure_embeddings"]

#: Mean cosine similarity of different identities from here on counts as one point; a trained network is near 0.
ALIKE = 0.95
#: Below this share of the dimensions that could be used, embeddings count as flat.
FLAT = 0.1


@dataclass(frozen=True)
class Health:
    """Numbers of one batch.

    Attributes:
        mean_similarity: mean cosine similarity of pictures of different identities; NaN where all are of one.
        effective_rank: e to the entropy of the spectrum of the unit embeddings' covariance: over how many dimensions
            they spread (Roy & Vetterli, "The effective rank", EUSIPCO 2007). 1 at least; 0 where nothing varies.
        possible_rank: what it could be: at most the dimensions, one less than identities and than pictures.
        active_share: mined and active triplets among all; None for losses without triplets.
        finite: no NaN, no infinity.
    """

    mean_similarity: float
    effective_rank: float
    possible_rank: int
    active_share: float | None = None
    finite: bool = True


def measure_embeddings(embeddings: Tensor, labels: Tensor, active_share: float | None = None) -> Health:
    """Measure a batch: `(B, d)` embeddings of any length, `(B,)` int64 labels.

    Raises:
        InputError: shapes that do not fit.

    Example:
        >>> measure_embeddings(torch.ones(4, 3), torch.tensor([0, 0, 1, 1])).mean_similarity
        1.0
    """
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
        raise InputError(
            f"embeddings have shape {tuple(embeddings.shape)} and labels {tuple(labels.shape)}; "
            "expected (B, d) and (B,)"
        )
    x = embeddings.detach().double()
    classes, at, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    possible = max(1, min(x.shape[1], len(classes) - 1, len(x) - 1))
    if not bool(torch.isfinite(x).all()):
        return Health(math.nan, math.nan, possible, active_share, finite=False)
    u = functional.normalize(x)
    sums = torch.zeros(len(classes), x.shape[1], dtype=x.dtype, device=x.device).index_add_(0, at, u)
    pairs = len(x) ** 2 - int((counts**2).sum())
    across = float(sums.sum(dim=0).square().sum() - sums.square().sum())
    centred = u - u.mean(dim=0)
    # The smaller of the two matrices with the same spectrum.
    spectrum = torch.linalg.svdvals(centred).square()
    total = float(spectrum.sum())
    rank = 0.0
    if total > 1e-12 * len(x):
        shares = spectrum / total
        rank = math.exp(float(torch.special.entr(shares).sum()))
    return Health(across / pairs if pairs else math.nan, rank, possible, active_share)


class CollapseMonitor:
    """Watches a training and reports, once for each kind of collapse, what is wrong and the likely cause.

    Call it with a batch now and then, as the trainer does once an epoch. A problem counts when it is seen `patience`
    times in a row, after `skip` observations: at first, every network finds everything alike.

    Args:
        loss: the loss that is trained with; the likely cause depends on it.
        patience: observations in a row.
        skip: observations at first that do not count.

    Raises:
        InputError: patience below 1 or skip below 0.

    Example:
        >>> monitor = CollapseMonitor(TripletLoss(mining="hard"), patience=1)
        >>> monitor.observe(torch.ones(4, 3), torch.tensor([0, 0, 1, 1])).mean_similarity
        1.0
        >>> "use semihard" in monitor.warnings()[0]
        True
    """

    def __init__(self, loss: nn.Module | None = None, patience: int = 2, skip: int = 0) -> None:
        if patience < 1 or skip < 0:
            raise InputError(f"patience is {patience} and skip {skip}; expected at least 1 and at least 0")
        self.loss, self.patience, self.skip = loss, patience, skip
        self._seen: list[Health] = []
        self._said: set[str] = set()

    def observe(self, embeddings: Tensor, labels: Tensor) -> Health:
        """Measure a batch and remember what was found."""
        share = getattr(self.loss, "active_share", None)
        health = measure_embeddings(embeddings, labels, None if share is None else float(share))
        self._seen.append(health)
        return health

    def resume(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Remember earlier observations, as `entry` gave them; warnings that were given are not repeated."""
        for values in entries:
            if "effective_rank" in values:
                self._seen.append(
                    Health(
                        _number(values["mean_similarity"]),
                        _number(values["effective_rank"]),
                        values["possible_rank"],
                        values.get("active_share"),
                        values["mean_similarity"] is not None or values["effective_rank"] is not None,
                    )
                )
                self.warnings()

    @staticmethod
    def entry(health: Health) -> dict[str, Any]:
        """For a JSON log: NaN becomes None, and what the loss does not have is left out."""
        values = {name: value for name, value in asdict(health).items() if name != "finite"}
        if health.active_share is None:
            del values["active_share"]
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else _short(value)
            for name, value in values.items()
        }

    def warnings(self) -> list[str]:
        """What is newly wrong, a line each."""
        recent = self._seen[self.skip :][-self.patience :]
        found = {}
        if self._seen and not self._seen[-1].finite:
            found["finite"] = f"the embeddings hold NaN or infinity: {self._cause_of_nan()}"
        elif len(recent) == self.patience and all(health.finite for health in recent):
            last = recent[-1]
            if all(health.mean_similarity > ALIKE for health in recent):
                found["alike"] = (
                    f"the embeddings collapse to one point: pictures of different identities have a mean cosine "
                    f"similarity of {last.mean_similarity:.3f}; {self._cause_of_collapse()}"
                )
            elif all(health.effective_rank < _flat_below(health.possible_rank) for health in recent):
                found["flat"] = (
                    f"the embeddings are flat: they spread over {last.effective_rank:.1f} of {last.possible_rank} "
                    f"dimensions that they could use; {self._cause_of_flatness()}"
                )
            if "alike" not in found and all(health.active_share == 0 for health in recent):
                found["idle"] = (
                    "no triplet is active any more: nothing is learned; raise the margin, use mining all or "
                    "semihard, take more identities into a batch, or stop here"
                )
        new = [line for kind, line in found.items() if kind not in self._said]
        self._said |= set(found)
        return new

    def _cause_of_collapse(self) -> str:
        loss = self.loss.loss if isinstance(self.loss, CrossBatchMemory) else self.loss
        if isinstance(loss, TripletLoss) and loss.mining == "hard":
            return (
                "mining only hard triplets does that to a young network (Schroff et al. 2015, section 3.2): "
                "use semihard, at least at first"
            )
        if isinstance(loss, CenterLoss):
            return "center loss alone is smallest when everything is one point: give it beside a softmax"
        if isinstance(loss, TripletLoss) and loss.mining == "easy":
            return "easy triplets are never active, so nothing keeps identities apart: use semihard"
        return "the learning rate is likely too high (or the margin, for so young a network): lower it"

    def _cause_of_flatness(self) -> str:
        if isinstance(self.loss, CenterLoss):
            return "center loss alone does not ask them to differ: give it beside a softmax"
        return "the learning rate may be too high, the weight decay too strong, or the identities too few"

    def _cause_of_nan(self) -> str:
        return "the learning rate is likely too high, or half precision overflows: lower it, or train in full precision"


def _flat_below(possible: int) -> float:
    """Where five dimensions or more could be used, a line (rank 1) is flat; of two identities, it is all there is."""
    return max(1.2 if possible >= 5 else 0.0, FLAT * possible)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _short(value: float) -> float:
    return round(value, 6) if isinstance(value, float) else value
