"""Scores against every class, a chunk of classes at a time: a million classes fit where their logits would not.

Cross-entropy needs of B × C scores two numbers a row: the score of the right class, and the log-sum-exp of the
others. The forward pass keeps the second as a running maximum and sum (Milakov & Gimelshein, "Online normalizer
calculation for softmax", 2018). The backward pass computes each chunk's scores once more, turns them into
probabilities and those at once into gradients. Beyond the weights' own gradient, memory is one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from lookalike.losses.batch import first_derivatives_only

__all__ = ["Boost", "ClassScores", "class_scores"]

#: Scores in one chunk: 1 MiB of float32 stays in a core's cache; a GPU wants large products.
_CHUNK_NUMBERS = {"cpu": 1 << 18, "other": 1 << 25}
#: Lengths below this count as this: a zero weight has no direction, and its gradient must stay finite.
_SHORTEST = 1e-12

#: From the right classes' scores `(B,)`: `(threshold (B,), t scalar)`. A wrong class's score c above the row's
#: threshold becomes c (t + c) (CurricularFace).
Boost = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class ClassScores:
    """What cross-entropy needs, each `(B,)`; all carry gradients to embeddings, weights and bias.

    `target` is the right class's score before the scale (0 where the label is -1), `rest` the log-sum-exp of the
    others' scores times the scale (-inf where there is no other), `mean` the mean of all classes' scores times the
    scale (of directions without bias it is not computed, and 0: only plain softmax smooths its labels).
    """

    target: Tensor
    rest: Tensor
    mean: Tensor


def class_scores(
    x: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    scale: float = 1.0,
    unit: bool = True,
    bias: Tensor | None = None,
    boost: Boost | None = None,
    chunk: int | None = None,
) -> ClassScores:
    """Scores of embeddings against all classes, ``x · w_j (+ b_j)``, by chunks of classes.

    Args:
        x: `(B, d)` float32 or float64; normalise before, where angles are meant.
        weight: `(C, d)`, or `(C, K, d)` for K sub-centers a class, whose best counts.
        labels: `(B,)` int64 in [0, C), or -1 for a row whose class is not among these.
        scale: what scores are multiplied by in `rest` and `mean`.
        unit: use the weights' directions only.
        bias: `(C,)`.
        boost: raises the scores of hard wrong classes.
        chunk: classes at a time; chosen by the device when None.
    """
    target, rest, mean = cast(
        "tuple[Tensor, Tensor, Tensor]",
        _ClassScores.apply(x, weight, bias, labels, scale, unit, boost, chunk),
    )
    return ClassScores(target, rest, mean)


class _ClassScores(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        labels: Tensor,
        scale: float,
        unit: bool,
        boost: Boost | None,
        chunk: int | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        walk = _Walk(x, weight, bias, labels, scale, unit, chunk)
        target = walk.target()
        raised = boost(target) if boost is not None else None
        top = torch.full_like(target, -torch.inf)
        total = torch.zeros_like(target)
        average = torch.zeros_like(target)
        for part in walk:
            scores = walk.scores(part, raised)[0]
            if bias is not None or not unit:
                average += scores.sum(dim=1)
            scores[part.rows, part.columns] = -torch.inf
            now = torch.maximum(top, scores.amax(dim=1))
            # Where nothing came yet, -inf - (-inf) would be NaN.
            shift = torch.where(torch.isinf(now), 0.0, now)
            total = total * (top - shift).exp_() + scores.sub_(shift[:, None]).exp_().sum(dim=1)
            top = now
        rest = top + total.log_()
        ctx.save_for_backward(x, weight, bias, labels, rest, *(raised or ()))
        ctx.options = scale, unit, chunk
        return target, rest, average.div_(max(1, len(weight)))

    @staticmethod
    def backward(ctx: Any, to_target: Tensor, to_rest: Tensor, to_mean: Tensor) -> tuple[Tensor | None, ...]:
        first_derivatives_only()
        # A backward pass within autocast would multiply in half precision.
        with torch.autocast(to_rest.device.type, enabled=False):
            return _ClassScores._backward(ctx, to_target, to_rest, to_mean)

    @staticmethod
    def _backward(ctx: Any, to_target: Tensor, to_rest: Tensor, to_mean: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, labels, rest, *raised = ctx.saved_tensors
        scale, unit, chunk = ctx.options
        walk = _Walk(x, weight, bias, labels, scale, unit, chunk)
        to_x = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        to_weight = torch.empty_like(weight) if ctx.needs_input_grad[1] else None
        to_bias = torch.empty_like(bias) if ctx.needs_input_grad[2] else None
        # A row without any other class: every score is masked, and exp(-inf - 0) is the 0 it should be.
        rest = torch.where(torch.isinf(rest), 0.0, rest)
        averaged = (bias is not None or not unit) and bool((to_mean != 0).any())
        spread = to_mean / max(1, len(weight)) if averaged else None
        for part in walk:
            scores, slope, best = walk.scores(part, tuple(raised) or None)
            scores[part.rows, part.columns] = -torch.inf
            share = scores.sub_(rest[:, None]).exp_().mul_((to_rest * scale)[:, None])
            if slope is not None:
                share *= slope
            share[part.rows, part.columns] = to_target[part.rows]
            if spread is not None:
                share += (spread * scale)[:, None]
            if to_bias is not None:
                to_bias[part.classes] = share.sum(dim=0)
            if best is not None:
                share = torch.zeros(*share.shape, part.centers, dtype=x.dtype, device=x.device).scatter_(
                    2, best[:, :, None], share[:, :, None]
                )
            share = share.flatten(1)
            if to_x is not None:
                to_x.addmm_(share, part.directions)
            if to_weight is not None:
                to_directions = share.T @ x
                if part.inverse_lengths is not None:
                    along = torch.linalg.vecdot(to_directions, part.directions)
                    to_directions.addcmul_(part.directions, along[:, None], value=-1).mul_(
                        part.inverse_lengths[:, None]
                    )
                to_weight[part.classes] = to_directions.view_as(to_weight[part.classes])
        return to_x, to_weight, to_bias, None, None, None, None, None


@dataclass(frozen=True)
class _Part:
    """One chunk: its classes, their directions `(c·K, d)`, and which entries `(rows, columns)` are right classes."""

    classes: slice
    directions: Tensor
    inverse_lengths: Tensor | None
    centers: int
    rows: Tensor
    columns: Tensor


class _Walk:
    """Walks over the classes in chunks; the same in both passes."""

    def __init__(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        labels: Tensor,
        scale: float,
        unit: bool,
        chunk: int | None,
    ) -> None:
        self.x, self.weight, self.bias, self.labels, self.scale, self.unit = x, weight, bias, labels, scale, unit
        self.centers = weight.shape[1] if weight.ndim == 3 else 1
        numbers = _CHUNK_NUMBERS["cpu" if x.device.type == "cpu" else "other"]
        self.chunk = chunk or max(128, numbers // max(1, len(x) * self.centers))

    def _directions(self, weight: Tensor) -> tuple[Tensor, Tensor | None]:
        flat = weight.reshape(-1, weight.shape[-1]).to(self.x.dtype)
        if not self.unit:
            return flat, None
        inverse = torch.linalg.vector_norm(flat, dim=1).clamp_(min=_SHORTEST).reciprocal_()
        return flat * inverse[:, None], inverse

    def target(self) -> Tensor:
        """Scores of the right classes, 0 for label -1."""
        there = self.labels >= 0
        at = self.labels.clamp(min=0)
        if not len(self.weight):
            return torch.zeros_like(self.x[:, 0])
        directions, _ = self._directions(self.weight[at])
        scores = torch.linalg.vecdot(self.x[:, None], directions.view(len(self.x), self.centers, -1)).amax(dim=1)
        if self.bias is not None:
            scores = scores + self.bias[at].to(scores.dtype)
        return torch.where(there, scores, 0.0)

    def __iter__(self) -> Iterator[_Part]:
        starts = torch.arange(0, len(self.weight), self.chunk)
        order = self.labels.argsort()
        edges = torch.cat([starts, torch.tensor([len(self.weight)])]).to(self.labels.device)
        bounds = torch.searchsorted(self.labels[order], edges).tolist()
        for i, start in enumerate(starts.tolist()):
            classes = slice(start, min(start + self.chunk, len(self.weight)))
            directions, inverse = self._directions(self.weight[classes])
            rows = order[bounds[i] : bounds[i + 1]]
            yield _Part(classes, directions, inverse, self.centers, rows, self.labels[rows] - start)

    def scores(self, part: _Part, raised: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """`(B, c)` scores times the scale; the slope of what was raised; which sub-center was the best."""
        best = None
        if part.centers == 1 and raised is None:
            if self.bias is None:
                scores = torch.mm(self.x, part.directions.T).mul_(self.scale)
            else:
                scores = torch.addmm(self.bias[part.classes].to(self.x.dtype), self.x, part.directions.T)
                scores.mul_(self.scale)
            return scores, None, None
        scores = self.x @ part.directions.T
        if part.centers > 1:
            scores, best = scores.view(len(scores), -1, part.centers).max(dim=2)
        if raised is None:
            return scores.mul_(self.scale), None, best
        threshold, t = raised
        hard = scores > threshold[:, None]
        slope = torch.where(hard, t + 2 * scores, 1.0)
        return torch.where(hard, scores * (t + scores), scores).mul_(self.scale), slope, best
