"""What an answer rests on: promises, calibrations, odds. Read side, NumPy only."""
