"""Labelled pictures: reading, splitting by identity, drawing batches, augmenting."""

from lookalike.datasets.bundled_faces import BUNDLED_ORL, orl_faces
from lookalike.datasets.identity_batches import IdentityBatches, ShuffledBatches
from lookalike.datasets.identity_split import split_identities
from lookalike.datasets.image_folder import read_csv, read_image_folder, read_pictures
from lookalike.datasets.picture_set import PictureSet

__all__ = [
    "BUNDLED_ORL",
    "IdentityBatches",
    "PictureSet",
    "ShuffledBatches",
    "orl_faces",
    "read_csv",
    "read_image_folder",
    "read_pictures",
    "split_identities",
]
