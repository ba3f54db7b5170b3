"""The `model/` folder: `weights.safetensors`, `model.toml`, `calibration.json` and the training log."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookalike.atomic_files import check_replaceable, written_folder
from lookalike.decisions.calibration import Calibration
from lookalike.distances import MetricName
from lookalike.embedder.backbones import create_backbone
from lookalike.embedder.preprocessing import Preprocessing
from lookalike.embedder.seen_pictures import FILE_NAME
from lookalike.embedder.trained_pictures import TrainedPictures
from lookalike.errors import ArtefactError, StorageError

__all__ = ["FORMAT_VERSION", "ModelCard", "fingerprint_of", "read_model", "save_model"]

#: The version of the folder this code writes and reads.
FORMAT_VERSION: Final = 1


class ModelCard(BaseModel):
    """`model.toml`: all that is needed to rebuild the network, and where it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    name: str
    backbone: str
    backbone_options: dict[str, Any] = Field(default_factory=dict)
    embedding_size: int = Field(gt=0)
    metric: MetricName = "cosine"
    preprocessing: Preprocessing
    fingerprint: str = ""
    training: dict[str, Any] = Field(default_factory=dict, description="recipe and data, for people")

    def build(self) -> nn.Module:
        """The network, with random weights."""
        p = self.preprocessing
        return create_backbone(
            self.backbone, self.embedding_size, p.image_size, channels=p.channels, **self.backbone_options
        )


def fingerprint_of(weights: Path, card: ModelCard) -> str:
    """16 hexadecimal digits of everything that decides a vector: weights, network, metric, preprocessing."""
    digest = hashlib.sha256()
    with weights.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    decisive = card.model_dump(mode="json", exclude={"name", "fingerprint", "training"})
    digest.update(json.dumps(decisive, sort_keys=True).encode())
    return digest.hexdigest()[:16]


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
    toml, weights, calibration = (folder / n for n in ("model.toml", "weights.safetensors", "calibration.json"))
    for path in (toml, weights):
        if not path.is_file():
            raise ArtefactError(
                f"{folder} is not a model: it lacks {path.name}; give a folder written by `lookalike train`"
            )
    try:
        content = tomllib.loads(toml.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{toml} cannot be read: {error}; train again or restore a copy") from None
    if content.get("format_version") != FORMAT_VERSION:
        raise ArtefactError(
            f"{toml} has format version {content.get('format_version')!r}; "
            f"this Lookalike reads {FORMAT_VERSION}: update it"
        )
    try:
        card = ModelCard.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ArtefactError(f"{toml} is damaged at {where}: {first['msg']}; restore a copy") from None
    if fingerprint_of(weights, card) != card.fingerprint:
        raise ArtefactError(
            f"{weights} does not fit {toml.name} (fingerprint {card.fingerprint}); restore a whole copy"
        )
    network = card.build()
    try:
        tensors: dict[str, Tensor] = load_file(weights)
        network.load_state_dict(tensors)
    except (SafetensorError, RuntimeError) as error:
        raise ArtefactError(f"{weights} does not hold the weights of {card.backbone}: {error}") from None
    measured = Calibration.load(calibration) if calibration.exists() else None
    if measured is not None and measured.fingerprint != card.fingerprint:
        raise ArtefactError(
            f"{calibration} was measured for model {measured.fingerprint}, not {card.fingerprint}; measure it again"
        )
    return network.eval(), card, measured
