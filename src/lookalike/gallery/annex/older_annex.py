"""What earlier versions kept beside templates: a folder for each version, `landmarks/CHANGE-TOKEN`, written as a whole.

It is read as it lies there, and becomes records at the next writing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError
from lookalike.gallery.annex.kept import Annex, Kept, KeptOnDisk, TextBlock
from lookalike.gallery.database import Database

__all__ = ["older_folder", "read_older"]

_VERSION = 1


def older_folder(database: Database, folder: Path) -> Path | None:
    """The version that the database names, there or not; None where it names none. Call inside a transaction."""
    if database.one("SELECT 1 FROM sqlite_master WHERE name = 'annex'") is None:
        return None
    row = database.one("SELECT change_id, hex(token) FROM annex JOIN change ON change.id = change_id")
    return None if row is None else folder / f"{row[0]}-{row[1].lower()}"


def read_older(path: Path, fingerprint: str) -> Annex:
    """The annex in such a folder.

    Raises:
        ArtefactError: it is damaged, of another version, or of another model.
    """
    try:
        card = json.loads((path / "annex.json").read_text("utf-8"))
        if card["format_version"] != _VERSION:
            raise ArtefactError(
                f"{path} has format version {card['format_version']!r}, this Lookalike reads {_VERSION}; upgrade it"
            )
        rows = {name: _mapped(path / f"rows-{name}.npy") for name in card["rows"]}
        sources = TextBlock(_mapped(path / "sources.npy"), _mapped(path / "source_ends.npy"))
        common = {name: _mapped(path / f"common-{name}.npy") for name in card["common"]}
        starts, document, covers = card["starts"], card["document"], int(card["covers"])
        entries = {str(name): dict(entry) for name, entry in card["entries"].items()}
        whole = (
            len(starts) == len(entries) + 1
            and starts[0] == 0
            and (np.diff(starts) >= 0).all()
            and all(len(array) == starts[-1] for array in rows.values())
            and len(sources) == starts[-1]
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError) as error:
        raise ArtefactError(f"{path} is damaged ({error}); restore the gallery from a backup or enroll again") from None
    if not whole:
        raise ArtefactError(f"{path} is damaged: its files do not fit each other; restore the gallery or enroll again")
    if card["model"] != fingerprint:
        raise ArtefactError(f"{path} was made with model {card['model']}, the gallery with {fingerprint}; enroll again")
    for name, entry in entries.items():
        # A name that is the identity's is not stored any more: a place that is renamed is shown under its new one.
        facts = entry.get("facts")
        if isinstance(facts, dict) and facts.get("name") == name:
            facts["name"] = None
    places = {name: slice(*starts[at : at + 2]) for at, name in enumerate(entries)}

    def kept(name: str) -> Kept:
        own = places[name]
        return Kept(entries[name], {key: array[own] for key, array in rows.items()}, sources[own])

    return Annex(entries, KeptOnDisk(places, kept), common, document, covers)


def _mapped(path: Path) -> npt.NDArray[Any]:
    # An array without a byte cannot be mapped.
    if path.stat().st_size > 4096:
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))
    array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    return array
