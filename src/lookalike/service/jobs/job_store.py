"""Jobs as files: a folder each, with what was asked, how it stands, its events and what it wrote.

Several processes of one service share them. Once a job is queued, only the process that runs it writes its files, which
are replaced as a whole, or only added to.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from lookalike.atomic_files import make_folders, write_atomically
from lookalike.errors import UnknownIdentityError
from lookalike.gallery.moments import now

__all__ = ["ENDED", "Job", "JobStore"]

#: States in which nothing more happens.
ENDED = ("done", "failed", "cancelled", "interrupted")

#: Bytes of an event, at most: longer ones are cut by whoever tells them.
_LONGEST_EVENT = 64 * 1024

#: The moment to microseconds, so that the order of ids is that of the queue.
_ID = re.compile(r"\d{20}-[0-9a-f]{8}")


@dataclass(frozen=True)
class Job:
    """A job as it is kept; see `schemas.jobs.JobAnswer`."""

    id: str
    kind: str
    asked: dict[str, Any]
    state: str
    caller: str
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    error: str = ""
    result: Any = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.state in ENDED


class JobStore:
    """The jobs of a service.

    Args:
        folder: where they are; made with the first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock, self._told = Lock(), dict[str, int]()
        self._over = set[str]()

    def add(self, asked: dict[str, Any], caller: str) -> Job:
        """Put a job at the end of the queue.

        Raises:
            StorageError: the disk is full or failing.
        """
        made = Job(
            id=f"{datetime.now(UTC):%Y%m%d%H%M%S%f}-{secrets.token_hex(4)}",
            kind=asked["kind"],
            asked=asked,
            state="queued",
            caller=caller,
            created_at=now(),
        )
        make_folders(self.folder / made.id)
        self._write(made)
        return made

    def get(self, job_id: str) -> Job:
        """A job.

        Raises:
            UnknownIdentityError: there is none of this id.
        """
        if _ID.fullmatch(job_id):
            try:
                return Job(**json.loads((self.folder / job_id / "job.json").read_text(encoding="utf-8")))
            except FileNotFoundError:
                pass
        raise UnknownIdentityError(f"there is no job {job_id[:100]!r}; GET /v1/jobs lists them")

    def listed(self) -> list[Job]:
        """All jobs, the newest first."""
        if not self.folder.is_dir():
            return []
        names = sorted((path.name for path in self.folder.iterdir()), reverse=True)
        return [self.get(name) for name in names if _ID.fullmatch(name) and (self.folder / name / "job.json").exists()]

    def unended(self) -> list[Job]:
        """Those that have not ended, the oldest first; quick also where there were thousands."""
        if not self.folder.is_dir():
            return []
        names = sorted(path.name for path in self.folder.iterdir() if path.name not in self._over)
        found = [self.get(name) for name in names if _ID.fullmatch(name) and (self.folder / name / "job.json").exists()]
        self._over |= {job.id for job in found if job.ended}
        return [job for job in found if not job.ended]

    def change(self, job: Job, **fields: Any) -> Job:
        """Keep a new state of a job, and tell it as an event where it is one."""
        changed = replace(job, **fields)
        self._write(changed)
        if changed.state != job.state:
            self.tell(changed, state=changed.state)
        return changed

    # --- events -------------------------------------------------------------------------------------------

    def tell(self, job: Job, **event: Any) -> None:
        """Add an event, with its number; for whoever runs the job."""
        path = self._events(job.id)
        with self._lock:
            if job.id not in self._told:
                last = self.last_event(job.id)
                self._told[job.id] = 0 if last is None else last["n"]
            self._told[job.id] += 1
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"n": self._told[job.id], "at": now(), **event}, ensure_ascii=False) + "\n")

    def last_event(self, job_id: str) -> dict[str, Any] | None:
        """The last event of a job; None before the first."""
        try:
            with self._events(job_id).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_EVENT))
                lines = file.read().split(b"\n")[:-1]  # what follows the last end of a line is being written
        except FileNotFoundError:
            return None
        return json.loads(lines[-1]) if lines else None

    def follow(self, job_id: str, after: int = 0) -> Callable[[], list[dict[str, Any]]]:
        """A function that gives the events that came since it was last called; at first those that follow a number."""
        path, place = self._events(job_id), 0

        def new() -> list[dict[str, Any]]:
            nonlocal place
            try:
                with path.open("rb") as file:
                    file.seek(place)
                    whole = file.read().rpartition(b"\n")[0]
            except FileNotFoundError:
                return []
            place += len(whole) + 1 if whole else 0
            found = [json.loads(line) for line in whole.split(b"\n") if line]
            return [event for event in found if event["n"] > after]

        return new

    def _events(self, job_id: str) -> Path:
        return self.folder / job_id / "events.jsonl"

    # --- what is wanted, and what is written -----------------------------------------------------------------

    def cancel(self, job_id: str) -> Job:
        """Ask whoever runs a job to end it; nothing happens to one that has ended."""
        job = self.get(job_id)
        if not job.ended:
            (self.folder / job_id / "cancel").touch()
        return job

    def is_cancelled(self, job: Job) -> bool:
        """Whether it is to end."""
        return (self.folder / job.id / "cancel").exists()

    def output(self, job_id: str) -> Path:
        """Where it writes."""
        return self.folder / job_id / "output"

    def files(self, job_id: str) -> dict[str, int]:
        """What it has written: names below its folder, and bytes."""
        self.get(job_id)
        root = self.output(job_id)
        found = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in found}

    def file(self, job_id: str, name: str) -> Path:
        """The path of a file that it has written.

        Raises:
            UnknownIdentityError: there is none of this name.
        """
        if name not in self.files(job_id):
            raise UnknownIdentityError(
                f"job {job_id} has written no {name[:100]!r}; GET /v1/jobs/ID/files lists what it has"
            )
        return self.output(job_id) / name

    def _write(self, job: Job) -> None:
        write_atomically(self.folder / job.id / "job.json", json.dumps(asdict(job), ensure_ascii=False).encode())
