"""Synthetic landmarks: photos of made-up buildings, rendered in 3-D, for when no real ones are at hand.

They are drawings by a program, and say nothing about how well real places are told apart. What they are good for:
every step can be run, timed and tested offline, with the true answer known.
"""

from lookalike.samples.buildings.photo_set import PhotoSetOptions, SyntheticLandmarks, cache_folder, render_landmarks

__all__ = ["PhotoSetOptions", "SyntheticLandmarks", "cache_folder", "render_landmarks"]
