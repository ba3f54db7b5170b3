"""`training.jsonl`: one line of JSON for each epoch, written while the training runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lookalike.atomic_files import write_atomically
from lookalike.errors import StorageError

__all__ = ["FILE_NAME", "TrainingLog", "log_lines"]

#: In the training folder while the training runs, in the model's folder afterwards.
FILE_NAME = "training.jsonl"


def log_lines(history: Sequence[Mapping[str, Any]]) -> str:
    r"""The text of a log with these entries.

    Example:
        >>> log_lines([{"epoch": 1, "loss": 0.5}])
        '{"epoch": 1, "loss": 0.5}\n'
    """
    return "".join(json.dumps(entry) + "\n" for entry in history)


class TrainingLog:
    """The log of one training, as a file that grows by a whole line at a time.

    Args:
        path: of the file.
        history: entries of the epochs before a resumption. The file is written anew with them: an epoch that was
            logged after the last checkpoint is trained again, and must not stand there twice.

    Raises:
        StorageError: the disk is full, read-only or failing.

    Example:
        >>> log = TrainingLog(Path("model.training/training.jsonl"), [])    # doctest: +SKIP
        >>> log.append({"epoch": 1, "loss": 0.5})    # doctest: +SKIP
    """

    def __init__(self, path: Path, history: Sequence[Mapping[str, Any]]) -> None:
        self._path = path
        write_atomically(path, log_lines(history).encode())

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add one line, by one call of the system: a process that is killed leaves whole lines.

        Raises:
            StorageError: the disk is full, read-only or failing; the lines before are unharmed.
        """
        line = log_lines([entry]).encode()
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                size = os.fstat(handle).st_size
                if os.write(handle, line) < len(line):
                    os.ftruncate(handle, size)
                    raise self._not_written("the disk is full")
            finally:
                os.close(handle)
        except StorageError:
            raise
        except OSError as error:
            raise self._not_written(str(error.strerror)) from None

    def _not_written(self, reason: str) -> StorageError:
        return StorageError(f"{self._path} could not be written: {reason}; what was there before is unharmed")
