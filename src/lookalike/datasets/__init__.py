"""Labelled pictures: reading, splitting by identity, drawing batches, augmenting."""

from lookalike.datasets.bundled_faces import BUNDLED_ORL, orl_faces
from lookalike.datasets.google_landmarks import GoogleLandmarks
from lookalike.datasets.identity_batches import IdentityBatches, ShuffledBatches
from lookalike.datasets.identity_split import split_identities
from lookalike.datasets.image_folder import read_csv, read_image_folder, read_pictures
from lookalike.datasets.picture_set import PictureSet
from lookalike.datasets.places import NON_LANDMARK, place_pictures, split_non_landmarks

__all__ = [
    "BUNDLED_ORL",
    "NON_LANDMARK",
    "GoogleLandmarks",
    "IdentityBatches",
    "PictureSet",
    "ShuffledBatches",
    "orl_faces",
    "place_pictures",
    "read_csv",
    "read_image_folder",
    "read_pictures",
    "split_identities",
    "split_non_landmarks",
]
