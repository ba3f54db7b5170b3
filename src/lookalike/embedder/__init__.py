"""Pictures to vectors: backbones, deterministic preprocessing, pretrained models, the `model/` folder."""

from lookalike.decisions.calibration import Calibration, OperatingPoint
from lookalike.embedder.embedder import Embedder, Threshold
from lookalike.embedder.preprocessing import Prepared, Preprocessing

__all__ = ["Calibration", "Embedder", "OperatingPoint", "Prepared", "Preprocessing", "Threshold"]
