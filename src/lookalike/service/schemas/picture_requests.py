"""Requests that come with pictures: as multipart form, or as JSON with base64."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from lookalike.service.schemas.base import Asked

__all__ = [
    "DetectRequest",
    "EmbedRequest",
    "EnrollRequest",
    "IdentifyRequest",
    "IdentifyVectorsRequest",
    "PictureRequest",
    "VerifyRequest",
]


def _decoded(value: Any) -> bytes:
    """A picture's bytes: of a form as they are, of JSON from base64."""
    if isinstance(value, bytes):
        content = value
    elif isinstance(value, str):
        try:
            content = base64.b64decode(value.partition(",")[2] if value.startswith("data:") else value, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("the picture is no base64; give the bytes of a picture file, encoded in base64") from None
    else:
        raise ValueError("a picture is text in base64, or a file of a form; paths and addresses are not read")
    if not content:
        raise ValueError("the picture is empty (0 bytes)")
    return content


#: The bytes of a picture file.
PictureBytes = Annotated[
    bytes,
    BeforeValidator(_decoded, json_schema_input_type=str),
    Field(json_schema_extra={"type": "string", "contentEncoding": "base64"}),
]
#: Tags that somebody must have: of every key the value, or one of several values.
Where = Annotated[dict[str, str | list[str]], Field(examples=[{"site": ["Berlin", "Paris"]}])]


class PictureRequest(Asked):
    """A request with one or several pictures.

    Attributes:
        pictures: the bytes of picture files, never paths or addresses.
    """

    pictures: Annotated[list[PictureBytes], Field(min_length=1)]


class DetectRequest(PictureRequest):
    """Which faces do pictures show?

    Attributes:
        smallest_face: leave out faces less than so many pixels wide.
    """

    smallest_face: int = Field(default=0, ge=0, le=10_000)


class EmbedRequest(PictureRequest):
    """The vectors of pictures."""


class VerifyRequest(PictureRequest):
    """Do two pictures show the same identity?"""

    pictures: Annotated[list[PictureBytes], Field(min_length=2, max_length=2)]


class IdentifyRequest(PictureRequest):
    """Who is it, of all in the gallery, or nobody?

    Attributes:
        top: how many candidates are reported.
        all_faces: of people: an answer for every face of every picture.
        smallest_face: with `all_faces`: leave out faces less than so many pixels wide.
        where: of people: only those with these tags are looked for.
    """

    top: int = Field(default=5, ge=1, le=100)
    all_faces: bool = False
    smallest_face: int = Field(default=0, ge=0, le=10_000)
    where: Where | None = None


class EnrollRequest(PictureRequest):
    """Pictures of one person to be enrolled; of landmarks, photos of one place.

    Attributes:
        name: of the person; an existing one gets more templates.
        tags: added to those that the person has.
        keep_pictures: of people: let the gallery keep the pictures, so that another model can embed them one day.
    """

    name: str = Field(min_length=1, max_length=1_000, examples=["Ada Lovelace"])
    tags: dict[str, str] = Field(default_factory=dict, examples=[{"site": "Berlin"}])
    keep_pictures: bool = False


class IdentifyVectorsRequest(Asked):
    """Whose vectors are these, of all in the gallery, or nobody's?

    Attributes:
        vectors: of pictures that were embedded by the service's own model, each with as many numbers as its dimension.
        top: how many candidates are reported.
        where: of people: only those with these tags are looked for.
    """

    vectors: Annotated[list[Annotated[list[float], Field(min_length=1)]], Field(min_length=1, max_length=1_000)]
    top: int = Field(default=5, ge=1, le=100)
    where: Where | None = None
