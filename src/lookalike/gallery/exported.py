"""A gallery of people as a plain folder: texts and arrays that any program reads.

```
card.json              format version, model, counts, and of every file its SHA-256
people.jsonl           a line for each identity, by name: name, created_at, tags
templates-00000.jsonl  a line for each template: identity, source, enrolled_at, quality
vectors-00000.npy      (n, d) float32; row i belongs to line i of the templates file of that number
```

The card is written last: a folder without one is of an export that was not finished, and is completed by exporting
again. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.atomic_files import make_folders, write_atomically, written_file
from lookalike.errors import ArtefactError, StorageError
from lookalike.gallery.records import Identity, Model, Template
from lookalike.progress import ProgressSink, counted

if TYPE_CHECKING:
    from lookalike.gallery.contents import Contents

__all__ = ["CARD", "FORMAT_VERSION", "ExportedGallery", "export_contents"]

FORMAT_VERSION = 1
CARD, _PEOPLE = "card.json", "people.jsonl"
#: What was finished of an export that goes on: for each part its files' digests.
_JOURNAL = "unfinished.json"
_KIND = "lookalike gallery of people"


def export_contents(source: Contents, folder: Path, state: str, progress: ProgressSink | None = None) -> None:
    """Write a gallery into a folder; parts that an earlier call finished are not written again.

    Args:
        source: what is exported.
        folder: new, empty, or of an export that was interrupted.
        state: tells this state of the gallery from others; an export of another state begins anew.
        progress: told how far it is.

    Raises:
        StorageError: the folder holds something else, or the disk is full or failing.
    """
    try:
        done = _begun(folder, state)
        files: dict[str, str] = {}
        identities = _write_people(source, folder, files)
        advance, templates = counted(progress, "Exporting templates", source.templates), 0
        for number, page in enumerate(source.template_pages()):
            names = _part_names(number)
            if any(name not in done or _digest(folder / name) != done[name] for name in names):
                _write_part(folder, names, page)
                done |= {name: _digest(folder / name) for name in names}
                write_atomically(folder / _JOURNAL, _json({"state": state, "files": done}))
            files |= {name: done[name] for name in names}
            templates += len(page)
            advance(len(page))
        card = {
            "format": _KIND, "format_version": FORMAT_VERSION, "model": asdict(source.model),
            "identities": identities, "templates": templates, "files": files,
        }  # fmt: skip
        write_atomically(folder / CARD, _json(card))
        (folder / _JOURNAL).unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{folder} could not be written: {error.strerror or error}; export again") from error


def _begun(folder: Path, state: str) -> dict[str, str]:
    """Digests of the files that an interrupted export of this state finished."""
    make_folders(folder)
    if (folder / CARD).exists() or (any(folder.iterdir()) and not (folder / _JOURNAL).is_file()):
        what = "an export already" if (folder / CARD).exists() else "something else"
        raise StorageError(f"{folder} holds {what}, which is not replaced; give another folder")
    try:
        journal = json.loads((folder / _JOURNAL).read_text("utf-8"))
        done = dict(journal["files"]) if journal["state"] == state else {}
    except FileNotFoundError:
        done = {}
    except (ValueError, KeyError, TypeError):
        done = {}
    write_atomically(folder / _JOURNAL, _json({"state": state, "files": done}))
    for path in folder.iterdir():
        if path.name not in done and path.name != _JOURNAL:
            path.unlink()
    return {name: digest for name, digest in done.items() if (folder / name).is_file()}


def _write_people(source: Contents, folder: Path, files: dict[str, str]) -> int:
    count = 0
    with written_file(folder / _PEOPLE) as temporary, temporary.open("xb") as out:
        for page in source.identity_pages():
            for one in page:
                out.write(_line({"name": one.name, "created_at": one.created_at, "tags": dict(one.tags)}))
                count += 1
    files[_PEOPLE] = _digest(folder / _PEOPLE)
    return count


def _write_part(folder: Path, names: tuple[str, str], page: Sequence[Template]) -> None:
    lines = b"".join(
        _line({"identity": one.identity, "source": one.source, "enrolled_at": one.enrolled_at, "quality": one.quality})
        for one in page
    )
    write_atomically(folder / names[0], lines)
    with written_file(folder / names[1]) as temporary, temporary.open("xb") as out:
        np.save(out, np.stack([one.vector for one in page]).astype("<f4"), allow_pickle=False)


def _part_names(number: int) -> tuple[str, str]:
    return f"templates-{number:05d}.jsonl", f"vectors-{number:05d}.npy"


def _line(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ExportedGallery:
    """The contents of such a folder, every file of which was checked.

    Args:
        folder: that `export_contents` wrote.

    Raises:
        ArtefactError: it is no export, not finished, damaged, or of a newer version.

    Example:
        >>> ExportedGallery(Path("people-export")).templates    # doctest: +SKIP
        12
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        card = self._card()
        try:
            self._model, self._files = Model(**card["model"]), dict(card["files"])
            self._identities, self._templates = int(card["identities"]), int(card["templates"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(CARD, f"{error} is missing or wrong") from None
        for name, digest in self._files.items():
            path = folder / name
            if Path(name).name != name or not path.is_file():
                raise self._damaged(name, "it is missing")
            if _digest(path) != digest:
                raise self._damaged(name, "its checksum is another")

    def _card(self) -> dict[str, Any]:
        path = self._folder / CARD
        if not path.is_file():
            unfinished = (self._folder / _JOURNAL).is_file()
            what = "the export was not finished; export again" if unfinished else f"it holds no {CARD}"
            raise ArtefactError(f"{self._folder} is no exported gallery: {what}")
        try:
            card = json.loads(path.read_text("utf-8"))
            kind, version = card["format"], card["format_version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._damaged(CARD, f"it cannot be read ({error})") from None
        if kind != _KIND:
            raise ArtefactError(f"{self._folder} is no exported gallery, but {str(kind)[:60]!r}; give another folder")
        if version != FORMAT_VERSION:
            raise ArtefactError(
                f"{self._folder} has format version {version!r}, this Lookalike reads {FORMAT_VERSION}; upgrade it"
            )
        return dict(card)

    def _damaged(self, name: str, why: str) -> ArtefactError:
        return ArtefactError(f"{self._folder / name} is damaged: {why}; export the gallery again")

    @property
    def model(self) -> Model:
        """Whose vectors these are."""
        return self._model

    @property
    def templates(self) -> int:
        """How many there are."""
        return self._templates

    def identity_pages(self) -> Iterator[Sequence[Identity]]:
        """All identities, by name; they tell no number of templates."""
        for page in self._lines(_PEOPLE):
            try:
                yield [Identity(one["name"], 0, one["created_at"], dict(one["tags"])) for one in page]
            except (KeyError, TypeError, ValueError) as error:
                raise self._damaged(_PEOPLE, f"{error} is missing or wrong") from None

    def template_pages(self) -> Iterator[Sequence[Template]]:
        """All templates, numbered from 1."""
        number = before = 0
        while (names := _part_names(number))[0] in self._files:
            rows = [one for page in self._lines(names[0]) for one in page]
            try:
                vectors = np.load(self._folder / names[1], allow_pickle=False)
                if vectors.shape != (len(rows), self._model.dimension) or vectors.dtype != np.float32:
                    raise ValueError(f"an array {vectors.shape} of {vectors.dtype} beside {len(rows)} lines")
                page = [
                    Template(before + at, one["identity"], vector, one["source"], one["enrolled_at"], one["quality"])
                    for at, (one, vector) in enumerate(zip(rows, vectors, strict=True), 1)
                ]
            except (KeyError, TypeError, ValueError, OSError) as error:
                raise self._damaged(names[1], str(error)) from None
            yield page
            number, before = number + 1, before + len(rows)

    def _lines(self, name: str) -> Iterator[list[Any]]:
        page: list[Any] = []
        try:
            with (self._folder / name).open(encoding="utf-8") as file:
                for line in file:
                    page.append(json.loads(line))
                    if len(page) == 5_000:
                        yield page
                        page = []
        except (OSError, ValueError) as error:
            raise self._damaged(name, f"it cannot be read ({error})") from None
        yield page
