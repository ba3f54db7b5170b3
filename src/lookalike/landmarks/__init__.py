"""Landmarks: a photo in, the name of the place out, or that it shows none."""
