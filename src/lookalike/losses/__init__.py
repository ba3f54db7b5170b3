"""Losses: `(embeddings, labels)` in, a scalar out. A loss never owns the backbone."""

from lookalike.losses.angular_margin import ArcFaceLoss
from lookalike.losses.softmax import SoftmaxLoss
from lookalike.losses.triplet import TripletLoss

__all__ = ["ArcFaceLoss", "SoftmaxLoss", "TripletLoss"]
