"""The `model/` folder: `weights.safetensors`, `model.toml`, `calibration.json` and the training log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tomli_w
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookalike.atomic_files import check_replaceable, written_folder
from lookalike.decisions.calibration import Calibration
from lookalike.embedder.model_card import ModelCard, fingerprint_of, read_card
from lookalike.embedder.seen_pictures import FILE_NAME
from lookalike.embedder.trained_pictures import TrainedPictures
from lookalike.errors import ArtefactError, StorageError

__all__ = ["read_model", "save_model"]


def save_model(
    folder: Path,
    network: nn.Module,
    card: ModelCard,
    log: str = "",
    replace: bool = False,
    seen_non_landmarks: npt.NDArray[np.uint64] | None = None,
    *,
    trained_on: TrainedPictures | None = None,
) -> ModelCard:
    """Write a model folder, whole or not at all.

    Args:
        folder: where; must not exist unless `replace`.
        network: its weights are saved.
        card: its fingerprint is filled in.
        log: text of the training log, JSON lines.
        replace: put it in the place of an older model.
        seen_non_landmarks: `seen_pictures.digests` of pictures without a landmark that it was trained on.
        trained_on: digests of all pictures and names that it was trained on.

    Returns:
        The card with its fingerprint.

    Raises:
        StorageError: the folder exists, or the disk is full or read-only; what was there is unharmed.
    """
    check_replaceable(folder, "model.toml", replace)
    with written_folder(folder) as partial:
        weights = partial / "weights.safetensors"
        try:
            # The layout of tensors in memory (channels last) is not part of the model.
            save_file({name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}, weights)
        except SafetensorError as error:
            raise StorageError(f"{folder} could not be written: {error}; what was there before is unharmed") from error
        card = card.model_copy(update={"fingerprint": fingerprint_of(weights, card)})
        (partial / "model.toml").write_text(tomli_w.dumps(card.model_dump(mode="json", exclude_none=True)), "utf-8")
        (partial / "training.jsonl").write_text(log, "utf-8")
        if seen_non_landmarks is not None and len(seen_non_landmarks):
            np.save(partial / FILE_NAME, np.sort(seen_non_landmarks), allow_pickle=False)
        if trained_on is not None:
            trained_on.write(partial)
        # safetensors makes files that only their owner may read; a model is as public as the folder it lies in.
        weights.chmod((partial / "model.toml").stat().st_mode)
    return card


def read_model(folder: Path) -> tuple[nn.Module, ModelCard, Calibration | None]:
    """Read a model folder: the network in evaluation mode, its card, and its calibration if it has one.

    Raises:
        ArtefactError: a file is missing, damaged, of another version, or does not belong to the others.
    """
    card, calibration = read_card(folder)
    weights = folder / "weights.safetensors"
    network = card.build()
    try:
        tensors: dict[str, Tensor] = load_file(weights)
        network.load_state_dict(tensors)
    except (SafetensorError, RuntimeError) as error:
        raise ArtefactError(f"{weights} does not hold the weights of {card.backbone}: {error}") from None
    return network.eval(), card, calibration
