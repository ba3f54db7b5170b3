"""dlib's pretrained face embedder: 128 dimensions, trained on about 3 million faces, CC0.

King, "High Quality Face Recognition with Deep Metric Learning" (dlib.net, 2017): a ResNet with 29 convolution
layers; Euclidean distance; 99.38% on LFW at the threshold 0.6.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName
from lookalike.embedder.dlib_network import DlibNetwork
from lookalike.embedder.dlib_tools import dlib_model_file, load_dlib
from lookalike.embedder.embedder import Embedder, Threshold
from lookalike.embedder.face_alignment import align_face, align_faces
from lookalike.embedder.face_detection import Face, find_faces
from lookalike.embedder.preprocessing import Prepared
from lookalike.embedder.processors import one_matrix_thread
from lookalike.images import Picture, read_picture

__all__ = ["DlibFaces"]

_MODEL = "dlib_face_recognition_resnet_model_v1.dat"


class DlibFaces(Embedder):
    """Finds the subject's face in a whole photograph, aligns it by 5 points to 150×150 and embeds it.

    Args:
        cropped: pictures are face crops: where no face is found, the whole picture is taken for one.
    """

    name = "dlib"
    metric: MetricName = "euclidean"
    dimension = 128
    finds_faces = True
    documented_threshold = Threshold(0.6, "dlib's documented threshold (99.38% on LFW), not measured on your pictures")

    def __init__(self, cropped: bool = False) -> None:
        path = dlib_model_file(_MODEL)
        load_dlib()  # where it is missing, that is said now
        content = Path(path).read_bytes()
        self._network = DlibNetwork(content)
        self._cropped = cropped
        digest = hashlib.sha256(content)
        digest.update(b"dlib 5-point alignment, 150 pixels, padding 0.25")
        self.fingerprint = digest.hexdigest()[:16]

    def prepare(self, picture: Picture) -> Prepared:
        """Find and align the face; `(150, 150, 3)`."""
        return Prepared(*align_face(read_picture(picture), 150, self._cropped))

    def faces(self, picture: Picture, smallest: int = 0) -> list[Face]:
        """Every face of at least `face_detection.smallest_face` pixels."""
        return find_faces(read_picture(picture), smallest)

    def prepare_faces(self, picture: Picture, smallest: int = 0) -> list[tuple[Face, Prepared]]:
        """Every face, `(150, 150, 3)` each."""
        found = align_faces(read_picture(picture), 150, self._cropped, smallest)
        return [(face, Prepared(chip, notes, (face,))) for face, chip, notes in found]

    def embed_prepared(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """`(n, 150, 150, 3)` uint8 to `(n, 128)` float32."""
        with one_matrix_thread():
            return self._network(pixels)
