"""Losses over all pairs of a batch, a tile of anchors at a time: memory grows with the batch, not its square.

Every loss over pairs is a sum over anchors of some function of the anchor's row of distances. A tile's rows are
computed, turned into their part of the sum and its gradient, and dropped; what stays is the gradient of the
embeddings. The backward pass multiplies it by one number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from lookalike.errors import VectorError
from lookalike.losses.batch_checks import check_batch, first_derivatives_only
from lookalike.losses.pair_distances import Measure

__all__ = ["Pairs", "Tile", "TileLoss", "mean_over_tiles"]

#: Numbers in one tile of distances: 1 MiB of float32 stays in a core's cache, a GPU wants large products.
_TILE_NUMBERS = {"cpu": 1 << 18, "other": 1 << 25}
#: Fewer anchors than this a tile would read all columns too often. Some eight buffers of a tile's size are alive.
_TILE_ROWS = 128


@dataclass(frozen=True)
class Pairs:
    """Who is compared with whom: anchors `(B, d)` with columns `(M, d)`.

    When `own`, the columns begin with the anchors themselves, and no anchor is compared with itself.
    """

    anchors: Tensor
    labels: Tensor
    columns: Tensor
    column_labels: Tensor
    own: bool

    @classmethod
    def of(
        cls,
        embeddings: Tensor,
        labels: Tensor,
        references: Tensor | None = None,
        reference_labels: Tensor | None = None,
        own: bool = False,
    ) -> Pairs:
        """Check the batch and what it is compared with: one another, or the references.

        Raises:
            VectorError: a wrong shape or dtype, or one of the two references without the other.
        """
        x = check_batch(embeddings, labels)
        if references is None and reference_labels is None:
            return cls(x, labels, x, labels, True)
        if references is None or reference_labels is None:
            raise VectorError("references go with their labels; one was given without the other: give both or neither")
        columns = check_batch(references, reference_labels, x.shape[1]).to(x.dtype)
        if own and len(columns) < len(x):
            raise VectorError(f"own says that the references begin with the batch of {len(x)}; they are {len(columns)}")
        return cls(x, labels, columns, reference_labels, own)

    def counts(self) -> tuple[Tensor, Tensor]:
        """Positives and negatives of every anchor, `(B,)` int64 each."""
        ordered = self.column_labels.sort().values
        low = torch.searchsorted(ordered, self.labels)
        positives = torch.searchsorted(ordered, self.labels, right=True) - low
        return positives - int(self.own), len(ordered) - positives


@dataclass(frozen=True)
class Tile:
    """Rows [start, start + t) of the distances `(t, M)`, to be read only."""

    start: int
    distances: Tensor
    labels: Tensor
    column_labels: Tensor
    own: bool

    @property
    def rows(self) -> slice:
        """The tile's anchors within the batch."""
        return slice(self.start, self.start + len(self.distances))

    def same(self) -> Tensor:
        """`(t, M)` bool: columns of the anchor's identity, itself included."""
        return self.labels[:, None] == self.column_labels[None, :]

    def without_self(self, same: Tensor) -> Tensor:
        """`same` without the anchors themselves, changed in place."""
        if self.own:
            same.diagonal(self.start).fill_(False)
        return same


#: A tile to its part of the sum (float64 scalar), how many terms that has (int64 scalar; 0 where it is divided
#: already), and d sum / d distances.
TileLoss = Callable[[Tile], tuple[Tensor, Tensor, Tensor]]


def mean_over_tiles(pairs: Pairs, measure: Measure, of_tile: TileLoss) -> tuple[Tensor, Tensor]:
    """The sum over all tiles divided by the number of its terms (as it is where there are none), and that number."""
    anchors = measure.prepare(pairs.anchors)
    columns = anchors if pairs.columns is pairs.anchors else measure.prepare(pairs.columns)
    value, count = cast(
        "tuple[Tensor, Tensor]",
        _MeanOverTiles.apply(anchors, columns, pairs, measure, of_tile),
    )
    return value, count


class _MeanOverTiles(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, anchors: Tensor, columns: Tensor, pairs: Pairs, measure: Measure, of_tile: TileLoss
    ) -> tuple[Tensor, Tensor]:
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        to_anchors = torch.zeros_like(anchors) if wanted else None
        to_columns = torch.zeros_like(columns) if wanted else None
        # NaN and infinity must show in the loss, whatever the comparisons below make of them.
        total = (anchors.sum(dtype=torch.float64) + columns.sum(dtype=torch.float64)) * 0.0
        count = torch.zeros((), dtype=torch.int64, device=anchors.device)
        prepared = measure.against(columns)
        numbers = _TILE_NUMBERS["cpu" if anchors.device.type == "cpu" else "other"]
        step = max(_TILE_ROWS, numbers // max(1, len(columns)))
        for start in range(0, len(anchors), step):
            rows = slice(start, start + step)
            distances, backward_pass = prepared(anchors[rows])
            part, terms, gradient = of_tile(Tile(start, distances, pairs.labels[rows], pairs.column_labels, pairs.own))
            total, count = total + part, count + terms
            if to_anchors is not None and to_columns is not None:
                to_anchors[rows] = backward_pass(gradient, to_columns)
        terms = count.clamp(min=1)
        if to_anchors is not None and to_columns is not None:
            ctx.save_for_backward(to_anchors.div_(terms), to_columns.div_(terms))
        ctx.mark_non_differentiable(count)
        return (total / terms).to(anchors.dtype), count

    @staticmethod
    def backward(ctx: Any, to_value: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        first_derivatives_only()
        to_anchors, to_columns = ctx.saved_tensors
        return to_value * to_anchors, to_value * to_columns, None, None, None
