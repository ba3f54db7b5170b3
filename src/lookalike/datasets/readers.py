"""Every form that labelled pictures may have: the registry behind `read_pictures`, and so behind `DATA` of every verb.

A new reader is a file with its `Reader`, and one entry here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name

from lookalike.datasets.google_landmarks import GoogleLandmarks
from lookalike.datasets.image_folder import read_csv, read_image_folder
from lookalike.datasets.picture_set import PictureSet
from lookalike.errors import DatasetError
from lookalike.step_log import logged_step

__all__ = ["NAMED", "READERS", "Reader", "read_pictures"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reader:
    """One form that labelled pictures may have on the disk.

    Attributes:
        form: the form in words, for messages: `"a CSV of path,identity"`.
        accepts: whether what lies at a path has this form; it looks at names, and reads no contents.
        read: reads it; raises `DatasetError` where it is damaged.
    """

    form: str
    accepts: Callable[[Path], bool]
    read: Callable[[Path], PictureSet]


#: The first that accepts a path reads it, so the more specific form stands before the more general one.
READERS = (
    Reader("a folder of Google Landmarks v2", GoogleLandmarks.is_one, lambda folder: GoogleLandmarks(folder).train()),
    Reader("a CSV of path,identity", lambda path: path.suffix.lower() == ".csv" and path.is_file(), read_csv),
    Reader("a folder with one subfolder per identity", Path.is_dir, read_image_folder),
)
#: Data sets that have a name in place of a path, and the function that reads each. The modules lie above this one, in
#: `lookalike.samples`: they are imported when their name is asked for.
NAMED = {"bundled:orl": "lookalike.samples.orl_faces:orl_faces"}


def read_pictures(source: str | Path, classes_at: int | None = None) -> PictureSet:
    """Read labelled pictures, in whichever form of `READERS` or under whichever name of `NAMED` they are.

    Args:
        source: a folder with one subfolder per identity, a `.csv` of path,identity, a folder of Google Landmarks v2
            (its train set), or `bundled:orl`.
        classes_at: of a folder per identity, at which depth the identities' folders lie (`read_image_folder`).

    Raises:
        DatasetError: it is missing, is none of these, or holds no labelled pictures; or a depth is given for what is no
            folder per identity.
        MissingDependencyError: a named data set comes with a package that is not installed.

    Example:
        >>> len(read_pictures("bundled:orl"))    # doctest: +SKIP
        400
    """
    with logged_step(_LOGGER, "read the names of the pictures of %s", source):
        return _read(source, classes_at)


def _read(source: str | Path, classes_at: int | None) -> PictureSet:
    path = Path(source)
    if classes_at is not None and (str(source) in NAMED or path.exists()):
        if not path.is_dir() or GoogleLandmarks.is_one(path):
            raise DatasetError(
                f"{source} is no folder of folders, so --classes-at {classes_at} means nothing; leave it out"
            )
        return read_image_folder(path, classes_at)
    if str(source) in NAMED:
        named: PictureSet = resolve_name(NAMED[str(source)])()
        return named
    for reader in READERS:
        if reader.accepts(path):
            return reader.read(path)
    what = "has no form that can be read" if path.exists() else "does not exist"
    forms = ", ".join(reader.form for reader in reversed(READERS))
    raise DatasetError(f"{source} {what}; expected {forms}, or {' or '.join(NAMED)}")
