"""Labelled pictures: reading, splitting by identity, drawing batches, augmenting."""

from lookalike.datasets.google_landmarks import GoogleLandmarks
from lookalike.datasets.identity_batches import IdentityBatches, ShuffledBatches
from lookalike.datasets.identity_split import split_identities
from lookalike.datasets.image_folder import read_csv, read_image_folder
from lookalike.datasets.picture_set import PictureSet
from lookalike.datasets.places import NON_LANDMARK, place_pictures, split_non_landmarks
from lookalike.datasets.readers import read_pictures

__all__ = [
    "NON_LANDMARK",
    "GoogleLandmarks",
    "IdentityBatches",
    "PictureSet",
    "ShuffledBatches",
    "place_pictures",
    "read_csv",
    "read_image_folder",
    "read_pictures",
    "split_identities",
    "split_non_landmarks",
]
