"""What turns pictures into vectors, whatever network is behind it. `loading` says which kinds there are."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from lookalike.decisions.policies import Threshold, measured_threshold
from lookalike.distances import MetricName
from lookalike.embedder.face import Face
from lookalike.embedder.load_options import LoadOptions
from lookalike.embedder.preparation import prepare_many
from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import FingerprintError, ImageError, InputError
from lookalike.images import Picture, one_or_several
from lookalike.step_log import logged_step

if TYPE_CHECKING:
    from lookalike.decisions.calibration import Calibration
    from lookalike.embedder.trained_pictures import TrainedPictures

__all__ = ["Embedder", "Threshold"]

_LOGGER = logging.getLogger(__name__)


class Embedder(ABC):
    """Pictures in, vectors out. `Embedder.load` gives one; later kinds of model only add a subclass.

    Attributes:
        name: how messages call the model.
        fingerprint: 16 hexadecimal digits that change with weights or preprocessing.
        metric: the distance its vectors are meant for.
        dimension: length of a vector.
        calibration: thresholds with the promise they were measured to keep, or None.
        calibration_chosen: whether `use_calibration` set it; then it goes before one that a gallery keeps.
        documented_threshold: what the model's authors recommend, used where nothing was measured.
        finds_faces: whether it looks for faces in a picture and embeds those: what `faces` and `prepare_faces` need.
        trained_on: digests of the pictures and the names that it was trained on; None where that is not known.
        seen_non_landmarks: digests of pictures without a landmark that it was trained on (`seen_pictures`).
    """

    name: str
    fingerprint: str
    metric: MetricName
    dimension: int
    calibration: Calibration | None = None
    calibration_chosen: bool = False
    documented_threshold: Threshold | None = None
    finds_faces: bool = False
    trained_on: TrainedPictures | None = None
    seen_non_landmarks: npt.NDArray[np.uint64] = np.empty(0, np.uint64)

    #: Set by `embedder.loading`, which imports every kind of model; each of them imports this class.
    _open: ClassVar[Callable[[str | Path, LoadOptions], Embedder]]

    @classmethod
    def load(
        cls,
        source: str | Path,
        cropped: bool | None = None,
        *,
        device: str = "auto",
        precision: str = "float32",
        detector: str | Path | None = None,
        **card: Any,
    ) -> Embedder:
        """Load an embedder of any kind that `lookalike.embedder.loading` lists.

        Args:
            source: a model folder written by `lookalike train`; an ONNX file, `"net.onnx"`, with a card `net.toml`
                beside it; `"hf://user/model"`, either of them from the Hugging Face hub; `"timm:NAME"`, the pretrained
                features of a network of timm; or, with no training needed, `"dlib"` (128-d faces, detection and
                alignment) or `"efficientnet_lite0"` (1280-d features learned from ImageNet, for landmarks and other
                pictures of places and things).
            cropped: pictures are face crops: where no face is found, the whole picture is taken. None keeps what
                the model was saved with.
            device: `auto` (the GPU where there is one), `cpu`, `cuda` or `mps`.
            precision: `float32`, or `bfloat16` or `float16` for a PyTorch network.
            detector: an ONNX file that finds the faces for an ONNX model, in place of its card's.
            **card: what the card of an ONNX model would say, such as `alignment="arcface-112"`, `mean=127.5`,
                `std=127.5`, `channels="RGB"`; see `lookalike.embedder.onnx_card`.

        Raises:
            ArtefactError: there is no model, or it is damaged.
            InputError: it cannot be loaded as asked.
            MissingDependencyError: it needs an extra that is not installed.

        Example:
            >>> Embedder.load("efficientnet_lite0").dimension    # doctest: +SKIP
            1280
        """
        options = LoadOptions(cropped=cropped, device=device, precision=precision, detector=detector, card=card)
        with logged_step(_LOGGER, "loaded model %s", source):
            return Embedder._open(source, options)

    def use_calibration(self, path: str | Path) -> None:
        """Answer with thresholds from a `calibration.json` that lies elsewhere, for example beside a report.

        Raises:
            ArtefactError: it is missing or damaged.
            FingerprintError: it was measured with another model.

        Example:
            >>> embedder = Embedder.load("dlib")    # doctest: +SKIP
            >>> embedder.use_calibration("evaluation/calibration.json")    # doctest: +SKIP
        """
        from lookalike.decisions.calibration import Calibration

        found = Calibration.load(path)
        if found.fingerprint != self.fingerprint:
            raise FingerprintError(
                f"{path} was measured with model {found.fingerprint} ({found.source}), and {self.name} is model "
                f"{self.fingerprint}; run `lookalike evaluate DATA --model MODEL` with this one"
            )
        self.calibration, self.calibration_chosen = found, True

    def threshold(self, target_fmr: float | None = None) -> Threshold:
        """The threshold for a target false match rate; by default the calibration's own, or the documented one.

        Raises:
            InputError: nothing was measured for the target, or nothing at all.
        """
        if self.calibration is not None:
            return measured_threshold(self.calibration, target_fmr)
        if self.documented_threshold is not None:
            if target_fmr is None:
                return self.documented_threshold
            raise InputError(
                f"model {self.name} has one threshold, {self.documented_threshold.source}; "
                "a false match rate cannot be asked of it: measure it with `lookalike evaluate` and give its "
                "--calibration, leave out --fmr, or give a distance with --threshold"
            )
        raise InputError(
            f"model {self.name} has no measured threshold; run `lookalike evaluate DATA --model MODEL --calibrate`, "
            "or give a distance with --threshold"
        )

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name!r}: {self.dimension} dimensions, {self.metric}, "
            f"fingerprint {self.fingerprint}>"
        )

    @abstractmethod
    def prepare(self, picture: Picture) -> Prepared:
        """Deterministic preprocessing of one picture; raises `ImageError` or `NoFaceError`."""

    def faces(self, picture: Picture, smallest: int = 0) -> list[Face]:
        """Find every face in a picture, the most likely subject first; [] where there is none.

        Args:
            picture: to look at.
            smallest: leave out faces less than so many pixels wide; larger pictures are then looked at faster.

        Raises:
            ImageError: not a picture.
            InputError: the model does not look for faces (`finds_faces`).

        Example:
            >>> [str(face.box) for face in Embedder.load("dlib").faces("group.jpg")]    # doctest: +SKIP
            ['120×120 pixels at 40,52', '98×98 pixels at 300,60']
        """
        raise self._no_faces()

    def prepare_faces(self, picture: Picture, smallest: int = 0) -> list[tuple[Face, Prepared]]:
        """Every face in a picture, prepared for `embed_prepared`, the most likely subject first; arguments of `faces`.

        Where pictures are face crops (`cropped`) and none is found, the whole picture is one face, with score 0.

        Raises:
            ImageError: not a picture.
            InputError: the model does not look for faces (`finds_faces`).

        Example:
            >>> embedder = Embedder.load("dlib")    # doctest: +SKIP
            >>> found = embedder.prepare_faces("group.jpg")    # doctest: +SKIP
            >>> embedder.embed_prepared(np.stack([one.pixels for _, one in found])).shape    # doctest: +SKIP
            (2, 128)
        """
        raise self._no_faces()

    def _no_faces(self) -> InputError:
        return InputError(
            f"model {self.name} takes a picture as a whole and looks for no faces in it; use --model dlib, or a model "
            "trained with the alignment dlib-5point"
        )

    @abstractmethod
    def embed_prepared(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """`(n, h, w, c)` uint8 of prepared pictures to `(n, dimension)` float32."""

    def embed(
        self,
        pictures: Picture | Iterable[Picture],
        batch_size: int = 64,
        progress: Callable[[int], None] | None = None,
        notes: Callable[[int, str], None] | None = None,
        unusable: Callable[[int, ImageError], None] | None = None,
        faces: Callable[[int, tuple[Face, ...]], None] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Embed pictures.

        Args:
            pictures: paths, bytes, arrays `(h, w)` or `(h, w, 3)` uint8, or Pillow images: any iterable,
                or one picture.
            batch_size: how many pass the network at once; bounds the memory.
            progress: called with the number of pictures finished since the last call.
            notes: called with a picture's position and a remark about it, e.g. that several faces were found.
            unusable: called with position and error of a picture that cannot be used; it then has no row in the
                result. Without it, the first such error is raised.
            faces: called with a picture's position and the faces found in it, the one that is embedded first; not
                called by a model that looks for none.

        Returns:
            `(n, dimension)` float32, of one picture `(1, dimension)`; unit length when the metric is cosine.

        Raises:
            ImageError: a picture cannot be used, and `unusable` was not given.
            InputError: what was given is neither a picture nor an iterable of them.

        Example:
            >>> Embedder.load("dlib").embed("ada.jpg").shape    # doctest: +SKIP
            (1, 128)
        """
        vectors = [np.empty((0, self.dimension), np.float32)]
        for batch in prepare_many(self.prepare, one_or_several(pictures), batch_size, unusable):
            for position, prepared in batch:
                if notes:
                    for note in prepared.notes:
                        notes(position, note)
                if faces and prepared.faces:
                    faces(position, prepared.faces)
            if batch:
                vectors.append(self.embed_prepared(np.stack([prepared.pixels for _, prepared in batch])))
            if progress:
                progress(len(batch))
        return np.concatenate(vectors)
