"""A class matrix split over ranks, on disk: each rank writes its own file, and any number of ranks reads them.

A checkpoint is `classes.json` and the safetensors files that it names, one a rank. They are written first, under names
that no other checkpoint has; then the JSON is put in place in one step; then the files before are removed. Whatever
moment a process dies at, the folder holds one whole checkpoint. Nothing is pickled.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lookalike.atomic_files import make_folders, sync_folder, unfinished_name, write_atomically, written_file
from lookalike.errors import ArtefactError, LookalikeError, StorageError
from lookalike.losses.sharded_softmax import ShardedSoftmaxLoss

__all__ = ["load_shards", "save_shards"]

FORMAT_VERSION = 1
_MANIFEST = "classes.json"
_SHARD = re.compile(r"classes-\d+-[0-9a-f]+-\d+-of-\d+\.safetensors")
#: Bytes of a file read at once.
_BLOCK = 1 << 24


@dataclass(frozen=True)
class _Manifest:
    """`state` are names of tensors beside the centers; `numbers` the optimizer's others, such as Adam's step."""

    num_classes: int
    embedding_size: int
    dtype: str
    steps: int
    files: list[str]
    optimizer: str | None
    state: list[str]
    numbers: dict[str, Any]


def save_shards(
    folder: str | os.PathLike[str], loss: ShardedSoftmaxLoss, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Save centers, step counter and the optimizer's state of them, in the place of what was in `folder`.

    All ranks call it, between steps, with a folder that all of them see. The optimizer's settings and its state of
    other parameters, such as the backbone's, are not saved.

    Raises:
        StorageError: disk full or read-only on any rank; all raise, and the previous checkpoint is whole.
        InputError: the optimizer does not hold the loss's parameters, or its state is not per element.

    Example:
        >>> save_shards("model.training/classes", loss, optimizer)  # doctest: +SKIP
    """
    folder, ranks, device = Path(folder), loss.ranks, loss.centers.device
    token = ranks.exchange([secrets.randbits(40)], device)[0][0]  # rank 0's; no name is ever used twice
    steps = int(loss.steps)
    names = [f"classes-{steps:09d}-{token:010x}-{rank}-of-{ranks.count}.safetensors" for rank in range(ranks.count)]
    try:
        with ranks.together(device):
            rows, numbers = ({}, {}) if optimizer is None else loss.optimizer_state(optimizer)
            tensors = {"centers": loss.centers} | {f"state.{name}": value for name, value in rows.items()}
            _write(folder / names[ranks.rank], tensors)
        with ranks.together(device):
            if ranks.rank == 0:
                manifest = _Manifest(
                    num_classes=loss.num_classes,
                    embedding_size=loss.embedding_size,
                    dtype=str(loss.centers.dtype).removeprefix("torch."),
                    steps=steps,
                    files=names,
                    optimizer=None if optimizer is None else type(optimizer).__name__,
                    state=sorted(rows),
                    numbers=numbers,
                )
                content = json.dumps({"format_version": FORMAT_VERSION} | asdict(manifest), indent=1)
                write_atomically(folder / _MANIFEST, content.encode())
    except LookalikeError:
        with contextlib.suppress(OSError):
            (folder / names[ranks.rank]).unlink(missing_ok=True)
        raise
    if ranks.rank == 0:
        with contextlib.suppress(OSError):  # the checkpoint is whole; files left over do no harm
            sync_folder(folder)
            for old in folder.iterdir():
                if old.name not in names and _is_disposable(old.name):
                    old.unlink()


def load_shards(
    folder: str | os.PathLike[str], loss: ShardedSoftmaxLoss, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Load what `save_shards` saved, on any number of ranks; each reads its own rows and no others.

    All ranks call it, with a loss of as many classes, and an optimizer where its state is wanted. The loss is
    unchanged when it raises.

    Raises:
        ArtefactError: missing, damaged, of an unknown version, or of another loss or optimizer; all ranks raise.
        InputError: the optimizer does not hold the loss's parameters.

    Example:
        >>> load_shards("model.training/classes", loss, optimizer)  # doctest: +SKIP
    """
    folder, device = Path(folder), loss.centers.device
    with loss.ranks.together(device):
        if optimizer is not None:
            loss.optimizer_state(optimizer)  # refuses one that is not this loss's, before anything is changed
        manifest = _read_manifest(folder / _MANIFEST)
        _check_fit(folder / _MANIFEST, manifest, loss, optimizer)
        names = ["centers"] if optimizer is None else ["centers", *(f"state.{name}" for name in manifest.state)]
        rows = _read_rows(folder, manifest, names, loss)
    loss.set_centers(rows["centers"])
    loss.steps.fill_(manifest.steps)
    if optimizer is not None:
        state = {name: rows[f"state.{name}"].to(device) for name in manifest.state}
        loss.set_optimizer_state(optimizer, state, manifest.numbers)


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    try:
        make_folders(path.parent)
        with written_file(path) as temporary:
            save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, temporary)
    except StorageError:
        raise
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"{path} could not be written: {reason}; the checkpoint before is whole") from None


def _is_disposable(name: str) -> bool:
    """Whether a file may go when it is not of the newest checkpoint: an older shard, or one that was never finished."""
    final = unfinished_name(name)
    return bool(_SHARD.fullmatch(final or name)) or final == _MANIFEST


def _read_manifest(path: Path) -> _Manifest:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ArtefactError(f"{path} does not exist; give the folder that save_shards was given") from None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}; take another checkpoint") from None
    version = content.pop("format_version", None) if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise ArtefactError(
            f"{path} has format version {version!r}, this Lookalike reads {FORMAT_VERSION}; "
            "take another checkpoint, or the Lookalike that wrote it"
        )
    try:
        manifest = _Manifest(**content)
        sound = (
            all(isinstance(n, int) for n in (manifest.num_classes, manifest.embedding_size, manifest.steps))
            and len(manifest.files) > 0
            and all(_SHARD.fullmatch(name) for name in manifest.files)  # no way out of the folder
            and all(isinstance(name, str) for name in manifest.state)
            and isinstance(manifest.numbers, dict)
        )
    except TypeError:
        sound = False
    if not sound:
        raise ArtefactError(f"{path} is damaged: its entries are not those of a checkpoint; take another one")
    return manifest


def _check_fit(
    path: Path, manifest: _Manifest, loss: ShardedSoftmaxLoss, optimizer: torch.optim.Optimizer | None
) -> None:
    dtype = str(loss.centers.dtype).removeprefix("torch.")
    found = f"{manifest.num_classes} classes of {manifest.embedding_size} dimensions in {manifest.dtype}"
    expected = f"{loss.num_classes} classes of {loss.embedding_size} dimensions in {dtype}"
    if found != expected:
        raise ArtefactError(f"{path} holds {found}, this loss has {expected}; construct the loss as the checkpoint is")
    if optimizer is not None and manifest.optimizer != type(optimizer).__name__:
        raise ArtefactError(
            f"{path} holds the state of {manifest.optimizer or 'no optimizer'}, not of {type(optimizer).__name__}; "
            "load it without the optimizer, or with the one it was saved with"
        )


def _read_rows(folder: Path, manifest: _Manifest, names: list[str], loss: ShardedSoftmaxLoss) -> dict[str, Tensor]:
    """This rank's rows of each tensor. Row j of all lies in row j // files of file j % files."""
    shape, files, (rank, world) = loss.centers.shape, len(manifest.files), (loss.ranks.rank, loss.ranks.count)
    rows = {name: torch.empty(shape, dtype=loss.centers.dtype) for name in names}
    # Rows that lie in one file are evenly spaced, both here and there.
    here, there = files // math.gcd(files, world), world // math.gcd(files, world)
    for number, file_name in enumerate(manifest.files):
        path = folder / file_name
        first = next((i for i in range(min(here, len(loss.centers))) if (rank + i * world) % files == number), None)
        if first is None:
            continue
        expected = [len(range(number, manifest.num_classes, files)), manifest.embedding_size]
        try:
            with safe_open(path, "pt") as file:
                for name in names:
                    stored, own = file.get_slice(name), rows[name][first::here]
                    if list(stored.get_shape()) != expected:
                        raise ArtefactError(
                            f"{path} holds {name} of shape {stored.get_shape()}, expected {expected}; "
                            "it is damaged, take another checkpoint"
                        )
                    start = (rank + first * world) // files
                    count = max(1, _BLOCK // (there * own.element_size() * own.shape[1]))
                    for done in range(0, len(own), count):
                        part = own[done : done + count]
                        begin = start + done * there
                        block = stored[begin : begin + (len(part) - 1) * there + 1]
                        if block.dtype != part.dtype:
                            raise ArtefactError(
                                f"{path} holds {name} in {block.dtype}, expected {part.dtype}; "
                                "it is damaged, take another checkpoint"
                            )
                        part.copy_(block[::there])
        except FileNotFoundError:
            raise ArtefactError(
                f"{path} is missing; all ranks must see the folder, with the {files} files that {_MANIFEST} names"
            ) from None
        except (OSError, SafetensorError) as error:
            raise ArtefactError(f"{path} cannot be read: {error}; take another checkpoint") from None
    return rows
