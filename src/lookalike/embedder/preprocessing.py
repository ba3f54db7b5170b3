"""From an RGB picture to a network's input, the same way in training and serving; saved with the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from lookalike.images import Picture, RGBArray, read_picture

if TYPE_CHECKING:
    from torch import Tensor

    from lookalike.embedder.face import Face

__all__ = ["Prepared", "Preprocessing"]


@dataclass(frozen=True)
class Prepared:
    """A picture ready for the network.

    Attributes:
        pixels: `(h, w, c)` uint8.
        notes: what the user should know about the picture.
        faces: found in the picture, the one that was taken first; empty where none were looked for.
    """

    pixels: npt.NDArray[np.uint8]
    notes: tuple[str, ...] = ()
    faces: tuple[Face, ...] = ()


class Preprocessing(BaseModel):
    """Deterministic preprocessing, in this order: align, crop to the aspect ratio, resize, grey, normalise.

    `flip_average` and `scales` are what is done at test time: a picture is embedded as it is and mirrored, at every
    scale, and the embeddings are added (at several scales each brought to unit length first, where the metric is
    cosine). Scales are factors of `image_size`; below 1 they show more of a building to each feature. Above 1 no detail
    comes in, for it is the prepared picture that is enlarged. Training does neither.
    Scales as in Radenović, Tolias, Chum, TPAMI 2018, section 5.2, who take 1, 1/√2 and 1/2.

    A fingerprint is made of what `model_dump` gives. Fields that were added later are left out of it at their default,
    so that the fingerprints of older models stay what they were.

    Example:
        >>> p = Preprocessing(image_size=(64, 48), channels=1)
        >>> p.prepare(np.zeros((112, 92), np.uint8)).pixels.shape
        (64, 48, 1)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Fields that older models were saved without.
    _LATER: ClassVar = ("scales",)

    image_size: tuple[int, int] = Field((112, 112), description="(height, width) in pixels")
    channels: Literal[1, 3] = Field(3, description="1: grey, 3: RGB")
    align: Literal["none", "dlib-5point"] = Field("none", description="find the face and turn it upright first")
    cropped: bool = Field(False, description="pictures are face crops: where no face is found, take the whole picture")
    mean: float = Field(0.5, description="subtracted from pixels in [0, 1]")
    std: float = Field(0.25, gt=0, description="then divided by")
    flip_average: bool = Field(True, description="embed the mirror image too and add the two embeddings")
    scales: tuple[float, ...] = Field((1.0,), min_length=1, description="embed at these factors of the size, and add")

    @field_validator("scales")
    @classmethod
    def _are_scales(cls, scales: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0.1 <= scale <= 4 for scale in scales) or len(set(scales)) < len(scales):
            raise ValueError("give different factors of the picture's size, from 0.1 to 4, such as [1.0, 0.7]")
        return scales

    @model_serializer(mode="wrap")
    def _as_older_models_were(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        unchanged = [name for name in self._LATER if getattr(self, name) == type(self).model_fields[name].default]
        return {name: value for name, value in content.items() if name not in unchanged}

    def size_at(self, scale: float) -> tuple[int, int]:
        """`(height, width)` of the network's input at a scale, at least one pixel each."""
        height, width = self.image_size
        return max(1, round(height * scale)), max(1, round(width * scale))

    def prepare(self, picture: Picture) -> Prepared:
        """Decode and bring to size.

        Raises:
            ImageError: not a picture; `NoFaceError` where faces are aligned and none was found.
        """
        rgb = read_picture(picture)
        notes: tuple[str, ...] = ()
        faces: tuple[Face, ...] = ()
        height, width = self.image_size
        if self.align == "dlib-5point":
            from lookalike.embedder.face_alignment import align_face

            rgb, notes, faces = align_face(rgb, max(height, width), self.cropped)
        return Prepared(self._resized(rgb), notes, faces)

    @property
    def finds_faces(self) -> bool:
        """Whether faces are found and aligned."""
        return self.align != "none"

    def prepare_faces(self, picture: Picture, smallest: int = 0) -> list[tuple[Face, Prepared]]:
        """Every face of a picture, aligned and brought to size; only where `finds_faces`.

        Raises:
            ImageError: not a picture.
        """
        from lookalike.embedder.face_alignment import align_faces

        found = align_faces(read_picture(picture), max(self.image_size), self.cropped, smallest)
        return [(face, Prepared(self._resized(chip), notes, (face,))) for face, chip, notes in found]

    def _resized(self, rgb: RGBArray) -> npt.NDArray[np.uint8]:
        height, width = self.image_size
        image = Image.fromarray(rgb)
        # The largest centred box of the right shape, read with antialiasing in one resampling step.
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        box = (left, top, left + width * scale, top + height * scale)
        image = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
        if self.channels == 1:
            image = image.convert("L")
        return np.asarray(image).reshape(height, width, self.channels)

    def normalise(self, batch: Tensor) -> Tensor:
        """`(n, c, h, w)` floats in [0, 1] to the network's range."""
        return (batch - self.mean) / self.std
