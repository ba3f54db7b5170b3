"""Finds the files that a list names, where list and disk write a name differently.

A list made on one system and files unpacked on another may differ in Unicode's form: composed (NFC) on Linux and
Windows, decomposed (NFD) in archives from a Mac. And Windows separates folders by backslashes. What is found in spite
of that is reported. A file that is there under the very name written is always the one that is meant.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from pathlib import Path

from lookalike.counted_nouns import how_many
from lookalike.errors import DatasetError

__all__ = ["ListedFiles"]


class ListedFiles:
    r"""The files of one list; each folder is listed once, and only where a name is not found as it is written.

    Args:
        folder: where relative paths start.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "Jose\u0301.png").touch()
        ...     files = ListedFiles(Path(folder))
        ...     files.sought("Jos\u00e9.png", "here").name == "Jose\u0301.png", len(files.remarks)
        (True, 1)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[Path, dict[str, list[str]]] = {}
        self._respelled: dict[str, Path] = {}
        self._backslashes: dict[str, Path] = {}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was found under another spelling than the list's, in at most two lines."""
        kinds = (
            (
                self._respelled,
                "path",
                "of the list with another Unicode form (NFC or NFD) on the disk: found all the same",
            ),
            (self._backslashes, "path", "of the list with backslashes between folders: found all the same"),
        )
        return tuple(
            f"{how_many(len(found), noun)} {what}, such as {next(iter(found.values()))}"
            for found, noun, what in kinds
            if found
        )

    def found(self, written: str, where: str) -> Path:
        """The file that a path means.

        Args:
            written: as the list has it, absolute or relative to the folder.
            where: the list and the line, for messages.

        Raises:
            DatasetError: there is none, or several whose names differ in Unicode's form alone.
        """
        path = self._find(written, where)
        if path is not None:
            return path
        hint = f"paths are relative to {self._folder}"
        if "\\" in written and os.sep != "\\":
            hint = f"{hint}, with / between folders, not with backslashes as on Windows"
        raise DatasetError(f"{where}: {self._folder / written.strip()} does not exist; {hint}")

    def sought(self, written: str, where: str) -> Path:
        """As `found`, but the path as it is written where there is no such file."""
        return self._find(written, where) or self._folder / written.strip()

    def _find(self, written: str, where: str) -> Path | None:
        try:
            for text in dict.fromkeys((written, written.strip())):
                if (path := self._folder / text).is_file():
                    return path
            path = self._folder / written.strip()
            if respelled := self._on_disk(path, where):
                self._respelled[written] = respelled
                return respelled
            if "\\" not in written or os.sep == "\\" or re.match(r"[A-Za-z]:|\\", written.strip()):
                return None
            path = self._folder / written.strip().replace("\\", "/")
            slashed = path if path.is_file() else self._on_disk(path, where)
        except OSError as error:
            raise DatasetError(f"{where}: {error.filename or written!r} cannot be read: {error.strerror}") from None
        if slashed is not None:
            self._backslashes[written] = slashed
        return slashed

    def _on_disk(self, path: Path, where: str) -> Path | None:
        """The file whose name is the same text in another Unicode form."""
        if str(path).isascii():
            return None  # ASCII has one form
        found = self._entry(path, where)
        return found if found is not None and found.is_file() else None

    def _entry(self, path: Path, where: str) -> Path | None:
        if os.path.lexists(path):
            return path
        if path.parent == path:
            return None
        parent = self._entry(path.parent, where)
        if parent is None or not parent.is_dir():
            return None
        if parent not in self._names:
            listed: dict[str, list[str]] = defaultdict(list)
            for entry in parent.iterdir():
                listed[unicodedata.normalize("NFC", entry.name)].append(entry.name)
            self._names[parent] = dict(listed)
        same = self._names[parent].get(unicodedata.normalize("NFC", path.name), [])
        if len(same) > 1:
            raise DatasetError(
                f"{where}: {path} is not there, and {len(same)} names in {parent} differ from it in Unicode's form "
                "alone; rename one of them"
            )
        return parent / same[0] if same else None
