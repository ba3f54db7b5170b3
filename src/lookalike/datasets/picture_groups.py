"""Groups of people, or of pictures, that a CSV names: for error rates group by group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lookalike.counted_nouns import how_many
from lookalike.csv_rows import csv_rows
from lookalike.datasets.listed_files import ListedFiles
from lookalike.datasets.picture_set import PictureSet
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name

__all__ = ["read_groups"]


def read_groups(path: Path, pictures: PictureSet) -> tuple[str, ...]:
    """The group of every picture, from a UTF-8 CSV with the columns `identity,group` or `path,group`.

    Args:
        path: of the CSV; relative picture paths start at its folder. Rows about others are passed over.
        pictures: that need a group each.

    Returns:
        `(n,)` groups, in the order of `pictures`.

    Raises:
        DatasetError: not UTF-8, another header, an empty field, an identity in two groups, or a picture of none.
    """
    files = ListedFiles(path.parent)
    groups: dict[str | Path, str] = {}
    key = ""

    def choose(columns: Sequence[str]) -> tuple[str, str]:
        nonlocal key
        key = next((name for name in ("identity", "path") if name in columns), "")
        if not key or "group" not in columns:
            raise DatasetError(f"{path} has the columns {columns}; expected a header with identity,group (or path)")
        return key, "group"

    for where, (name, spelling) in csv_rows(path, choose, with_blanks=("path",)):
        who = canonical_name(name) if key == "identity" else files.sought(name, where).resolve()
        group = canonical_name(spelling)
        if groups.setdefault(who, group) != group:
            raise DatasetError(f"{where}: {name} is in {group!r} here and in {groups[who]!r} above; choose one")
    wanted = pictures.identities if key == "identity" else [file.resolve() for file in pictures.paths]
    missing = sorted({str(who) for who in wanted if who not in groups})
    if missing:
        asked = how_many(len(set(wanted)), key, "identities" if key == "identity" else None)
        raise DatasetError(
            f"{path} gives no group to {len(missing)} of {asked}, such as {missing[0]!r}; add a row for each"
        )
    return tuple(groups[who] for who in wanted)
