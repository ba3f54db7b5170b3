"""The public name of `lookalike.evaluation.calibration.thresholds`."""

from lookalike.evaluation.calibration.thresholds import calibrate, calibrate_large, promise, promises

__all__ = ["calibrate", "calibrate_large", "promise", "promises"]
