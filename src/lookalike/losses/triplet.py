"""Triplet loss over all mined triplets of a batch, without listing them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from lookalike.errors import InputError
from lookalike.losses.pair_distances import LossMetric, measure_of
from lookalike.losses.pair_loss import PairLoss
from lookalike.losses.tiles import Pairs, Tile, mean_over_tiles

__all__ = ["Mining", "TripletLoss"]

Mining = Literal["all", "easy", "semihard", "hard"]
Reduction = Literal["active", "all"]

#: Up to this many positives an anchor, comparing each with all negatives is faster than sorting these.
_FEW = 8


class TripletLoss(PairLoss):
    """``mean of max(d(a,p) - d(a,n) + margin, 0)`` over the mined triplets that are active (above 0).

    A triplet is an anchor, a positive of its identity and a negative of another. Mining keeps, for every
    anchor and positive,

    - `all`: every negative,
    - `easy`: those already far enough, ``d(a,n) >= d(a,p) + margin``; none of them is active,
    - `semihard`: those farther than the positive but within the margin, ``d(a,p) < d(a,n) < d(a,p) + margin``,
    - `hard`: those at least as close as the positive, ``d(a,n) <= d(a,p)``; alone, they tend to collapse the network.

    The sum over all triplets is exact, and so is its gradient. With an anchor's negatives sorted, each mining rule
    takes a contiguous range of them; the ranges of all its positives are one difference array, whose prefix sum is the
    number of triplets of each negative. Work is O(B² log B), memory O(tile × B); listing triplets takes O(B³) of both.
    Embeddings are taken as given; normalise before, where that is meant.

    With `soft_margin` a triplet costs ``log(1 + exp(d(a,p) - d(a,n)))`` instead (Hermans et al., section 2), which
    is never 0; the margin then only decides what mining keeps. Work is O(B² × positives an anchor).

    Schroff, Kalenichenko, Philbin, "FaceNet: A Unified Embedding for Face Recognition and Clustering", CVPR 2015.
    Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person Re-Identification", 2017.

    Args:
        margin: in units of the metric; FaceNet's 0.2 was for squared distances.
        mining: see above.
        metric: `euclidean` (not squared), `squared_euclidean`, `cosine`, `manhattan`, `inner_product`; a
            `Covariance` for Mahalanobis distances; or a function such as ``functools.partial(minkowski, p=3)``.
        reduction: mean over the `active` triplets, or over `all` that were mined.
        soft_margin: see above.

    Raises:
        InputError: an unknown mining, metric or reduction, or a negative margin.

    Example:
        >>> loss = TripletLoss(margin=1.0, mining="all")
        >>> round(loss(torch.tensor([[0.0], [0.5], [1.0]]), torch.tensor([0, 0, 1])).item(), 3)
        0.75
    """

    #: After a step: the share of the batch's triplets that were mined and active, a scalar tensor.
    active_share: Tensor | None = None

    def __init__(
        self,
        margin: float = 0.2,
        mining: Mining = "semihard",
        metric: LossMetric | Any = "euclidean",
        reduction: Reduction = "active",
        soft_margin: bool = False,
    ) -> None:
        super().__init__()
        for name, value, choices in (
            ("mining", mining, get_args(Mining)),
            ("reduction", reduction, get_args(Reduction)),
        ):
            if value not in choices:
                raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
        if not 0 <= margin < float("inf"):
            raise InputError(f"margin is {margin}; it must be finite and not negative")
        self._measure = measure_of(metric)
        self.margin, self.mining, self.metric = float(margin), mining, metric
        self.reduction, self.soft_margin = reduction, bool(soft_margin)

    def over(self, pairs: Pairs) -> Tensor:
        """The loss over these pairs."""
        finder = _Positives(pairs)
        active = torch.zeros((), dtype=torch.int64, device=pairs.labels.device)

        def of_tile(tile: Tile) -> tuple[Tensor, Tensor, Tensor]:
            nonlocal active
            total, mined, acting, gradient = self._tile(tile, finder)
            active = active + acting
            return total, acting if self.reduction == "active" else mined, gradient

        value, _ = mean_over_tiles(pairs, self._measure, of_tile)
        positives, negatives = pairs.counts()
        self.active_share = active / (positives * negatives).sum().clamp(min=1)
        return value

    def _tile(self, tile: Tile, finder: _Positives) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Sum, mined and active triplets of a tile's anchors, and d sum / d distances."""
        d = tile.distances
        where, same, exists = finder.of(tile)
        found = d.gather(1, where)
        # -inf keeps a positive that is not there from reaching any negative, inf a column from being one.
        to_positive = found.masked_fill(~exists, -torch.inf)
        negatives = d.scatter(1, where, found.masked_fill(same, torch.inf))
        if self.soft_margin:
            return self._soft(negatives, to_positive, where)
        if where.shape[1] <= _FEW:
            mined, active, times = self._compare(negatives, to_positive)
        else:
            mined, active, times = self._sort(negatives, to_positive)
        # The sum of d(p) + margin over each positive's active triplets, less every negative's distance as often as it
        # is in one. Counted from the row's largest d(p) + margin: near it, single precision loses nothing.
        limit = to_positive.masked_fill(~exists, 0.0) + self.margin
        pivot = limit.amax(dim=1, keepdim=True) if limit.shape[1] else limit.sum(dim=1, keepdim=True)
        short = pivot - d
        if tile.own:
            short.diagonal(tile.start).fill_(0.0)  # no negative, and possibly infinite: a long vector's own product
        total = (active * (limit - pivot).double()).sum() + torch.linalg.vecdot(short, times).double().sum()
        gradient = times.neg_()
        gradient.scatter_add_(1, where, active.to(d.dtype))
        return total, mined, active.sum(), gradient

    def _compare(self, negatives: Tensor, to_positive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mined triplets; active ones of each positive `(t, P)`; and in how many each negative is, `(t, M)`."""
        times, one = torch.zeros_like(negatives), torch.empty_like(negatives)
        active = torch.zeros(to_positive.shape, dtype=torch.int64, device=negatives.device)
        mined = torch.zeros((), dtype=torch.int64, device=negatives.device)
        for k in range(to_positive.shape[1]):
            positive = to_positive[:, k : k + 1]
            limit = positive + self.margin
            if self.mining == "easy":
                mined += ((negatives >= limit) & torch.isfinite(negatives) & torch.isfinite(positive)).sum()
                continue
            keep = negatives < limit
            if self.mining == "semihard":
                keep &= negatives > positive
            elif self.mining == "hard":
                closer = negatives <= positive
                keep &= closer
            times += one.copy_(keep)  # exact in single precision: a row has under 2²⁴ columns
            active[:, k] = one.sum(dim=1)
            if self.reduction == "all" and self.mining == "all":
                mined += (torch.isfinite(negatives) & torch.isfinite(positive)).sum()
            elif self.reduction == "all" and self.mining == "hard":
                mined += closer.sum()
        return (active.sum() if self.mining == "semihard" else mined), active, times

    def _sort(self, negatives: Tensor, to_positive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same as `_compare`, by runs of the sorted negatives."""
        ordered, order = negatives.sort(dim=1)
        there = torch.isfinite(to_positive)
        up_to_positive = torch.searchsorted(ordered, to_positive, right=True)
        within_margin = torch.searchsorted(ordered, to_positive + self.margin)
        end = torch.isfinite(ordered).sum(dim=1, keepdim=True).expand_as(within_margin)
        nothing = torch.zeros_like(within_margin)
        # Each rule keeps the run [low, high); of it, what lies within the margin is active.
        low, high = {
            "all": (nothing, end),
            "easy": (within_margin, end),
            "semihard": (up_to_positive, torch.maximum(up_to_positive, within_margin)),
            "hard": (nothing, up_to_positive),
        }[self.mining]
        mined = ((high - low) * there).sum()
        high = torch.maximum(low, torch.minimum(high, within_margin))
        active = (high - low) * there
        steps = torch.zeros(len(ordered), ordered.shape[1] + 1, dtype=torch.int32, device=ordered.device)
        one = there.to(torch.int32)
        steps.scatter_add_(1, low, one).scatter_add_(1, high, -one)
        runs = steps.cumsum(dim=1, dtype=torch.int32)[:, :-1].to(negatives.dtype)
        return mined, active, torch.empty_like(negatives).scatter_(1, order, runs)

    def _soft(self, negatives: Tensor, to_positive: Tensor, where: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Sum, mined, active (all that were mined) and gradient with a soft margin: one positive at a time."""
        total = torch.zeros((), dtype=torch.float64, device=negatives.device)
        count = torch.zeros((), dtype=torch.int64, device=negatives.device)
        gradient = torch.zeros_like(negatives)
        there = torch.isfinite(negatives)
        pulls = torch.zeros_like(to_positive)
        for k in range(to_positive.shape[1]):
            positive = to_positive[:, k : k + 1]
            keep = there & torch.isfinite(positive)
            if self.mining == "easy":
                keep &= negatives >= positive + self.margin
            elif self.mining == "semihard":
                keep &= (negatives > positive) & (negatives < positive + self.margin)
            elif self.mining == "hard":
                keep &= negatives <= positive
            gap = (positive - negatives).masked_fill_(~keep, -torch.inf)
            total += torch.logaddexp(gap, torch.zeros((), dtype=gap.dtype, device=gap.device)).sum(dtype=torch.float64)
            count += keep.sum()
            slope = functional.sigmoid(gap)
            gradient -= slope
            pulls[:, k] = slope.sum(dim=1)
        gradient.scatter_add_(1, where, pulls)
        return total, count, count, gradient


class _Positives:
    """Where each anchor's positives are among the columns: runs of the columns sorted by label."""

    def __init__(self, pairs: Pairs) -> None:
        self.order = pairs.column_labels.argsort(stable=True)
        ordered = pairs.column_labels[self.order]
        self.low = torch.searchsorted(ordered, pairs.labels)
        self.count = torch.searchsorted(ordered, pairs.labels, right=True) - self.low

    def of(self, tile: Tile) -> tuple[Tensor, Tensor, Tensor]:
        """Columns `(t, P)` of the anchors' identities, those being of that identity, and those being a positive.

        Rows with fewer than P repeat their last one (which is then no positive), those without any name column 0.
        """
        low, count = self.low[tile.rows, None], self.count[tile.rows, None]
        most = int(count.max()) if len(count) else 0
        at = torch.arange(most, device=low.device)[None, :]
        exists = at < count
        last = (low + count - 1).clamp(min=0)
        where = self.order[torch.minimum(low + at, last)] if most else low.new_empty(len(low), 0)
        if tile.own:
            anchors = torch.arange(tile.start, tile.start + len(low), device=low.device)[:, None]
            exists = exists & (where != anchors)
        return where, (count > 0).expand_as(exists), exists
