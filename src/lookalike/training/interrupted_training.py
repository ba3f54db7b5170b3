"""An interrupted training in the way of a new one: found without torch, before pictures are read.

Here is the JSON part of a checkpoint; its tensors are read by `checkpoint`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lookalike.atomic_files import unfinished_name
from lookalike.errors import ArtefactError, StorageError

__all__ = ["FORMAT_VERSION", "foreign_entry", "read_state", "refuse_foreign", "state_to_resume", "training_folder_of"]

FORMAT_VERSION = 2
#: Version 1 knew pictures by their paths and listed all losses of the epoch.
_READ = (1, FORMAT_VERSION)
#: Files of a training folder: the checkpoint, which pictures it is about, the prepared pictures, and the log.
_OURS = re.compile(r"state\.json|state-\d+\.safetensors|pictures\.(npy|json)|training\.jsonl")


def training_folder_of(model: Path) -> Path:
    """Where the training of a model-to-be keeps its checkpoint.

    Raises:
        StorageError: the path cannot become a folder of its own, such as `..`.

    Example:
        >>> training_folder_of(Path("models/faces")).as_posix()
        'models/faces.training'
    """
    if model.name in ("", ".."):
        raise StorageError(f"{model} cannot become a model folder; give it a name of its own, such as model")
    return model.with_name(f"{model.name}.training")


def state_to_resume(folder: Path, resume: bool, restart: bool) -> dict[str, Any] | None:
    """The JSON part of the checkpoint to go on from; None to start from the beginning. Nothing is changed.

    Args:
        folder: of the training.
        resume: go on from the checkpoint, if there is one.
        restart: throw it away.

    Raises:
        StorageError: something else lies in the folder, or it cannot be read.
        ArtefactError: there is a checkpoint and it was not said what to do with it, or it is damaged.
    """
    refuse_foreign(folder)
    saved = None if restart else read_state(folder)
    if saved is not None and not resume:
        raise ArtefactError(
            f"{folder} holds an interrupted training (step {saved['step']}); "
            "go on with --resume, or drop it with --restart"
        )
    return saved


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder in which something lies that no training put there.

    Raises:
        StorageError: there is such a file, or the folder cannot be read.
    """
    foreign = foreign_entry(folder)
    if foreign is not None:
        raise StorageError(
            f"{folder} is where checkpoints go, but {foreign} is in it, which is none; choose another model folder"
        )


def foreign_entry(folder: Path) -> str | None:
    """The name of something in `folder` that no training put there, so that the folder is not ours to delete.

    Raises:
        StorageError: it is no folder, or cannot be read.
    """
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{folder} cannot be read: {error.strerror}; choose another model folder") from None
    return next((name for name in names if not _OURS.fullmatch(unfinished_name(name) or name)), None)


def read_state(folder: Path) -> dict[str, Any] | None:
    """The JSON part of a folder's checkpoint, or None where there is none; a damaged one is an `ArtefactError`."""
    path = folder / "state.json"
    if not path.is_file():
        return None
    try:
        state = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}; start over with --restart") from None
    if not isinstance(state, dict) or state.get("format_version") not in _READ:
        raise ArtefactError(f"{path} is not a checkpoint this Lookalike reads; start over with --restart")
    return state
