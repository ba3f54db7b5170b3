"""Losses: `(embeddings, labels)` in, a scalar out. A loss never owns the backbone."""

from lookalike.losses.adaptive_margin import AdaFaceLoss, CurricularFaceLoss
from lookalike.losses.angular_margin import (
    ArcFaceLoss,
    CombinedMarginLoss,
    CosFaceLoss,
    SphereFaceLoss,
    SubCenterArcFaceLoss,
)
from lookalike.losses.center import CenterLoss, JointLoss
from lookalike.losses.cross_batch_memory import CrossBatchMemory
from lookalike.losses.multi_similarity import MultiSimilarityLoss
from lookalike.losses.proxy_anchor import ProxyAnchorLoss
from lookalike.losses.sharded_softmax import ShardedSoftmaxLoss
from lookalike.losses.siamese import ContrastiveLoss, NTXentLoss
from lookalike.losses.softmax import SoftmaxLoss
from lookalike.losses.triplet import TripletLoss

__all__ = [
    "AdaFaceLoss",
    "ArcFaceLoss",
    "CenterLoss",
    "CombinedMarginLoss",
    "ContrastiveLoss",
    "CosFaceLoss",
    "CrossBatchMemory",
    "CurricularFaceLoss",
    "JointLoss",
    "MultiSimilarityLoss",
    "NTXentLoss",
    "ProxyAnchorLoss",
    "ShardedSoftmaxLoss",
    "SoftmaxLoss",
    "SphereFaceLoss",
    "SubCenterArcFaceLoss",
    "TripletLoss",
]
