"""What a plan is made for; importing this loads nothing else."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PlanOptions"]


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What an index has to achieve, and what there is for it.

    Attributes:
        memory: bytes for building and serving, or text such as `"24GiB"`; None for any.
        disk: bytes for the index, or text; None for any.
        metric: euclidean, cosine, inner_product, manhattan or mahalanobis.
        recall: recall@k to be reached, above 0 up to 1.
        k: neighbours per query.
        threads: that build; None for all processors.
    """

    memory: int | str | None = None
    disk: int | str | None = None
    metric: str = "cosine"
    recall: float = 0.95
    k: int = 10
    threads: int | None = None
