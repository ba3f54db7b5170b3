"""The annex of a gallery: what is kept beside its templates about its identities, and is forgotten with them.

A landmark gallery keeps the photos behind its centroids there: many more vectors than templates, never searched, read
a few rows at a time. They lie in arrays outside the database, and still change in one step with it: each version is a
folder ``landmarks/<change>-<token>`` that is complete on the disk before the database commits the change it is named
after, and with it the row that says which version counts. A process killed before the commit leaves a version of a
change that never was, one killed after it leaves a version too many; both are swept away, and nobody reads either.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.atomic_files import written_folder
from lookalike.errors import ArtefactError, StorageError
from lookalike.gallery.database import Database

__all__ = ["ANNEX_VERSION", "Annex", "AnnexFolder", "MakeAnnex"]

#: The version of the folder this code writes and reads.
ANNEX_VERSION = 1
FOLDER = "landmarks"
#: Made when first needed: galleries of people have none.
_TABLE = """CREATE TABLE IF NOT EXISTS annex (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1), change_id INTEGER NOT NULL REFERENCES change)"""
_CARD, _SOURCES, _ENDS = "annex.json", "sources.npy", "source_ends.npy"


@dataclass(frozen=True, eq=False)
class Annex:
    """One version of it. Arrays read from the disk are memory-mapped: only rows that are used are read.

    Attributes:
        entries: what is known of each identity, ready for JSON, in the order of the rows.
        starts: `(identities + 1,)` int64; the rows `starts[i]:starts[i + 1]` belong to identity i.
        rows: arrays by name, each with a row for every picture.
        sources: where each row's picture came from.
        common: arrays by name that belong to no identity.
        document: what concerns no single identity, ready for JSON.
        covers: the gallery's change whose templates it was made for; set when it is written.
    """

    entries: Mapping[str, Any]
    starts: npt.NDArray[np.int64]
    rows: Mapping[str, npt.NDArray[Any]]
    sources: Sequence[str]
    common: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    covers: int = -1

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.entries)}

    def of(self, identity: str) -> slice:
        """The rows of an identity; none where it has no entry."""
        place = self._places.get(identity)
        return slice(0, 0) if place is None else slice(int(self.starts[place]), int(self.starts[place + 1]))

    def without(self, identity: str) -> Annex:
        """The same without an identity: its entry, its rows and its sources."""
        gone = self.of(identity)
        kept = np.r_[0 : gone.start, gone.stop : int(self.starts[-1])]
        sizes = [size for size, name in zip(np.diff(self.starts), self.entries, strict=True) if name != identity]
        return Annex(
            {name: entry for name, entry in self.entries.items() if name != identity},
            np.r_[0, np.cumsum(sizes, dtype=np.int64)],
            {name: array[kept] for name, array in self.rows.items()},
            [*self.sources[: gone.start], *self.sources[gone.stop :]],
            self.common,
            self.document,
            self.covers,
        )


#: Makes an annex once the templates' ids are known, by identity.
MakeAnnex = Callable[[Mapping[str, list[int]]], Annex]


class _Sources(Sequence[str]):
    """Texts in one block of bytes, decoded when asked for."""

    def __init__(self, block: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> None:
        self._block, self._ends = block, ends

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        start = int(self._ends[place - 1]) if place else 0
        return bytes(self._block[start : int(self._ends[place])]).decode("utf-8", "replace")


class AnnexFolder:
    """The versions of one gallery's annex. Write and sweep only under the database's write lock."""

    def __init__(self, database: Database) -> None:
        self._database, self._folder = database, database.folder / FOLDER
        self._held: tuple[Path, Annex] | None = None

    @property
    def there(self) -> bool:
        """Whether the gallery has, or had, one; costs no look into the database."""
        return self._folder.is_dir()

    def newest(self) -> Path | None:
        """The folder that the database names, there or not; None where it names none. Call inside a transaction."""
        if self._database.one("SELECT 1 FROM sqlite_master WHERE name = 'annex'") is None:
            return None
        row = self._database.one("SELECT change_id FROM annex")
        return None if row is None else self._path(row[0])

    def _path(self, change: int) -> Path:
        token = self._database.one("SELECT token FROM change WHERE id = ?", (change,))[0]
        return self._folder / f"{change}-{token.hex()}"

    def current(self, fingerprint: str) -> Annex | None:
        """The version that counts; call inside a transaction.

        Raises:
            ArtefactError: it is damaged, of another version, or of another model.
        """
        path = self.newest()
        if path is None:
            self._held = None
            return None
        held = self._held  # another thread may put another version there
        if held is None or held[0] != path:
            self._held = held = (path, _read(path, fingerprint))
        return held[1]

    def write(self, annex: Annex, change: int, fingerprint: str, covers: int | None = None) -> None:
        """Put a version on the disk, whole or not at all; it counts from the commit of `change` on."""
        self._database.run(_TABLE)
        self._database.run("INSERT OR REPLACE INTO annex VALUES (1, ?)", (change,))
        card = {
            "format_version": ANNEX_VERSION,
            "model": fingerprint,
            "covers": change if covers is None else covers,
            "entries": annex.entries,
            "starts": annex.starts.tolist(),
            "rows": sorted(annex.rows),
            "common": sorted(annex.common),
            "document": annex.document,
        }
        texts = [text.encode("utf-8", "backslashreplace") for text in annex.sources]
        with written_folder(self._path(change)) as partial:
            for name, array in annex.rows.items():
                np.save(partial / f"rows-{name}.npy", array, allow_pickle=False)
            for name, array in annex.common.items():
                np.save(partial / f"common-{name}.npy", array, allow_pickle=False)
            np.save(partial / _SOURCES, np.frombuffer(b"".join(texts), np.uint8), allow_pickle=False)
            np.save(partial / _ENDS, np.cumsum([len(text) for text in texts], dtype=np.int64), allow_pickle=False)
            (partial / _CARD).write_text(json.dumps(card, ensure_ascii=False, allow_nan=False), "utf-8")

    def stale(self) -> list[Path]:
        """Versions that nobody reads any more, and what killed processes left half-written."""
        if not self.there:
            return []
        newest = self.newest()
        return [path for path in self._folder.iterdir() if path != newest]

    def sweep(self) -> None:
        """Delete what is stale.

        Raises:
            StorageError: it could not be deleted.
        """
        for path in self.stale():
            try:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            except OSError as error:
                raise StorageError(
                    f"{path} could not be deleted: {error.strerror or error}; delete it by hand, nothing reads it"
                ) from error


def _read(path: Path, fingerprint: str) -> Annex:
    def loaded(name: str) -> npt.NDArray[Any]:
        # An array without a byte cannot be mapped.
        array: npt.NDArray[Any] = np.load(path / name, allow_pickle=False)
        return array

    def mapped(name: str) -> npt.NDArray[Any]:
        array = np.lib.format.open_memmap(path / name, mode="r") if (path / name).stat().st_size > 4096 else None
        return loaded(name) if array is None else array

    try:
        card = json.loads((path / _CARD).read_text("utf-8"))
        version, model = card["format_version"], card["model"]
        if version != ANNEX_VERSION:
            raise ArtefactError(
                f"{path} has format version {version!r}, this Lookalike reads {ANNEX_VERSION}; upgrade it"
            )
        annex = Annex(
            card["entries"],
            np.array(card["starts"], np.int64),
            {name: mapped(f"rows-{name}.npy") for name in card["rows"]},
            _Sources(mapped(_SOURCES), mapped(_ENDS)),
            {name: mapped(f"common-{name}.npy") for name in card["common"]},
            card["document"],
            int(card["covers"]),
        )
        count = int(annex.starts[-1])
        whole = (
            len(annex.starts) == len(annex.entries) + 1
            and annex.starts[0] == 0
            and (np.diff(annex.starts) >= 0).all()
            and all(len(array) == count for array in (*annex.rows.values(), annex.sources))
        )
    except (OSError, ValueError, LookupError, TypeError, EOFError) as error:
        raise ArtefactError(f"{path} is damaged ({error}); restore the gallery from a backup or enroll again") from None
    if not whole:
        raise ArtefactError(f"{path} is damaged: its files do not fit each other; restore the gallery or enroll again")
    if model != fingerprint:
        raise ArtefactError(f"{path} was made with model {model}, the gallery with {fingerprint}; enroll again")
    return annex
