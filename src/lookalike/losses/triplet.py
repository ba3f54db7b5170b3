"""Triplet loss over all mined triplets of a batch, none of them ever listed."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from lookalike.distances import MetricName, pairwise
from lookalike.errors import InputError
from lookalike.losses.batch import check_batch

__all__ = ["Mining", "TripletLoss"]

Mining = Literal["all", "easy", "semihard", "hard"]

#: Anchors whose rows of distances are sorted at one time; bounds the extra memory to TILE × B numbers.
_TILE = 1024


class TripletLoss(nn.Module):
    """``mean of max(d(a,p) - d(a,n) + margin, 0)`` over the mined triplets that are active (above 0).

    A triplet is an anchor, a positive of its identity and a negative of another. Mining keeps, for every
    anchor and positive,

    - `all`: every negative,
    - `easy`: those already far enough, ``d(a,n) >= d(a,p) + margin``; none of them is active,
    - `semihard`: those farther than the positive but within the margin, ``d(a,p) < d(a,n) < d(a,p) + margin``,
    - `hard`: those at least as close as the positive, ``d(a,n) <= d(a,p)``; alone, they tend to collapse the net.

    The sum over all triplets is exact: with an anchor's negatives sorted, each mining rule takes a run of
    them, whose sum is a difference of two prefix sums. Work is O(B² log B) and memory O(B²), where listing
    triplets takes O(B³). Embeddings are taken as given; normalise before, where that is meant.

    Schroff, Kalenichenko, Philbin, "FaceNet: A Unified Embedding for Face Recognition and Clustering", CVPR 2015.

    Args:
        margin: in units of the metric; FaceNet's 0.2 was for squared distances.
        mining: see above.
        metric: `euclidean` (not squared), `cosine`, `manhattan` or `inner_product`.

    Raises:
        InputError: an unknown mining or metric, or a negative margin.

    Example:
        >>> loss = TripletLoss(margin=1.0, mining="all")
        >>> round(loss(torch.tensor([[0.0], [0.5], [1.0]]), torch.tensor([0, 0, 1])).item(), 3)
        0.75
    """

    def __init__(self, margin: float = 0.2, mining: Mining = "semihard", metric: MetricName = "euclidean") -> None:
        super().__init__()
        for name, value, choices in (("mining", mining, get_args(Mining)), ("metric", metric, get_args(MetricName))):
            if value not in choices:
                raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
        if not 0 <= margin < float("inf"):
            raise InputError(f"margin is {margin}; it must be finite and not negative")
        self.margin, self.mining, self.metric = margin, mining, metric

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """`(B, d)` floats and `(B,)` int64 give a scalar; 0, with zero gradients, where no triplet is active."""
        x = check_batch(embeddings, labels)
        with torch.autocast(x.device.type, enabled=False):
            total = x.sum(dtype=torch.float64) * 0.0
            active = torch.zeros((), dtype=torch.int64, device=x.device)
            for start in range(0, len(x), _TILE):
                tile_total, tile_active = self._tile(x, labels, start)
                total, active = total + tile_total, active + tile_active
            return (total / active.clamp(min=1)).to(x.dtype)

    def _tile(self, x: Tensor, labels: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Sum over the active triplets of the anchors from `start`, and how many they are."""
        anchors = x[start : start + _TILE]
        distances: Tensor = pairwise(anchors, x, self.metric)
        same = labels[start : start + _TILE, None] == labels[None, :]
        positive = same.clone()
        positive[torch.arange(len(anchors)), torch.arange(start, start + len(anchors))] = False

        # Negatives ascending, the rest as +inf behind them; prefix sums in float64, for their differences matter.
        negatives = distances.masked_fill(same, torch.inf).sort(dim=1).values
        finite = negatives.masked_fill(torch.isinf(negatives), 0.0)
        prefix = torch.nn.functional.pad(finite.cumsum(dim=1, dtype=torch.float64), (1, 0))

        most = int(positive.sum(dim=1).max())
        order = positive.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]
        to_positive = distances.gather(1, order)
        exists = positive.gather(1, order)

        # Each rule keeps the run [low, high) of the sorted negatives.
        limit = to_positive.detach()
        up_to_positive = torch.searchsorted(negatives.detach(), limit, right=True)
        within_margin = torch.searchsorted(negatives.detach(), limit + self.margin, right=False)
        nothing = torch.zeros_like(up_to_positive)
        low, high = {
            "all": (nothing, within_margin),
            "easy": (nothing, nothing),
            "semihard": (up_to_positive, torch.maximum(up_to_positive, within_margin)),
            "hard": (nothing, up_to_positive if self.margin > 0 else within_margin),
        }[self.mining]
        count = (high - low) * exists
        run = prefix.gather(1, high) - prefix.gather(1, low)
        sums = count * (to_positive.double() + self.margin) - run * exists
        return sums.sum(), count.sum()
