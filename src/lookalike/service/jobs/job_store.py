"""Jobs as files: a folder each, with what was asked, how it stands, its events and what it wrote.

Several processes of one service share them. Once a job is queued, only the process that runs it writes its files, which
are replaced as a whole, or only added to.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lookalike.atomic_files import make_folders, write_atomically
from lookalike.errors import UnknownIdentityError
from lookalike.gallery.moments import now

__all__ = ["ENDED", "Job", "JobStore"]

#: States in which nothing more happens.
ENDED = ("done", "failed", "cancelled", "interrupted")

_ID = re.compile(r"\d{14}-[0-9a-f]{8}")


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

    def add(self, asked: dict[str, Any], caller: str) -> Job:
        """Put a job at the end of the queue.

        Raises:
            StorageError: the disk is full or failing.
        """
        made = Job(
            id=f"{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(4)}",
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

    def change(self, job: Job, **fields: Any) -> Job:
        """Keep a new state of a job, and tell it as an event where it is one."""
        changed = replace(job, **fields)
        self._write(changed)
        if changed.state != job.state:
            self.tell(changed, state=changed.state)
        return changed

    # --- events -------------------------------------------------------------------------------------------

    def tell(self, job: Job, **event: Any) -> None:
        """Add an event."""
        path = self.folder / job.id / "events.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": now(), **event}, ensure_ascii=False) + "\n")

    def events(self, job_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
        """The events that follow a number, each with its own under `n`."""
        path = self.folder / job_id / "events.jsonl"
        if not path.exists():
            return
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if number > after and line.endswith("\n"):
                    yield {"n": number, **json.loads(line)}

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
