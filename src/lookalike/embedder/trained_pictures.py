"""What a model was trained on, as digests in its folder, so that nobody measures it on the same pictures unawares.

Figures on pictures that a network learned are too good. Eight bytes a picture and eight an identity tell whether one is
among them, and nothing else about it; a picture that was saved anew, cropped or scaled is not found. Whoever knows a
name can ask whether it is among the names: who was trained on is no secret of a model's folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.embedder.digest_files import Digests, read_digests, short_digests
from lookalike.identity_names import canonical_name
from lookalike.images import picture_bytes

__all__ = ["TrainedPictures", "content_digest"]

#: In the model's folder; models of earlier versions have neither.
PICTURES, NAMES = "trained_pictures.npy", "trained_names.npy"


def content_digest(content: bytes) -> bytes:
    """128 bits of BLAKE2b."""
    return hashlib.blake2b(content, digest_size=16).digest()


@dataclass(frozen=True, eq=False)
class TrainedPictures:
    """The pictures and the identities that a model was trained on.

    Attributes:
        pictures: `(n,)` uint64, ascending, `short_digests` of the files' contents.
        names: `(m,)` uint64, ascending, of the identities' canonical names as UTF-8.

    Example:
        >>> trained = TrainedPictures.of([content_digest(b"a picture")], ["Ada"])
        >>> trained.knows_names(["Ada", "Bob"]).tolist()
        [True, False]
    """

    pictures: Digests
    names: Digests

    @classmethod
    def of(cls, digests: Iterable[bytes], identities: Iterable[str]) -> TrainedPictures:
        """From `content_digest` of every file, and whom they show."""
        return cls(np.unique(short_digests(digests)), np.unique(_of_names(sorted(set(identities)))))

    def knows_pictures(self, paths: Sequence[Path]) -> npt.NDArray[np.bool_]:
        """`(n,)` bool: which of these files it was trained on, whatever they are called now.

        Raises:
            ImageError: a file cannot be read.
        """
        return np.isin(short_digests(content_digest(picture_bytes(path)) for path in paths), self.pictures)

    def knows_names(self, identities: Sequence[str]) -> npt.NDArray[np.bool_]:
        """`(n,)` bool: which of these names its identities had; others may bear the same."""
        return np.isin(_of_names(identities), self.names)

    def write(self, folder: Path) -> None:
        """Write both files into a model's folder."""
        np.save(folder / PICTURES, self.pictures, allow_pickle=False)
        np.save(folder / NAMES, self.names, allow_pickle=False)

    @classmethod
    def read(cls, folder: Path) -> TrainedPictures | None:
        """Of a model's folder; None where its training wrote none, as earlier versions did.

        Raises:
            ArtefactError: a file is damaged, or one is there without the other.
        """
        if not (folder / PICTURES).exists() and not (folder / NAMES).exists():
            return None
        return cls(read_digests(folder / PICTURES), read_digests(folder / NAMES))


def _of_names(identities: Iterable[str]) -> Digests:
    return short_digests(content_digest(canonical_name(name).encode("utf-8", "surrogatepass")) for name in identities)
