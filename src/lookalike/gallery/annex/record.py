"""What is kept of one identity as bytes: a header, then its arrays and its sources one after the other.

All of it lies together, so that one write stores it, one write overwrites it, and a reader maps it. The entry is not
in it: entries of all identities are read at once, from the database.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError, InputError
from lookalike.gallery.annex.kept import Kept, TextBlock

__all__ = ["ALIGNMENT", "Columns", "packed", "sound", "unpacked"]

#: Records take multiples of this many bytes, so that arrays in a file of them can be mapped as they are.
ALIGNMENT = 64
#: Magic, rows, owner, CRC-32 of all that follows.
_HEADER = struct.Struct("<4sIQI4x")
_MAGIC = b"LKRC"
_PART = 8  # each part of a record begins at a multiple of it


@dataclass(frozen=True)
class Columns:
    """Names, types and widths of the arrays of records.

    Attributes:
        columns: name, dtype and shape of one row, in order of names.
    """

    columns: tuple[tuple[str, str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, rows: Mapping[str, npt.NDArray[Any]]) -> Columns:
        """Those of some arrays."""
        return cls(tuple((name, rows[name].dtype.str, rows[name].shape[1:]) for name in sorted(rows)))

    def dumped(self) -> str:
        """As JSON."""
        return json.dumps(self.columns, ensure_ascii=False)

    @classmethod
    def loaded(cls, text: str) -> Columns:
        """From `dumped`; `ArtefactError` where that is damaged."""
        try:
            columns = tuple((str(name), str(dtype), tuple(map(int, shape))) for name, dtype, shape in json.loads(text))
            if any(np.dtype(dtype).hasobject or min(shape, default=0) < 0 for _, dtype, shape in columns):
                raise ValueError("a column of objects, or of a negative width")
        except (ValueError, TypeError) as error:
            raise ArtefactError(
                f"the layout of what the gallery keeps is damaged ({error}); restore it from a backup"
            ) from None
        return cls(columns)


def packed(owner: int, kept: Kept, columns: Columns) -> bytes:
    """The record of an identity; the same bytes for the same content.

    Args:
        owner: number of the identity, 0 for none.
        kept: its arrays and sources.
        columns: that the arrays must have.

    Raises:
        InputError: other columns, or not one row and one source for each picture.
    """
    count = len(kept.sources)
    if Columns.of(kept.rows) != columns or any(len(array) != count for array in kept.rows.values()):
        given = {name: (array.dtype.str, array.shape) for name, array in kept.rows.items()}
        raise InputError(
            f"{count} sources came with arrays {given}; expected one row for each source and the columns "
            f"{columns.dumped()} that the gallery keeps"
        )
    block, ends = TextBlock.of(kept.sources)
    arrays = [*(kept.rows[name] for name, _, _ in columns.columns), ends]
    parts = [*(np.ascontiguousarray(array).tobytes() for array in arrays), block]
    body = b"".join(part + bytes(-len(part) % _PART) for part in parts)
    body += bytes(-(_HEADER.size + len(body)) % ALIGNMENT)
    return _HEADER.pack(_MAGIC, count, owner, zlib.crc32(body)) + body


def sound(record: npt.NDArray[np.uint8]) -> bool:
    """Whether the bytes of a record are those that were written."""
    return (
        len(record) >= _HEADER.size and zlib.crc32(record[_HEADER.size :].data) == _HEADER.unpack_from(record.data)[3]
    )


def unpacked(record: npt.NDArray[np.uint8], owner: int, columns: Columns, entry: Any) -> Kept:
    """What `packed` was given, as views of the record's bytes.

    Raises:
        ArtefactError: these are not the bytes of a record of this owner.
    """
    if len(record) < _HEADER.size:
        raise ArtefactError("a record is cut short")
    magic, count, held, _ = _HEADER.unpack_from(record.data)
    if magic != _MAGIC:
        raise ArtefactError("a record is overwritten: it was forgotten meanwhile, or the database is an older one")
    rows, at = {}, _HEADER.size
    for name, dtype, shape in columns.columns:
        size = count * math.prod(shape) * np.dtype(dtype).itemsize
        part = record[at : at + size]
        if len(part) < size:
            raise ArtefactError("a record is cut short")
        rows[name] = part.view(dtype).reshape(count, *shape)
        at += size + -size % _PART
    ends = record[at : at + 8 * count].view(np.int64) if len(record) >= at + 8 * count else None
    at += 8 * count
    if held != owner or ends is None or (count and at + int(ends[-1]) > len(record)):
        raise ArtefactError("a record is not that of its owner")
    return Kept(entry, rows, TextBlock(record[at:], ends))
