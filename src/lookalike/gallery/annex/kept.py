"""What a gallery keeps beside its templates, in words: of each identity, of all together, and what is to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Annex", "AnnexUpdate", "Kept", "KeptOnDisk", "MakeAnnexUpdate", "TextBlock"]


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of one identity. Arrays read from the disk are memory-mapped: only what is used is read.

    Attributes:
        entry: what is known of it, ready for JSON.
        rows: arrays by name, each with a row for every picture; the same names, types and widths for all identities.
        sources: where each row's picture came from.
    """

    entry: Any
    rows: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    sources: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Annex:
    """What is kept beside the templates, as it is after one change of the gallery.

    Rows are overwritten on the disk as soon as their identity is forgotten, here too: copy them, or read them inside
    `KeepsAnnex.unchanged`.

    Attributes:
        entries: what is known of each identity, in order of their names.
        kept: all that is kept of each, read when it is asked for.
        common: arrays by name that belong to no identity.
        document: what concerns no single identity, ready for JSON.
        covers: the gallery's change whose templates it was made for.
    """

    entries: Mapping[str, Any]
    kept: Mapping[str, Kept]
    common: Mapping[str, npt.NDArray[Any]]
    document: Mapping[str, Any]
    covers: int


@dataclass(frozen=True, eq=False)
class AnnexUpdate:
    """What is to be written. Identities that are not named stay as they are, and nothing is written of equal ones.

    Attributes:
        kept: by identity, each enrolled.
        common: arrays by name, with rows; others that are kept stay.
        document: instead of the one that is kept; None keeps that one.
    """

    kept: Mapping[str, Kept] = field(default_factory=dict)
    common: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None


#: Makes an update once the templates' ids are known, by identity.
MakeAnnexUpdate = Callable[[Mapping[str, list[int]]], AnnexUpdate]


class KeptOnDisk(Mapping[str, Kept]):
    """Reads what is kept of an identity when it is asked for.

    Args:
        names: of the identities, with where each is found.
        read: gives what is kept of a name.
    """

    def __init__(self, names: Mapping[str, Any], read: Callable[[str], Kept]) -> None:
        self._names, self._read = names, read

    def __getitem__(self, name: str) -> Kept:
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class TextBlock(Sequence[str]):
    """Texts in one block of bytes, decoded when asked for.

    Args:
        block: `(bytes,)` uint8, UTF-8.
        ends: `(n,)` int64, where each text ends.
    """

    def __init__(self, block: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> None:
        self._block, self._ends = block, ends

    @classmethod
    def of(cls, texts: Sequence[str]) -> tuple[bytes, npt.NDArray[np.int64]]:
        """The block of some texts and its ends; what UTF-8 cannot encode is escaped."""
        encoded = [text.encode("utf-8", "backslashreplace") for text in texts]
        return b"".join(encoded), np.cumsum([len(text) for text in encoded], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        start = int(self._ends[place - 1]) if place else 0
        return self._block[start : int(self._ends[place])].tobytes().decode("utf-8", "replace")
