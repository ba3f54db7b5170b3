"""Losses over pairs: the siamese network's contrastive loss, and softmax over similarities."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from lookalike.errors import InputError
from lookalike.losses.pair_distances import LossMetric, Similarity, measure_of
from lookalike.losses.pair_loss import PairLoss
from lookalike.losses.tiles import Pairs, Tile, mean_over_tiles

__all__ = ["ContrastiveLoss", "NTXentLoss"]


class ContrastiveLoss(PairLoss):
    """``½ d²`` for two pictures of one identity, ``½ max(0, margin - d)²`` for two of different ones.

    A siamese network's loss, over all pairs of the batch. `balanced` averages the positive pairs and the negative
    pairs each for themselves and adds the two means, since a batch has many times more negatives; `all` averages over
    all pairs alike, as the paper does. Exact; memory grows with the batch, not its square.

    Hadsell, Chopra, LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006.

    Args:
        margin: beyond it a negative is far enough; in units of the metric.
        metric: as for `TripletLoss`.
        reduction: `balanced` or `all`.

    Raises:
        InputError: an unknown metric or reduction, or a margin that is not positive.

    Example:
        >>> loss = ContrastiveLoss(margin=1.0)
        >>> round(loss(torch.tensor([[0.0], [0.6], [1.0]]), torch.tensor([0, 0, 1])).item(), 3)
        0.27
    """

    def __init__(
        self,
        margin: float = 1.0,
        metric: LossMetric | Any = "euclidean",
        reduction: Literal["balanced", "all"] = "balanced",
    ) -> None:
        super().__init__()
        if not 0 < margin < float("inf"):
            raise InputError(f"margin is {margin}; it must be finite and above 0, or no negative is pushed away")
        if reduction not in ("balanced", "all"):
            raise InputError(f"reduction is {reduction!r}; choose one of balanced, all")
        self._measure = measure_of(metric)
        self.margin, self.metric, self.reduction = float(margin), metric, reduction

    def over(self, pairs: Pairs) -> Tensor:
        """The loss over these pairs."""
        positives, negatives = (count.sum() for count in pairs.counts())
        if self.reduction == "all":
            positives = negatives = positives + negatives
        weights = [0.5 / count.clamp(min=1).double() for count in (positives, negatives)]
        divided = torch.zeros((), dtype=torch.int64, device=pairs.labels.device)  # by the weights

        def of_tile(tile: Tile) -> tuple[Tensor, Tensor, Tensor]:
            d = tile.distances
            same = tile.same()
            short = (self.margin - d).clamp_(min=0).masked_fill_(same, 0.0)
            tile.without_self(same)
            near = d.masked_fill(~same, 0.0)
            total = weights[0] * torch.linalg.vecdot(near, near).double().sum()
            total += weights[1] * torch.linalg.vecdot(short, short).double().sum()
            gradient = near.mul_(2 * weights[0].to(d.dtype)).sub_(short.mul_(2 * weights[1].to(d.dtype)))
            return total, divided, gradient

        return mean_over_tiles(pairs, self._measure, of_tile)[0]


class NTXentLoss(PairLoss):
    """Softmax with cross-entropy over similarities: does an anchor pick its mate among all others?

    For every anchor a and positive p, ``-log( e^(s(a,p)/τ) / (e^(s(a,p)/τ) + Σ_n e^(s(a,n)/τ)) )`` over the negatives n
    of a, mean over all positive pairs; s is the cosine similarity, or the inner product. Exact; memory grows with the
    batch, not its square.

    The N-pair loss (Sohn 2016) is a special case: one positive an anchor, inner products, τ = 1, and the anchors
    compared with the positives only: ``NTXentLoss(1.0, "inner_product")(anchors, labels, positives, labels)``.

    Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016. Chen, Kornblith, Norouzi,
    Hinton, "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020 (the name, and τ).

    Args:
        temperature: τ; the smaller, the more the hardest negatives count.
        similarity: `cosine` or `inner_product`.

    Raises:
        InputError: a temperature that is not positive, or an unknown similarity.

    Example:
        >>> x = torch.eye(2).repeat_interleave(2, dim=0)
        >>> round(NTXentLoss(temperature=1.0)(x, torch.tensor([0, 0, 1, 1])).item(), 4)  # -log(e / (e + 2))
        0.5514
    """

    def __init__(self, temperature: float = 0.1, similarity: Literal["cosine", "inner_product"] = "cosine") -> None:
        super().__init__()
        if not 0 < temperature < float("inf"):
            raise InputError(f"temperature is {temperature}; it must be finite and above 0 (0.05 to 0.5 are usual)")
        if similarity not in get_args(Literal["cosine", "inner_product"]):
            raise InputError(f"similarity is {similarity!r}; choose one of cosine, inner_product")
        self.temperature, self.similarity = float(temperature), similarity
        self._measure = Similarity(unit=similarity == "cosine")

    def over(self, pairs: Pairs) -> Tensor:
        """The loss over these pairs."""

        def of_tile(tile: Tile) -> tuple[Tensor, Tensor, Tensor]:
            logits = tile.distances / self.temperature
            same = tile.same()
            rivals = logits.masked_fill(same, -torch.inf)
            against = rivals.logsumexp(dim=1, keepdim=True)
            positive = tile.without_self(same)
            costs = torch.logaddexp(against - logits, logits.new_zeros(())).masked_fill_(~positive, 0.0)
            # d cost / d logit of the positive is -pull, of each negative pull times its share of the rivals.
            pull = (against - logits).sigmoid_().masked_fill_(~positive, 0.0)
            shift = against.masked_fill(torch.isinf(against), 0.0)
            gradient = rivals.sub_(shift).exp_().mul_(pull.sum(dim=1, keepdim=True)).sub_(pull)
            return costs.sum(dtype=torch.float64), positive.sum(), gradient.div_(self.temperature)

        return mean_over_tiles(pairs, self._measure, of_tile)[0]
