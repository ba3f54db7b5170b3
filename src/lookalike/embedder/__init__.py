"""Pictures to vectors: backbones, deterministic preprocessing, pretrained models, the `model/` folder."""

import lookalike.embedder.loading  # noqa: F401  # gives `Embedder.load` the kinds of model
from lookalike.decisions.calibration import Calibration, OperatingPoint
from lookalike.embedder.embedder import Embedder, Threshold
from lookalike.embedder.preprocessing import Prepared, Preprocessing

__all__ = ["Calibration", "Embedder", "OperatingPoint", "Prepared", "Preprocessing", "Threshold"]
