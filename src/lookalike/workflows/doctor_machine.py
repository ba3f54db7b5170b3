"""What `lookalike doctor` looks at of the machine: versions, memory, clock, disks."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from lookalike.index.quantities import size_text
from lookalike.workflows.doctor_findings import Finding

__all__ = ["check_clock", "check_disk", "check_memory", "check_versions", "memory_available"]

#: What is named in the answer: what an answer depends on.
_NAMED = ("numpy", "torch", "faiss-cpu", "pillow", "dlib-bin", "onnxruntime", "fastapi")
#: File systems over a network, on which locks and memory that several processes share do not do what SQLite needs
#: (https://sqlite.org/wal.html, "All processes using a database must be on the same host computer").
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs")
#: File systems that end with the machine, or with the container.
_PASSING = {"tmpfs": "memory, which a restart empties", "ramfs": "memory, which a restart empties",
            "overlay": "the layer of a container, which ends with it"}  # fmt: skip
_LITTLE_MEMORY = 2**30
_FULL_DISK, _LITTLE_DISK = 100 * 2**20, 2**30
_SLOW_SYNC, _NO_SYNC = 0.05, 0.000_01
#: `ntp_adjtime` answers so where nothing keeps the clock right (adjtimex(2), TIME_ERROR).
_UNSYNCHRONISED = 5


def check_versions() -> list[Finding]:
    """Whether the installed packages are those that this version asks for; of extras, those that are installed."""
    wrong = sorted(set(_wrong_packages()))
    have = [f"Lookalike {version('lookalike')}", f"Python {platform.python_version()}"]
    for name in _NAMED:
        with suppress(PackageNotFoundError):
            have.append(f"{name} {version(name)}")
    if not wrong:
        return [Finding("versions", "ok", ", ".join(have))]
    return [Finding("versions", "fault", "; ".join(wrong), "install again: pip install --upgrade lookalike")]


def _wrong_packages() -> Iterator[str]:
    for text in requires("lookalike") or ():
        wanted = Requirement(text)
        of_extra = wanted.marker is not None and "extra" in str(wanted.marker)
        extra = str(wanted.marker).rpartition("extra == ")[2].strip("\"' )") if of_extra else ""
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        try:
            installed = version(wanted.name)
        except PackageNotFoundError:
            if not of_extra:
                yield f"{wanted.name} is not installed, {wanted.specifier} is needed"
            continue
        if not wanted.specifier.contains(installed, prereleases=True):
            yield f"{wanted.name} is {installed}, {wanted.specifier} is needed"


# --- memory -------------------------------------------------------------------------------------------------


def memory_available() -> int | None:
    """Bytes that a process could still have, also by the limit of a container; None where the system does not say."""
    found = []
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with suppress(OSError, ValueError):
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii").strip()
        found.append(int(limit) - int(used))  # "max" is no number: no limit
    return min(found) if found else None


def check_memory() -> list[Finding]:
    """How much is left."""
    left = memory_available()
    if left is None:
        return []
    said = f"{size_text(left)} left"
    if left < _LITTLE_MEMORY:
        return [Finding("memory", "warning", said, "end other programs, or give the machine or the container more")]
    return [Finding("memory", "ok", said)]


# --- clock --------------------------------------------------------------------------------------------------


def check_clock(now: datetime, last: datetime | None) -> list[Finding]:
    """Whether the clock is kept right, and has not gone back since the gallery was last written to.

    Args:
        now: this machine's time, with its zone.
        last: of the newest entry of the gallery's audit log; None where there is none.
    """
    said = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if last is not None and last > now + timedelta(minutes=1):
        return [
            Finding(
                "clock",
                "fault",
                f"{said}, and the gallery was written to at {last:%Y-%m-%d %H:%M:%S}: the clock has gone back",
                "set it right (timedatectl); retention by date, and the order of the audit log, depend on it",
            )
        ]
    state = _kept_right()
    if state is False:
        return [Finding("clock", "warning", f"{said}, and nothing keeps it right", "run chrony or systemd-timesyncd")]
    return [Finding("clock", "ok", f"{said}, kept right by the network" if state else said)]


def _kept_right() -> bool | None:
    """Whether the kernel knows of a time source; None where it does not say."""
    try:
        ask = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):  # not Linux
        return None
    state = ask(ctypes.create_string_buffer(512))  # a struct timex of zeros: nothing is set
    return None if state < 0 else state != _UNSYNCHRONISED


# --- disks --------------------------------------------------------------------------------------------------


def check_disk(check: str, folder: Path, holds: int = 0) -> list[Finding]:
    """Whether a folder's disk has room, can be written to, writes durably and fast, and is of this machine.

    Args:
        check: how the finding is called.
        folder: it need not be there yet.
        holds: bytes that lie in it: half as much again may be needed while indexes are built.
    """
    at = folder.absolute()
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free
    said = f"{size_text(free)} free at {at}"
    if free < _FULL_DISK:
        return [Finding(check, "fault", f"only {said}", "free some: nobody can be enrolled on a full disk")]
    kind = _file_system(at)
    if kind in _REMOTE:
        return [
            Finding(
                check,
                "fault",
                f"{at} lies on a network ({kind}), where SQLite's locks are not reliable",
                "put the folder on a disk of this machine, or use Milvus for several hosts (docs/milvus.md)",
            )
        ]
    try:
        seconds = _sync_seconds(at)
    except OSError as error:
        advice = "searches work, enrolling does not; let this user write to it"
        return [Finding(check, "warning", f"{at} cannot be written to: {error.strerror}", advice)]
    said += f", written durably in {1000 * seconds:.2g} ms"
    if free < max(_LITTLE_DISK, holds // 2):
        return [Finding(check, "warning", said, f"keep {size_text(max(_LITTLE_DISK, holds // 2))} free")]
    if seconds > _SLOW_SYNC:
        return [Finding(check, "warning", said, "every single enrolment takes longer; enroll many at once")]
    if kind in _PASSING:
        return [Finding(check, "warning", f"{at} is {_PASSING[kind]}", "put the folder on a disk or a volume")]
    if seconds < _NO_SYNC:
        return [Finding(check, "warning", said, "so fast is no disk: what is enrolled may be lost with the power")]
    return [Finding(check, "ok", said)]


def _sync_seconds(folder: Path) -> float:
    """The median time of an `fsync` of one page."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(9):
            file.write(os.urandom(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _file_system(path: Path) -> str:
    """The kind of file system that a path lies on, as Linux calls it; empty where it does not say."""
    found = ""
    with suppress(OSError):
        deepest = -1
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            before, _, after = line.partition(" - ")
            place = before.split()[4].encode().decode("unicode_escape")
            if path.resolve().is_relative_to(place) and len(place) >= deepest:
                deepest, found = len(place), after.split()[0]
    return found
