"""What a process that was killed left half-done in a gallery, finished when it is next opened."""

from __future__ import annotations

import logging

from lookalike.errors import StorageError
from lookalike.gallery.annex.store import AnnexStore
from lookalike.gallery.database import Database
from lookalike.gallery.encrypted_opening import finish_forgetting
from lookalike.gallery.kind import migrate
from lookalike.gallery.segments import SegmentFolder

__all__ = ["recover"]

_log = logging.getLogger(__name__)


def recover(database: Database, segments: SegmentFolder, annex: AnnexStore) -> None:
    """Migrate a gallery of an earlier version, and overwrite who was forgotten where that is not done yet.

    A process killed between the commit of a `forget` and its scrubbing left old bytes in the log, in what is kept
    beside templates, or in a segment, or a key that nobody needs. On a full or read-only disk they stay, and reading
    goes on.
    """
    if database.read_only:
        return
    annex.sweep_if_nobody_writes()
    migrate(database)
    try:
        finish_forgetting(database)
        with database.read("read"):
            change, gone = database.latest_change(), annex.gone()
        if database.scrub(wait=False):
            segments.recover(change)
            annex.overwrite(gone)
    except StorageError as error:
        _log.warning("what was forgotten from %s was not overwritten everywhere: %s", database.folder, error)
