"""What a process that was killed left half-done in a gallery, finished when it is next opened."""

from __future__ import annotations

import logging

from lookalike.errors import StorageError
from lookalike.gallery.annex import AnnexFolder
from lookalike.gallery.database import Database
from lookalike.gallery.kind import migrate
from lookalike.gallery.segments import SegmentFolder

__all__ = ["recover"]

_log = logging.getLogger(__name__)


def recover(database: Database, segments: SegmentFolder, annexes: AnnexFolder) -> None:
    """Migrate a gallery of an earlier version, and overwrite who was forgotten where that is not done yet.

    A process killed between the commit of a `forget` and its scrubbing left old bytes in the log, in a version of the
    annex, or in a segment. On a full or read-only disk they stay, and reading goes on.
    """
    if database.read_only:
        return
    _tidy(database, annexes)
    migrate(database)
    try:
        with database.read("read"):
            change = database.latest_change()
        if database.scrub(wait=False):
            segments.recover(change)
    except StorageError as error:
        _log.warning("what was forgotten from %s was not overwritten everywhere: %s", database.folder, error)


def _tidy(database: Database, annexes: AnnexFolder) -> None:
    if not annexes.stale():
        return
    try:
        with database.write("tidied", wait=False):
            annexes.sweep()
    except StorageError as error:  # somebody is just writing a version, or the disk is read-only
        _log.info("older versions of what %s keeps of landmarks stay: %s", database.folder, error)
