"""Confidence intervals of what evaluations measure."""
