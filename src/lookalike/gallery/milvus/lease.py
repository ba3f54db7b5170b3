"""Who writes: one at a time for each tenant, by documents that all who want to write can see.

Whoever wants to write inserts a document, then asks (Strong consistency) which others there are. Who sees only its
own has the lease; who sees another takes its own away and tries again. Of two that ask at once, the one that inserted
later sees the other, so never do two have it.

A holder renews its lease at least every `RENEW` seconds while it works, and stops before it asks Milvus for anything
more once it could not for `EXPIRED`. Who waits and sees no renewal for longer than `DEAD`, by its own clock, or that
the holder was a process of this machine that has ended, deletes the lease. No clocks are compared. What this rests on:
a request that was sent takes effect within `DEAD` - `EXPIRED` seconds or never.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import StorageError
from lookalike.gallery.milvus.documents import Document, DocumentKind, Stored
from lookalike.gallery.milvus.server import Interrupted
from lookalike.gallery.milvus.state import State

if TYPE_CHECKING:
    from lookalike.gallery.milvus.documents import Documents

__all__ = ["DEAD", "EXPIRED", "RENEW", "Lease"]

RENEW, EXPIRED, DEAD = 4.0, 12.0, 45.0
#: Pauses between attempts, as multiples of what an attempt takes.
_LEAST_PAUSE, _MOST_PAUSE = 0.2, 2.0


class Lease:
    """The right to write, taken by `taken`, given back by `given_back`.

    Args:
        documents: of the tenant.
        shown: the gallery's address, for messages.
        timeout: seconds to wait for others.
    """

    def __init__(self, documents: Documents, shown: str, timeout: float) -> None:
        self._documents, self._shown, self._timeout = documents, shown, timeout
        self._token, self._keys, self._beat, self._renewed = "", list[str](), 0, 0.0
        #: Those of this object, one of which may still be there after the server went away.
        self._past: set[str] = set()

    def taken(self, wait: bool) -> tuple[State | None, list[Stored]]:
        """Take the lease; answers the state and the writes that somebody began and did not end.

        Raises:
            StorageError: others have it for too long, or at all with `wait=False`.
        """
        until, seen = _now() + self._timeout, dict[str, tuple[Any, float]]()
        while True:
            self._token, self._beat = secrets.token_hex(8), 0
            self._past.add(self._token)
            began = _now()
            self._insert()
            states, leases, writes = self._documents.coordination()
            others = [one for one in leases if one.name != self._token]
            dead = [one for one in others if one.name in self._past or _is_dead(one, seen)]
            if len(dead) == len(others):
                self._documents.delete([key for one in dead for key in one.keys])
                return State.newest(states), writes
            self.given_back()
            if not wait or _now() >= until:
                how = f"for {self._timeout:g} s" if wait else "now"
                raise StorageError(f"{self._shown} could not be written: another program writes to it {how}; try again")
            pause = random.uniform(_LEAST_PAUSE, _MOST_PAUSE)  # so that two do not meet again
            time.sleep(pause * (_now() - began))

    def _insert(self) -> None:
        self._renewed = _now()
        body = {"beat": self._beat, "process": _this_process()}
        self._keys = self._documents.insert([Document(DocumentKind.LEASE, self._token, body)], self._beat)

    def renew(self) -> None:
        """Call between requests: renews the lease where that is due.

        Raises:
            Interrupted: it was not renewed for so long that others may have taken it.
        """
        since = _now() - self._renewed
        if since > EXPIRED:
            raise Interrupted(
                f"{self._shown} could not be written: no answer for {since:.0f} s, and others may write; try again"
            )
        if since > RENEW:
            old = self._keys
            self._beat += 1
            self._insert()
            self._documents.delete(old)

    def given_back(self) -> None:
        """Let others write."""
        keys, self._keys = self._keys, []
        if keys:
            self._documents.delete(keys)
            self._past.discard(self._token)


def _now() -> float:
    """Seconds, those included in which the machine slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _is_dead(lease: Stored, seen: dict[str, tuple[Any, float]]) -> bool:
    process = lease.body["process"]
    if process is not None and process["machine"] == _machine() and not _runs(process):
        return True
    beat, since = seen.setdefault(lease.name, (lease.body["beat"], _now()))
    if beat != lease.body["beat"]:
        seen[lease.name] = (lease.body["beat"], _now())
        return False
    return _now() - since > DEAD


def _this_process() -> dict[str, Any] | None:
    machine = _machine()
    return None if machine is None else {"machine": machine, "id": os.getpid(), "started": _started(os.getpid())}


def _machine() -> str | None:
    """This machine since its start, and its view of processes; None where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()} {socket.gethostname()}"
    except OSError:
        return None


def _started(process: int) -> str:
    """When a process started, by which it is told from a later one with its number; empty where it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _runs(process: dict[str, Any]) -> bool:
    return _started(int(process["id"])) == str(process["started"])
