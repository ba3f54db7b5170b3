"""What of a bulk build is done: `build.json` and the finished shards, in a work folder that one process locks."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from lookalike.atomic_files import unfinished_name, write_atomically
from lookalike.errors import ArtefactError, InputError, StorageError

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.bulk.source import BulkSource
    from lookalike.index.lists.inverted_lists import EncodedPart
    from lookalike.index.spec import IndexSpec

__all__ = ["BulkJournal"]

_NAME, _LOCK = "build.json", "lock"
#: Counts up when the files of unfinished work change, so that an older one is not taken for ours.
_VERSION = 1
_PROBED = 64


class BulkJournal:
    """The journal of one build; make it with `opened`."""

    def __init__(self, folder: Path, state: dict[str, Any]) -> None:
        self.folder = folder
        self.summary: dict[str, Any] = {}
        self._state = state
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def opened(
        cls,
        folder: Path,
        spec: IndexSpec,
        source: BulkSource,
        ids: npt.NDArray[np.int64] | None,
        covariance: Covariance | None,
        shard: int,
    ) -> Iterator[BulkJournal]:
        """Begin a journal in `folder`, or continue the one that is there; the folder is locked meanwhile.

        Raises:
            InputError: the folder holds the work of another build, or something else.
            ArtefactError: its journal is damaged.
            StorageError: another process has locked the folder, or the disk fails.
        """
        asked = {
            "version": _VERSION,
            "settings": {"shard": shard, **spec.model_dump(exclude={"search"}), **_given(ids, covariance)},
            "source": _identity(source),
        }
        path = folder / _NAME
        try:
            if folder.is_dir() and not path.is_file() and any(not _is_own(entry) for entry in folder.iterdir()):
                raise InputError(f"{folder} holds files but no {_NAME}; give an empty folder or another one as work")
            folder.mkdir(parents=True, exist_ok=True)
            # The system releases the lock when this process ends, however it ends.
            with FileLock(folder / _LOCK, blocking=False):
                journal = cls(folder, cls._matching(path, asked))
                journal.tidy()
                yield journal
        except Timeout as error:
            raise StorageError(
                f"{folder} is being built by another process; wait for it, or give another work folder"
            ) from error
        except OSError as error:
            if isinstance(error, StorageError | InputError):
                raise
            raise StorageError(f"{folder}: the work folder cannot be used ({error.strerror or error})") from error

    @staticmethod
    def _matching(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
        if not path.is_file():
            state = {**asked, "trained": "", "allocated": False, "partial": "", "shards": {}, "seconds": {}}
            write_atomically(path, json.dumps(state, indent=1).encode())
            return state
        try:
            state = json.loads(path.read_bytes())
            before = {key: state[key] for key in asked}
            _ = state["trained"], state["allocated"], state["partial"], dict(state["shards"]), dict(state["seconds"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{path} is damaged ({error}); delete the folder to build anew") from error
        if before["version"] != asked["version"]:
            raise InputError(f"{path} is of another version of Lookalike; delete the folder to build anew")
        if before["source"] != asked["source"]:
            raise InputError(
                f"{path.parent} holds a build over another source ({before['source']['count']} × "
                f"{before['source']['dimension']}, now {asked['source']['count']} × {asked['source']['dimension']}); "
                f"give the same vectors, or delete the folder to build anew"
            )
        changed = [name for name in asked["settings"] if before["settings"].get(name) != asked["settings"][name]]
        if changed:
            told = ", ".join(f"{n}: {before['settings'].get(n)} before, now {asked['settings'][n]}" for n in changed)
            raise InputError(
                f"{path.parent} holds a build with other settings ({told}); give the same, or delete the folder"
            )
        return dict(state)

    # --- what is done ---------------------------------------------------------------------------------------

    @property
    def trained(self) -> bool:
        """Whether training is over."""
        return bool(self._state["trained"])

    @property
    def allocated(self) -> bool:
        """Whether the store file has its full length."""
        return bool(self._state["allocated"])

    @property
    def seconds(self) -> dict[str, float]:
        """By phase, over all calls."""
        return {phase: round(seconds, 1) for phase, seconds in self._state["seconds"].items()}

    def trained_bytes(self, path: Path) -> bytes:
        """The trained index; an `ArtefactError` where it is not what was written."""
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self._state["trained"]:
            raise ArtefactError(f"{path} is damaged; delete {self.folder} to build anew")
        return content

    def missing_shards(self, count: int) -> list[int]:
        """Which of `count` shards are not there, or not what was written."""
        return [number for number in range(count) if not self._is_good(number)]

    def _is_good(self, number: int) -> bool:
        digests = self._state["shards"].get(str(number))
        if digests is None:
            return False
        paths = self._paths(number)
        return all(path.is_file() and _digest(path) == digest for path, digest in zip(paths, digests, strict=True))

    def finished_in(self, output: Path) -> bool:
        """Whether this very build was swapped in already, and only the tidying up is left."""
        path = output / _NAME
        if not path.is_file():
            return False
        try:
            written = json.loads(path.read_bytes())
        except ValueError:
            return False
        self.summary = written.get("summary", {})
        return bool(written.get("shards") == self._state["shards"] and written.get("trained") == self._state["trained"])

    # --- what gets done -------------------------------------------------------------------------------------

    def note_trained(self, content: bytes) -> None:
        """Training is over."""
        self._note(trained=hashlib.sha256(content).hexdigest())

    def note_allocated(self) -> None:
        """The store file has its full length."""
        self._note(allocated=True)

    def note_shard(self, number: int, ends: bytes, rows: bytes, seconds: float) -> None:
        """Shard `number` is written; `ends` and `rows` are the digests of its files."""
        with self._lock:
            self._state["shards"][str(number)] = [ends.hex(), rows.hex()]
            self._spend("encode", seconds)
        self._note()

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the seconds of a block to its phase."""
        started = monotonic()
        yield
        self._spend(phase, monotonic() - started)

    def _spend(self, phase: str, seconds: float) -> None:
        self._state["seconds"][phase] = self._state["seconds"].get(phase, 0.0) + seconds

    def _note(self, **changes: Any) -> None:
        with self._lock:
            self._state.update(changes)
            write_atomically(self.folder / _NAME, json.dumps(self._state, indent=1).encode())

    def note_partial(self, folder: Path) -> None:
        """The index is being written into `folder`, which is in the way where this process dies meanwhile."""
        self._note(partial=str(folder))

    def tidy(self) -> None:
        """Remove what a process that died in the middle of writing left behind."""
        for entry in self.folder.iterdir():
            if unfinished_name(entry.name) is not None:
                entry.unlink()
        if self._state["partial"]:
            shutil.rmtree(self._state["partial"], ignore_errors=True)

    def write_shard(self, number: int, part: EncodedPart) -> tuple[bytes, bytes]:
        """Write a shard's files, whole or not at all; returns their digests for `note_shard`."""
        rows = np.empty(len(part.order), _row_type(part.codes.shape[1]))
        rows["order"], rows["code"] = part.order, part.codes
        digests = []
        for path, array in zip(self._paths(number), (part.ends, rows), strict=True):
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            write_atomically(path, content.getvalue())
            digests.append(hashlib.sha256(content.getbuffer()).digest())
        return digests[0], digests[1]

    def read_shard(self, number: int, start: int) -> EncodedPart:
        """Map a shard whose first vector is at position `start`."""
        from lookalike.index.lists.inverted_lists import EncodedPart

        ends, rows = (np.load(path, mmap_mode="r", allow_pickle=False) for path in self._paths(number))
        return EncodedPart(start, np.array(ends), rows["order"], rows["code"])

    def write_summary(self, path: Path, summary: dict[str, Any]) -> None:
        """Write the finished build's own record, by which `finished_in` knows it."""
        self.summary = summary
        path.write_text(json.dumps({**self._state, "summary": summary}, indent=1), encoding="utf-8")

    def delete(self) -> None:
        """The build is over: delete the work folder, the journal last."""
        for entry in sorted(self.folder.iterdir(), key=lambda entry: entry.name == _NAME):
            entry.unlink()
        self.folder.rmdir()

    def _paths(self, number: int) -> tuple[Path, Path]:
        return self.folder / f"ends-{number:05d}.npy", self.folder / f"codes-{number:05d}.npy"


def _is_own(entry: Path) -> bool:
    return entry.name == _LOCK or unfinished_name(entry.name) is not None


def _row_type(code_size: int) -> np.dtype[Any]:
    return np.dtype([("order", "<u4"), ("code", "u1", (code_size,))])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _given(ids: npt.NDArray[np.int64] | None, covariance: Covariance | None) -> dict[str, str]:
    arrays = {"ids": ids, "covariance": None if covariance is None else covariance.matrix}
    return {
        name: "" if array is None else hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
        for name, array in arrays.items()
    }


def _identity(source: BulkSource) -> dict[str, Any]:
    """By which a source is known again: its size, and some of its rows, the first and last among them."""
    positions = np.unique(np.linspace(0, source.count - 1, _PROBED).astype(np.int64))
    rows = np.ascontiguousarray(source.rows(positions), np.float32)
    return {"count": source.count, "dimension": source.dimension, "sha256": hashlib.sha256(rows.data).hexdigest()}
