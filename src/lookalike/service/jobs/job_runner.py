"""Runs the queue of jobs: one at a time, in the one process of the service that has the queue's lock."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from lookalike.atomic_files import make_folders
from lookalike.errors import LookalikeError
from lookalike.gallery.actor import ACTOR_VARIABLE
from lookalike.gallery.file_locks import locked
from lookalike.gallery.moments import now
from lookalike.service.jobs.job_commands import job_command
from lookalike.service.jobs.job_store import Job, JobStore
from lookalike.service.settings import ServiceSettings

__all__ = ["JobRunner"]

_LOGGER = logging.getLogger(__name__)

#: Seconds between looks at the queue, and at whether a job is to end.
_PACE = 0.25
#: Seconds that a job has to end well once it was asked to.
_PATIENCE = 30.0
#: Bytes of what a job prints that are kept as its result.
_LARGEST_RESULT = 2**20


class JobRunner:
    """A thread that runs jobs until it is stopped.

    Args:
        store: the queue.
        settings: of the service.
    """

    def __init__(self, store: JobStore, settings: ServiceSettings) -> None:
        self._store, self._settings = store, settings
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs")

    def start(self) -> None:
        """Begin."""
        make_folders(self._store.folder)
        self._thread.start()

    def stop(self) -> None:
        """Interrupt the job that runs, if any, and end."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_PACE):
            try:
                with locked(self._store.folder / "runner.lock", 0) as ours:
                    if ours:
                        self._run_queue()
            except Exception:  # the queue goes on, whatever one job did
                _LOGGER.exception("the queue of jobs failed")
                self._over.wait(5)

    def _run_queue(self) -> None:
        for job in self._store.unended():
            if job.state == "running":  # whoever ran it has died: the lock is ours
                self._store.change(job, state="interrupted", ended_at=now(), error="the service ended meanwhile")
            elif job.state == "queued" and not self._over.is_set():
                if self._store.is_cancelled(job):
                    self._store.change(job, state="cancelled", ended_at=now())
                else:
                    self._run_one(job)

    def _run_one(self, job: Job) -> None:
        job = self._store.change(job, state="running", started_at=now())
        output = self._store.output(job.id)
        try:
            make_folders(output)
            command = job_command(job.asked, self._settings, output)
        except LookalikeError as error:
            self._store.change(job, state="failed", ended_at=now(), error=str(error))
            return
        environment = {**os.environ, "LOOKALIKE_PROGRESS": "json", ACTOR_VARIABLE: job.caller}
        process = subprocess.Popen(
            [sys.executable, "-m", "lookalike", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the service, which then asks the job to end
        )
        printed, told = bytearray(), list[str]()
        readers = [
            threading.Thread(target=self._keep, args=(process.stdout, printed)),
            threading.Thread(target=self._follow, args=(job, process.stderr, told)),
        ]
        for one in readers:
            one.start()
        ended = self._wait(job, process)
        for one in readers:
            one.join()
        self._end(job, ended, process.returncode, bytes(printed), told)

    def _wait(self, job: Job, process: subprocess.Popen[bytes]) -> str | None:
        """Wait for the end; `cancelled` or `interrupted` where it was asked to end."""
        asked: str | None = None
        until = float("inf")
        while True:
            try:
                process.wait(_PACE)
                return asked
            except subprocess.TimeoutExpired:
                pass
            if asked is None and (self._over.is_set() or self._store.is_cancelled(job)):
                asked = "cancelled" if self._store.is_cancelled(job) else "interrupted"
                process.send_signal(signal.SIGINT)
                until = time.monotonic() + _PATIENCE
            if time.monotonic() > until:
                process.kill()

    def _end(self, job: Job, asked: str | None, code: int, printed: bytes, told: list[str]) -> None:
        if asked is not None:
            why = "the service ended meanwhile" if asked == "interrupted" else ""
            self._store.change(job, state=asked, ended_at=now(), error=why)
        elif code == 0:
            self._store.change(job, state="done", ended_at=now(), result=_result(printed))
        else:
            why = told[-1] if told else f"the process ended with {code}"
            self._store.change(job, state="failed", ended_at=now(), error=why)

    @staticmethod
    def _keep(stream: Any, into: bytearray) -> None:
        while part := stream.read(65_536):
            if len(into) <= _LARGEST_RESULT:
                into += part

    def _follow(self, job: Job, stream: Any, told: list[str]) -> None:
        """Events of the process become events of the job; other lines are kept, the last of which says what failed."""
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip("\n")
            try:
                event = json.loads(text if len(line) < _LONGEST else "")
                self._store.tell(job, **{name: event[name] for name in event if name in _EVENT})
            except (ValueError, TypeError):
                if text.strip():
                    told.append(text)
                    del told[:-20]


#: Bytes of a line that is taken for an event.
_LONGEST = 32 * 1024
_EVENT = ("stage", "done", "total", "detail", "warning")


def _result(printed: bytes) -> Any:
    """What was printed for programs; None where it is no JSON, or very long."""
    if len(printed) > _LARGEST_RESULT:
        return None
    try:
        return json.loads(printed)
    except ValueError:
        return None
