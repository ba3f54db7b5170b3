"""An embedder around an ONNX file: any network whose card says what it expects."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lookalike.decisions.calibration import Calibration
from lookalike.distances import unit_length
from lookalike.embedder.embedder import Embedder, Threshold
from lookalike.embedder.face import Face, FaceBox
from lookalike.embedder.face_finder import FaceFinder, face_finder
from lookalike.embedder.face_subject import subject_note
from lookalike.embedder.face_templates import align_to_template
from lookalike.embedder.load_options import LoadOptions
from lookalike.embedder.onnx_card import OnnxCard, calibration_beside, has_card, no_card, read_card
from lookalike.embedder.onnx_session import OnnxSession, onnx_digest
from lookalike.embedder.preprocessing import Prepared, Preprocessing
from lookalike.errors import FingerprintError, InputError, NoFaceError, VectorError
from lookalike.images import Picture, RGBArray, read_picture

__all__ = ["OnnxEmbedder"]

_WHOLE_PICTURE: Final = "no face was found; the whole picture is taken for one"


class OnnxEmbedder(Embedder):
    """A network in an ONNX file, run by onnxruntime, with a card beside it (`onnx_card`). PyTorch is not imported.

    Args:
        path: the ONNX file.
        options: what is known besides: the card's fields, another detector, the device.

    Raises:
        ArtefactError: a file is missing or damaged.
        FingerprintError: the calibration beside it was measured with other weights or another card.
        InputError: the card is missing or wrong, or the network does not give one vector a picture.
        MissingDependencyError: onnxruntime, or what finds the faces, is not installed.

    Example:
        >>> OnnxEmbedder(Path("net.onnx")).embed(["photo.jpg"]).shape    # doctest: +SKIP
        (1, 512)
    """

    def __init__(self, path: Path, options: LoadOptions | None = None) -> None:
        options = options or LoadOptions()
        if options.precision != "float32":
            raise InputError(
                f"{path} computes in the precision it was exported in; leave out --precision {options.precision}"
            )
        self._session = OnnxSession(path, options.device)
        metadata = self._session.metadata
        if not has_card(path, metadata, options.card):
            raise InputError(no_card(path, self._session.input))
        self.card = read_card(OnnxCard, path, metadata, options.card)
        if self._session.input.channels == 1 and any(np.size(one) == 3 for one in (self.card.mean, self.card.std)):
            raise InputError(
                f"{path} takes grey pictures, and its card gives three channels; give one mean and one std"
            )
        self.name, self.metric = self.card.name or path.stem, self.card.metric
        self._cropped = self.card.cropped if options.cropped is None else options.cropped
        self._size = self._input_size()
        self._channels = self._session.input.channels
        self.finds_faces = self.card.alignment != "none"
        self._finder = self._face_finder(path, options)
        self._output, self.dimension = self._embedding_output()
        if self.card.threshold is not None:
            source = f"{self.card.threshold_source}, not measured on your pictures"
            self.documented_threshold = Threshold(self.card.threshold, source)
        self.fingerprint = self._fingerprint(path)
        if calibration_beside(path).is_file():
            self._read_calibration(calibration_beside(path))

    def _read_calibration(self, file: Path) -> None:
        found = Calibration.load(file)
        if found.fingerprint != self.fingerprint:
            raise FingerprintError(
                f"{file} was measured with model {found.fingerprint}, and {self.name} is {self.fingerprint} now that "
                "its file, card or detector has changed; measure it again, or move it away"
            )
        self.calibration = found

    def _input_size(self) -> tuple[int, int]:
        taken, asked = self._session.input, self.card.image_size
        if taken.size is not None and asked not in (None, taken.size):
            raise InputError(f"{self._session.path} takes pictures of {taken}; its card says image_size = {asked}")
        size = taken.size or asked
        if size is None:
            raise InputError(
                f"{self._session.path} leaves the size of its pictures open; say image_size = [112, 112] in its card"
            )
        if self.card.alignment != "none" and size[0] != size[1]:
            raise InputError(f"{self._session.path} takes {taken}, and {self.card.alignment} gives squares; align none")
        return size

    def _face_finder(self, path: Path, options: LoadOptions) -> FaceFinder | None:
        if not self.finds_faces:
            if options.detector is not None or self.card.detector is not None:
                raise InputError(
                    f"model {self.name} takes whole pictures (alignment none) and looks for no faces; leave the "
                    "detector out"
                )
            return None
        beside = None if self.card.detector is None else path.parent / self.card.detector
        return face_finder(options.detector or beside, options.device)

    def _embedding_output(self) -> tuple[str, int]:
        """The name of the output that is the embedding, and its length: declared, or found by a trial."""
        outputs: dict[str, list[Any]] = dict(self._session.outputs)
        name = self.card.output or (next(iter(outputs)) if len(outputs) == 1 else "")
        if name not in outputs:
            listed = ", ".join(f"{one} ({'×'.join(str(n) for n in shape)})" for one, shape in outputs.items())
            raise InputError(
                f"{self._session.path} has the outputs {listed}; say in its card which is the embedding, such as "
                f'output = "{next(iter(outputs))}"'
            )
        shape = outputs[name]
        if len(shape) == 2 and isinstance(shape[1], int) and shape[1] > 0:
            return name, shape[1]
        self._output = name  # which the trial reads
        return name, self._vectors(np.zeros((1, *self._size, self._channels), np.uint8)).shape[1]

    def _fingerprint(self, path: Path) -> str:
        digest = hashlib.sha256(onnx_digest(path))
        decisive = self.card.decisive() | {"image_size": self._size, "output": self._output}
        digest.update(json.dumps(decisive, sort_keys=True).encode())
        if self._finder is not None:
            digest.update(self._finder.identity)
        return digest.hexdigest()[:16]

    def prepare(self, picture: Picture) -> Prepared:
        """The most likely subject's face, aligned; or the whole picture."""
        if self._finder is None:
            return Preprocessing(image_size=self._size, channels=1 if self._channels == 1 else 3).prepare(picture)
        rgb = read_picture(picture)
        faces = self._finder.find_subject(rgb)
        if faces:
            notes = () if len(faces) == 1 else (subject_note(faces),)
            return Prepared(self._aligned(rgb, faces[0]), notes)
        if not self._cropped:
            height, width = rgb.shape[:2]
            raise NoFaceError(
                f"no face was found in a picture of {width}×{height} pixels; "
                "use one whose face is larger, upright and turned to the camera, or say that pictures are face crops "
                "(--cropped)"
            )
        return self._whole(rgb)

    def faces(self, picture: Picture, smallest: int = 0) -> list[Face]:
        """Every face in a picture; see `Embedder.faces`."""
        if self._finder is None:
            raise self._no_faces()
        return self._finder.find_faces(read_picture(picture), smallest)

    def prepare_faces(self, picture: Picture, smallest: int = 0) -> list[tuple[Face, Prepared]]:
        """Every face in a picture, aligned; see `Embedder.prepare_faces`."""
        if self._finder is None:
            raise self._no_faces()
        rgb = read_picture(picture)
        found = [(face, Prepared(self._aligned(rgb, face))) for face in self._finder.find_faces(rgb, smallest)]
        if found or not self._cropped:
            return found
        height, width = rgb.shape[:2]
        return [(Face(FaceBox(0, 0, width, height), 0.0, (), False), self._whole(rgb))]

    def _whole(self, rgb: RGBArray) -> Prepared:
        plain = Preprocessing(image_size=self._size, channels=1 if self._channels == 1 else 3)
        return Prepared(plain.prepare(rgb).pixels, (_WHOLE_PICTURE,))

    def _aligned(self, rgb: RGBArray, face: Face) -> npt.NDArray[np.uint8]:
        assert self.card.alignment != "none"
        chip = align_to_template(rgb, face, self.card.alignment, self._size[0])
        return _grey(chip) if self._channels == 1 else chip

    def embed_prepared(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """`(n, h, w, c)` uint8 to `(n, dimension)` float32, unit length when the metric is cosine."""
        vectors = self._vectors(pixels)
        if self.card.flip_average:
            vectors = vectors + self._vectors(pixels[:, :, ::-1])
        if vectors.shape[1] != self.dimension:
            raise VectorError(
                f"model {self.name} gave vectors of {vectors.shape[1]} numbers, and its file announces {self.dimension}"
            )
        return unit_length(vectors) if self.metric == "cosine" else vectors

    def _vectors(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The network's outputs for any number of pictures, in batches of the size that it takes."""
        taken = self._session.input
        numbers = self.card.numbers(pixels)
        if taken.layout == "NCHW":
            numbers = numbers.transpose(0, 3, 1, 2)
        step = taken.batch or len(numbers)
        parts = []
        for start in range(0, len(numbers), step):
            part = numbers[start : start + step]
            count = len(part)
            if count < step:  # a file with a fixed batch takes no smaller one
                part = np.concatenate([part, np.repeat(part[-1:], step - count, axis=0)])
            (found,) = self._session.run(np.ascontiguousarray(part, taken.dtype), [self._output])
            parts.append(self._checked(found, step)[:count])
        return np.concatenate(parts)

    def _checked(self, found: npt.NDArray[Any], count: int) -> npt.NDArray[np.float32]:
        if found.ndim < 2 or len(found) != count or found.size != count * max(found.shape[1:]):
            raise InputError(
                f"output {self._output} of {self._session.path} is {'×'.join(str(n) for n in found.shape)} for "
                f"{count} picture{'s' if count != 1 else ''}; expected one vector a picture: choose another output, or "
                "export the network up to its embedding"
            )
        vectors = found.reshape(count, -1).astype(np.float32)
        if not np.isfinite(vectors).all():
            raise VectorError(
                f"model {self.name} gave NaN or infinity for a picture; check mean, std and the precision of its file"
            )
        return vectors


def _grey(rgb: RGBArray) -> npt.NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).convert("L"))[:, :, None]
