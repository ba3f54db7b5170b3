"""Acts under an idempotency key: one that is repeated does nothing, and answers as the first one did.

Of enrolments the gallery itself remembers the key, in the transaction that enrolls. Of all other acts this file does,
before the act and after it. Of what was asked a short digest is kept, which tells another request, and no name; of the
answer, numbers. After a day both go.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from lookalike.atomic_files import make_folders
from lookalike.errors import InputError, LookalikeError, StorageError
from lookalike.service.problems import Refused

__all__ = ["AnsweredRequests"]

T = TypeVar("T")

#: Seconds that a key is kept.
_KEPT = 24 * 3600.0
_TABLE = """CREATE TABLE IF NOT EXISTS answered (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, at REAL NOT NULL, digest INTEGER, answer TEXT)"""


class AnsweredRequests:
    """The keys of a service's acts, in a file that its processes share. Every method is safe to call from threads.

    Args:
        file: where they are; made with the first.
        patience: seconds that an act may take; later, one that has not answered was cut off.
    """

    def __init__(self, file: Path, patience: float) -> None:
        self._file, self._patience = file, patience

    def once(
        self,
        key: str | None,
        kind: str,
        asked: Mapping[str, Any],
        act: Callable[[], T],
        told: Callable[[T], Mapping[str, Any]],
        again: Callable[[dict[str, Any]], T],
    ) -> T:
        """Act, unless this was done under the key.

        Args:
            key: of the caller; None acts in any case.
            kind: of the act; its answers have one form.
            asked: what is asked for, ready for JSON.
            act: does it.
            told: what is kept of its answer, ready for JSON, without a name.
            again: makes the answer of what was kept.

        Raises:
            InputError: something else was asked under the key.
            Refused: the first request under it has not ended, or was cut off.
            StorageError: the disk is full or failing; nothing was done.
        """
        if key is None:
            return act()
        digest = int.from_bytes(hashlib.sha256(json.dumps([key, asked], sort_keys=True).encode()).digest()[:2])
        known = self._begin(key, kind, digest)
        if known is not None:
            return again(known)
        try:
            done = act()
        except LookalikeError:
            with self._errors(), closing(self._open()) as file:  # nothing was done: it may be asked again
                file.execute("DELETE FROM answered WHERE key = ?", (key,))
            raise
        with self._errors(), closing(self._open()) as file:
            file.execute("UPDATE answered SET answer = ? WHERE key = ?", (json.dumps(told(done)), key))
        return done

    def empty_digests(self) -> None:
        """Keep nothing by which a name could be guessed; after somebody was forgotten."""
        if self._file.exists():
            with self._errors(), closing(self._open()) as file:
                file.execute("UPDATE answered SET digest = NULL")

    def _begin(self, key: str, kind: str, digest: int) -> dict[str, Any] | None:
        """Note that a request begins; what was kept of its answer where it was answered before."""
        now = time.time()
        with self._errors(), closing(self._open()) as file:
            file.execute("DELETE FROM answered WHERE at < ?", (now - _KEPT,))
            taken = file.execute(
                "INSERT INTO answered VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING", (key, kind, now, digest)
            ).rowcount
            if taken:
                return None
            row = file.execute("SELECT at, kind, digest, answer FROM answered WHERE key = ?", (key,)).fetchone()
        begun, of, known, answer = row or (now, kind, digest, None)  # None: refused just now, and taken back
        if of != kind or known not in (None, digest):
            raise InputError("something else was asked under this key before; give another key")
        if answer is None and now - begun < self._patience:
            raise Refused(
                409, "in_progress", "the first request under this key has not ended", headers={"Retry-After": "1"}
            )
        if answer is None:
            raise Refused(
                409,
                "unknown_outcome",
                "the first request under this key was cut off; GET /v1/acts and the audit log tell whether it was done",
            )
        kept: dict[str, Any] = json.loads(answer)
        return kept

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self._file} cannot be written: {error}; free disk space, or delete it") from error

    def _open(self) -> sqlite3.Connection:
        if not self._file.exists():
            make_folders(self._file.parent)
            with suppress(FileExistsError):
                os.close(os.open(self._file, os.O_CREAT | os.O_EXCL, 0o600))
        opened = sqlite3.connect(self._file, timeout=30, isolation_level=None)
        # An act is on the disk before its answer is: so has to be what tells that it began.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            opened.execute(f"PRAGMA {pragma}")
        opened.execute(_TABLE)
        return opened
