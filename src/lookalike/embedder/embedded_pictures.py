"""Pictures as a recognizer needs them: embedded, with faces and remarks, and errors that name the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.embedder.embedder import Embedder
from lookalike.embedder.face import Face
from lookalike.embedder.preparation import named
from lookalike.errors import ImageError
from lookalike.images import Picture, picture_name

__all__ = ["EmbeddedPictures", "Unusable", "embed_pictures", "located", "report_unusable"]

#: Called with position and error of a picture that cannot be used.
Unusable = Callable[[int, ImageError], None]


@dataclass(frozen=True, eq=False)
class EmbeddedPictures:
    """Pictures, embedded.

    Attributes:
        vectors: `(n, d)` float32 of those that can be used.
        positions: theirs among the pictures that were given.
        remarks: on each picture that was given.
        faces: found in each, the one that is embedded first; none where the model looks for none.
    """

    vectors: npt.NDArray[np.float32]
    positions: list[int]
    remarks: list[list[str]]
    faces: list[tuple[Face, ...]]


def embed_pictures(
    embedder: Embedder,
    pictures: Sequence[Picture],
    offset: int = 0,
    *,
    progress: Callable[[int], None] | None = None,
    unusable: Unusable | None = None,
) -> EmbeddedPictures:
    """Embed pictures, and keep what is known of each.

    Args:
        embedder: turns pictures into vectors.
        pictures: paths, bytes, arrays or Pillow images.
        offset: position of the first picture among all that the user gave, for messages and `unusable`.
        progress: called with the number of pictures embedded since the last call.
        unusable: called with position and error of a picture that cannot be used; it then has no vector.

    Raises:
        ImageError: a picture cannot be used, and `unusable` was not given; the message names it.

    Example:
        >>> embed_pictures(Embedder.load("dlib"), ["ada.jpg"]).faces[0][0].box    # doctest: +SKIP
        FaceBox(left=68, top=83, right=176, bottom=190)
    """
    remarks: list[list[str]] = [[] for _ in pictures]
    faces: list[tuple[Face, ...]] = [()] * len(pictures)
    bad: set[int] = set()

    def refuse(position: int, error: ImageError) -> None:
        report_unusable(pictures[position], offset + position, error, unusable)
        bad.add(position)

    vectors = embedder.embed(
        pictures,
        progress=progress,
        notes=lambda at, note: remarks[at].append(note),
        unusable=refuse,
        faces=faces.__setitem__,
    )
    return EmbeddedPictures(vectors, [at for at in range(len(pictures)) if at not in bad], remarks, faces)


def report_unusable(picture: Picture, position: int, error: ImageError, unusable: Unusable | None) -> None:
    """Tell `unusable` of a picture, with an error that names it; without it, raise that error."""
    with_name = named(error, picture_name(picture, position))
    if unusable is None:
        raise with_name
    unusable(position, with_name)


def located(pictures: Sequence[Picture], remarks: Sequence[Sequence[str]], offset: int = 0) -> list[str]:
    """Remarks that say which picture they are about.

    Example:
        >>> located(["a.jpg", b"..."], [[], ["2 faces were found"]])
        ['picture 2: 2 faces were found']
    """
    pairs = enumerate(zip(pictures, remarks, strict=True), offset)
    return [f"{picture_name(picture, at)}: {remark}" for at, (picture, own) in pairs for remark in own]
