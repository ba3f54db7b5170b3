"""Checkpoints of a training: tensors in safetensors, the rest in JSON, nothing pickled.

A checkpoint is `state.json` and the tensor file that it names. The tensors are written first, then the JSON is
put in place in one step; whatever moment the process dies or the power fails at, the folder holds one whole checkpoint.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookalike.atomic_files import write_atomically, written_file
from lookalike.errors import ArtefactError, StorageError
from lookalike.training.interrupted_training import FORMAT_VERSION

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(folder: Path, module: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Save weights, optimizer state and `state` (JSON types, with an int `step`).

    Raises:
        StorageError: disk full or read-only; the previous checkpoint is whole.
    """
    tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    scalars: dict[str, Any] = {}
    for position, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{position}.{name}"] = value
            else:
                scalars[f"{position}.{name}"] = value
    name = f"state-{state['step']}.safetensors"
    content = state | {"format_version": FORMAT_VERSION, "tensors": name, "optimizer": scalars}
    try:
        with written_file(folder / name) as temporary:
            save_file({key: tensor.detach().contiguous().cpu() for key, tensor in tensors.items()}, temporary)
        # On the disk before the older tensors go, or a power cut could leave the older JSON without its tensors.
        write_atomically(folder / "state.json", json.dumps(content, indent=1).encode())
        for old in folder.glob("state-*.safetensors"):
            if old.name != name:
                old.unlink()
    except StorageError:
        raise
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"{folder}: no checkpoint could be written: {reason}; the one before is whole") from None


def load_checkpoint(folder: Path, module: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load what `save_checkpoint` saved; an `ArtefactError` where it is damaged or for another network."""
    path = folder / str(state["tensors"])
    try:
        tensors = load_file(path)
        prefix = "module."
        module.load_state_dict({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ArtefactError(f"{path} does not fit this training: {error}; start over with --restart") from None
    entries: dict[int, dict[str, Any]] = {}
    for key, value in (*tensors.items(), *((f"optimizer.{k}", v) for k, v in state["optimizer"].items())):
        if key.startswith("optimizer."):
            _, position, name = key.split(".", 2)
            entries.setdefault(int(position), {})[name] = value
    optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
