"""From a measurement to `calibration.json`."""
