"""Multi-similarity loss: pairs weighed by their own similarity and by those around them."""

from __future__ import annotations

import torch
from torch import Tensor

from lookalike.errors import InputError
from lookalike.losses.pair_distances import Similarity
from lookalike.losses.pair_loss import PairLoss
from lookalike.losses.tiles import Pairs, Tile, mean_over_tiles

__all__ = ["MultiSimilarityLoss"]


class MultiSimilarityLoss(PairLoss):
    """``1/α log(1 + Σ_p e^(-α (s_p - λ))) + 1/β log(1 + Σ_n e^(β (s_n - λ)))``, mean over the anchors.

    s are cosine similarities of the anchor with its mined positives and negatives. Mining keeps a positive that is
    less alike than the anchor's most alike negative plus ε, and a negative that is more alike than its least alike
    positive minus ε. Exact; memory grows with the batch, not its square.

    Wang, Han, Huang, Dong, Scott, "Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning",
    CVPR 2019; β = 50 is the paper's, the other defaults are the authors' code's.

    Args:
        alpha: weight of hard positives.
        beta: weight of hard negatives.
        base: λ, the similarity that divides near from far.
        epsilon: the miner's slack; None keeps every pair.

    Raises:
        InputError: alpha or beta not positive, or a value that is not finite.

    Example:
        >>> loss = MultiSimilarityLoss()
        >>> loss(torch.randn(8, 4), torch.arange(8) // 2).ndim
        0
    """

    def __init__(self, alpha: float = 2.0, beta: float = 50.0, base: float = 0.5, epsilon: float | None = 0.1) -> None:
        super().__init__()
        if not (0 < alpha < float("inf") and 0 < beta < float("inf")):
            raise InputError(f"alpha is {alpha} and beta {beta}; both must be finite and above 0")
        if not abs(base) < float("inf") or not (epsilon is None or abs(epsilon) < float("inf")):
            raise InputError(f"base is {base} and epsilon {epsilon}; both must be finite (epsilon may be None)")
        self.alpha, self.beta, self.base, self.epsilon = alpha, beta, base, epsilon
        self._measure = Similarity()

    def over(self, pairs: Pairs) -> Tensor:
        """The loss over these pairs."""

        def of_tile(tile: Tile) -> tuple[Tensor, Tensor, Tensor]:
            s = tile.distances
            same = tile.same()
            negative = ~same
            positive = tile.without_self(same)
            if self.epsilon is not None and s.shape[1]:
                least = s.masked_fill(~positive, torch.inf).amin(dim=1, keepdim=True)
                most = s.masked_fill(~negative, -torch.inf).amax(dim=1, keepdim=True)
                positive &= s < most + self.epsilon
                negative &= s > least - self.epsilon
            total = torch.zeros((), dtype=torch.float64, device=s.device)
            gradient = torch.zeros_like(s)
            for kept, rate in ((positive, -self.alpha), (negative, self.beta)):
                exponents = (s - self.base).mul_(rate).masked_fill_(~kept, -torch.inf)
                # log(1 + Σ e^x) is the log-sum-exp with a zero among the terms.
                costs = torch.logaddexp(exponents.logsumexp(dim=1), s.new_zeros(()))
                total += costs.sum(dtype=torch.float64) / abs(rate)
                gradient += exponents.sub_(costs[:, None]).exp_().mul_(rate / abs(rate))
            return total, torch.full((), len(s), dtype=torch.int64, device=s.device), gradient

        return mean_over_tiles(pairs, self._measure, of_tile)[0]
