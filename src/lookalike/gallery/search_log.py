"""Searches in the audit log: noted in memory, written at most a second later, so that no search waits for a writer."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lookalike.errors import LookalikeError
from lookalike.gallery.audit import append, pseudonyms
from lookalike.gallery.moments import utc_moment

if TYPE_CHECKING:
    from lookalike.gallery.database import Database
    from lookalike.gallery.records import Candidate

__all__ = ["SearchLog"]

_log = logging.getLogger(__name__)

#: Seconds from a search to its entry.
DELAY = 1.0
#: Searches that wait to be written, at most: on a disk that is full or read-only they are given up, with a warning.
_MOST = 100_000
#: Searches that one entry tells of.
_SEARCHES = 1000

#: When, how many were asked for, and what was found of each probe.
_Noted = tuple[float, int, "Sequence[Sequence[Candidate]]"]


class SearchLog:
    """Writes searches into a gallery's audit log, in a thread of its own.

    A process that is killed loses those of the last second.

    Args:
        database: of the gallery.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: list[_Noted] = []
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, k: int, found: Sequence[Sequence[Candidate]]) -> None:
        """Tell of a search; takes a microsecond."""
        self._noted.append((time.time(), k, found))
        if self._thread is None and not self._stop.is_set():
            self._thread = threading.Thread(target=self._work, name="searches", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Write what is noted, and stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.write(wait=True)

    def _work(self) -> None:
        while not self._stop.wait(DELAY):
            self.write(wait=False)

    def write(self, wait: bool) -> None:
        """Write what is noted.

        Args:
            wait: for another program that is just writing; else it is tried again later.
        """
        with self._writing:
            noted = self._noted[:]
            if not noted:
                return
            try:
                with self._database.write("audited", wait):
                    for start in range(0, len(noted), _SEARCHES):
                        self._append(noted[start : start + _SEARCHES])
            except LookalikeError as error:
                if wait or len(noted) > _MOST:
                    _log.warning("%d searches are not in the audit log: %s", len(noted), error)
                    del self._noted[: len(noted)]
                return
            del self._noted[: len(noted)]

    def _append(self, noted: Sequence[_Noted]) -> None:
        owners = self._owners({one.template_id for _, _, found in noted for row in found for one in row})
        known = dict.fromkeys(owners.values())
        subjects = dict(zip(known, pseudonyms(self._database, list(known)), strict=True))
        place = {subject: at for at, subject in enumerate(subjects.values())}
        searches: list[dict[str, Any]] = []
        for at, k, found in noted:
            several = [
                [place[subjects[owners[one.template_id]]] for one in row if one.template_id in owners] for row in found
            ]
            moment = utc_moment(datetime.fromtimestamp(at, UTC))
            searches.append({"at": moment, "k": k, "found": several})
        append(self._database, "search", list(subjects.values()), {"searches": searches})

    def _owners(self, templates: set[int]) -> dict[int, int]:
        """Numbers of identities by template; of those that were not forgotten meanwhile."""
        rows = self._database.run(
            "SELECT id, identity_id FROM template WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(templates)),),
        )
        return dict(rows.fetchall())
