"""What a model folder says of its model: `model.toml`, its thresholds and its fingerprint. The network is not built.

This needs no torch: a gallery of another model, a threshold that was never measured and a damaged folder are found in a
moment.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lookalike.decisions.calibration import Calibration
from lookalike.distances import MetricName
from lookalike.embedder.preprocessing import Preprocessing
from lookalike.errors import ArtefactError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FORMAT_VERSION", "ModelCard", "fingerprint_of", "read_card"]

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
        from lookalike.embedder.backbones import create_backbone  # torch, which whoever reads a card need not have

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


def read_card(folder: Path) -> tuple[ModelCard, Calibration | None]:
    """Read what a model folder says of its model, and its calibration if it has one; the weights' digest is checked.

    Raises:
        ArtefactError: a file is missing, damaged, of another version, or does not belong to the others.

    Example:
        >>> read_card(Path("model"))[0].fingerprint    # doctest: +SKIP
        '4e77b4257c62df61'
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
    measured = Calibration.load(calibration) if calibration.exists() else None
    if measured is not None and measured.fingerprint != card.fingerprint:
        raise ArtefactError(
            f"{calibration} was measured for model {measured.fingerprint}, not {card.fingerprint}; measure it again"
        )
    return card, measured
