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

from lookalike.losses.batch_checks import first_derivatives_only
from lookalike.losses.directions import unit_directions, without_stretch

__all__ = ["Boost", "ClassScores", "class_scores"]

#: Scores in one chunk: 1 MiB of float32 stays in a core's cache; a GPU wants large products.
_CHUNK_NUMBERS = {"cpu": 1 << 18, "other": 1 << 25}

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
        _ClassScores.apply(x, weight, bias, labels, _Options(scale, unit, boost, chunk)),
    )
    return ClassScores(target, rest, mean)


@dataclass(frozen=True)
class _Options:
    """Arguments of `class_scores` that are no tensors."""

    scale: float
    unit: bool
    boost: Boost | None
    chunk: int | None


class _ClassScores(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, options: _Options
    ) -> tuple[Tensor, Tensor, Tensor]:
        chunks = _ClassChunks(x, weight, bias, labels, options)
        target = chunks.target().scores
        raised = options.boost(target) if options.boost is not None else None
        top = torch.full_like(target, -torch.inf)
        total = torch.zeros_like(target)
        for part in chunks:
            scores = chunks.scores(part, raised)[0]
            now = torch.maximum(top, scores.amax(dim=0))
            # Where nothing came yet, -inf - (-inf) would be NaN.
            shift = torch.where(torch.isinf(now), 0.0, now)
            total = total * (top - shift).exp_() + scores.sub_(shift).exp_().sum(dim=0)
            top = now
        rest = top + total.log_()
        ctx.save_for_backward(x, weight, bias, labels, rest, *(raised or ()))
        ctx.options = options
        return target, rest, chunks.mean()

    @staticmethod
    def backward(ctx: Any, to_target: Tensor, to_rest: Tensor, to_mean: Tensor) -> tuple[Tensor | None, ...]:
        first_derivatives_only()
        # A backward pass within autocast would multiply in half precision.
        with torch.autocast(to_rest.device.type, enabled=False):
            return _ClassScores._backward(ctx, to_target, to_rest, to_mean)

    @staticmethod
    def _backward(ctx: Any, to_target: Tensor, to_rest: Tensor, to_mean: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, labels, rest, *raised = ctx.saved_tensors
        scale = ctx.options.scale
        chunks = _ClassChunks(x, weight, bias, labels, ctx.options)
        to_x = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        to_weight = torch.empty_like(weight) if ctx.needs_input_grad[1] else None
        to_bias = torch.empty_like(bias) if ctx.needs_input_grad[2] else None
        # A row without any other class: every score is masked, and exp(-inf - 0) is the 0 it should be.
        rest = torch.where(torch.isinf(rest), 0.0, rest)
        # What a row's shares are to be multiplied by goes into the embeddings once, not into every chunk.
        factor = to_rest * scale
        weighed = x * factor[:, None]
        spread = to_mean * (scale / max(1, len(weight))) if chunks.averages and bool((to_mean != 0).any()) else None
        for part in chunks:
            scores, slope, best = chunks.scores(part, tuple(raised) or None)
            share = scores.sub_(rest).exp_()
            if slope is not None:
                share *= slope
            if to_bias is not None:
                to_bias[part.classes] = (share @ factor).to(to_bias.dtype)
            if best is not None:
                shares = torch.zeros(len(share), chunks.centers, len(x), dtype=x.dtype, device=x.device)
                share = shares.scatter_(1, best[:, None], share[:, None]).flatten(0, 1)
            if to_x is not None:
                to_x.addmm_(share.T, part.directions)
            if to_weight is not None:
                into = to_weight[part.classes].view(len(share), x.shape[1])
                # Straight into its place, where types agree.
                moved = torch.mm(share, weighed, out=into) if into.dtype == x.dtype else share @ weighed
                if spread is not None:
                    moved += spread @ x
                without_stretch(moved, part.directions, part.rates)
                if moved is not into:
                    into.copy_(moved)
        if to_x is not None:
            to_x.mul_(factor[:, None])
        if spread is not None:
            if to_x is not None:
                to_x.addmm_(spread[:, None], chunks.sum_of_directions()[None])
            if to_bias is not None:
                to_bias += spread.sum().to(to_bias.dtype)
        _add_target(chunks.target(), x, to_target, to_x, to_weight, to_bias)
        return to_x, to_weight, to_bias, None, None


def _add_target(
    target: _Target, x: Tensor, to_target: Tensor, to_x: Tensor | None, to_weight: Tensor | None, to_bias: Tensor | None
) -> None:
    """Add what the right classes' scores contribute to the gradients."""
    to_target = to_target[target.rows, None]
    if to_x is not None:
        to_x[target.rows] += to_target * target.directions
    if to_weight is not None:
        moved = without_stretch(to_target * x[target.rows], target.directions, target.rates)
        to_weight.view(-1, to_weight.shape[-1]).index_add_(0, target.places, moved.to(to_weight.dtype))
    if to_bias is not None:
        to_bias.index_add_(0, target.classes, to_target[:, 0].to(to_bias.dtype))


@dataclass(frozen=True)
class _Part:
    """One chunk, until the next: classes, directions `(c·K, d)`, and which scores `(class, row)` are right classes'."""

    classes: slice
    directions: Tensor
    rates: Tensor | None
    right: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class _Target:
    """The right classes' scores `(B,)`; and of the rows that have one: class, its best center's place and direction."""

    scores: Tensor
    rows: Tensor
    classes: Tensor
    places: Tensor
    directions: Tensor
    rates: Tensor | None


class _ClassChunks:
    """The classes chunk by chunk; the same in the forward and the backward pass."""

    def __init__(self, x: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, options: _Options) -> None:
        self.x, self.weight, self.bias, self.labels = x, weight, bias, labels
        self.scale, self.unit, chunk = options.scale, options.unit, options.chunk
        self.centers = weight.shape[1] if weight.ndim == 3 else 1
        numbers = _CHUNK_NUMBERS["cpu" if x.device.type == "cpu" else "other"]
        self.chunk = chunk or max(128, numbers // max(1, len(x) * self.centers))
        #: Only plain softmax smooths its labels, which is what the mean is for.
        self.averages = self.centers == 1 and (bias is not None or not self.unit)
        # Buffers for the directions and the scores of every chunk: allocating anew costs more than the arithmetic.
        rows = min(self.chunk, len(weight)) * self.centers
        self._directions_buffer = x.new_empty(rows, x.shape[1]) if self.unit else None
        self._scores = x.new_empty(rows, len(x))
        self._columns = x.T.contiguous()
        self._scaled_columns = self._columns * self.scale

    def _directions(self, weight: Tensor, buffer: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        flat = weight.reshape(-1, weight.shape[-1]).to(self.x.dtype)
        return unit_directions(flat, buffer) if self.unit else (flat, None)

    def target(self) -> _Target:
        """The right classes; a score of 0 for label -1."""
        rows = (self.labels >= 0).nonzero()[:, 0]
        classes = self.labels[rows]
        directions, rates = self._directions(self.weight[classes])
        directions = directions.view(len(rows), self.centers, self.x.shape[1])
        values, best = torch.linalg.vecdot(self.x[rows, None], directions).max(dim=1)
        if self.bias is not None:
            values = values + self.bias[classes].to(values.dtype)
        scores = torch.zeros_like(self.x[:, 0]).index_copy_(0, rows, values)
        at = torch.arange(len(rows), device=rows.device)
        rates = None if rates is None else rates.view(-1, self.centers)[at, best]
        return _Target(scores, rows, classes, classes * self.centers + best, directions[at, best], rates)

    def sum_of_directions(self) -> Tensor:
        """`(d,)`; chunk by chunk."""
        total = self.x.new_zeros(self.x.shape[1])
        for start in range(0, len(self.weight), self.chunk):
            total += self._directions(self.weight[start : start + self.chunk])[0].sum(dim=0)
        return total

    def mean(self) -> Tensor:
        """Mean of all classes' scores times the scale, `(B,)`: a mean of products is the product with the mean."""
        if not self.averages or not len(self.weight):
            return torch.zeros_like(self.x[:, 0])
        total = self.x @ self.sum_of_directions()
        if self.bias is not None:
            total = total + self.bias.sum(dtype=total.dtype)
        return total * (self.scale / len(self.weight))

    def __iter__(self) -> Iterator[_Part]:
        starts = torch.arange(0, len(self.weight), self.chunk)
        order = self.labels.argsort()
        edges = torch.cat([starts, torch.tensor([len(self.weight)])]).to(self.labels.device)
        bounds = torch.searchsorted(self.labels[order], edges).tolist()
        for i, start in enumerate(starts.tolist()):
            classes = slice(start, min(start + self.chunk, len(self.weight)))
            directions, rates = self._directions(self.weight[classes], self._directions_buffer)
            rows = order[bounds[i] : bounds[i + 1]]
            yield _Part(classes, directions, rates, (self.labels[rows] - start, rows))

    def scores(self, part: _Part, raised: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """`(c, B)` scores times the scale, -inf for right classes; the slope of what was raised; the best center."""
        slope = best = None
        if self.centers == 1 and raised is None:
            buffer = self._scores[: len(part.directions)]
            scores = torch.mm(part.directions, self._scaled_columns, out=buffer)
            if self.bias is not None:
                scores += self.scale * self.bias[part.classes].to(scores.dtype)[:, None]
        else:
            scores = torch.mm(part.directions, self._columns)
            if self.centers > 1:
                scores, best = scores.view(-1, self.centers, len(self.x)).max(dim=1)
            if raised is not None:
                threshold, t = raised
                hard = scores > threshold
                slope = torch.where(hard, t + 2 * scores, 1.0)
                scores = torch.where(hard, scores * (t + scores), scores)
            scores.mul_(self.scale)
        scores[part.right] = -torch.inf
        return scores, slope, best
