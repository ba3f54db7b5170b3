"""A training recipe: every choice that decides the trained network, in one TOML table."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import nn

from lookalike.datasets import IdentityBatches, PictureSet, ShuffledBatches
from lookalike.datasets.augmentation import Augmentation
from lookalike.embedder import Preprocessing
from lookalike.errors import DatasetError, InputError
from lookalike.losses import CrossBatchMemory
from lookalike.training.loss_choice import LOSSES, LossChoice, LossName

__all__ = ["LossName", "Recipe"]


class Recipe(BaseModel):
    """What to train and how; a recipe, a data set and a seed decide the result.

    Example:
        >>> Recipe(loss="triplet", epochs=10).learning_rate_at(step=0, steps=100) > 0
        True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "mobilefacenet"
    backbone_options: dict[str, Any] = Field(default_factory=dict)
    pretrained: bool = Field(False, description="start from timm's weights (timm networks only)")
    embedding_size: int = Field(128, ge=2, le=8192)
    preprocessing: Preprocessing = Preprocessing()
    augmentation: Augmentation = Augmentation()

    loss: LossName = "arcface"
    margin: float | None = Field(None, description="of the losses that have one, in their units; None: the loss's own")
    scale: float = Field(24.0, gt=0, description="of the losses with angular margins")
    mining: Literal["all", "easy", "semihard", "hard"] = Field("semihard", description="triplet only")
    loss_options: dict[str, Any] = Field(default_factory=dict, description="whatever else the loss takes")
    loss_rate: float | None = Field(None, gt=0, description="factor on the learning rate of the loss's own weights")
    memory: int = Field(0, ge=0, description="embeddings in the cross-batch memory; losses over pairs only")
    memory_warm_up: int = Field(0, ge=0, description="steps before the memory is used")

    epochs: int = Field(40, ge=1)
    batch_size: int = Field(60, ge=2, description="pictures in a batch")
    chunk_size: int | None = Field(None, ge=1, description="pictures embedded at a time: gradient caching")
    pictures_per_identity: int = Field(5, ge=2, description="K of the P×K batches; losses over pairs only")
    optimizer: Literal["sgd", "adamw"] = Field("sgd", description="sgd has Nesterov momentum")
    learning_rate: float = Field(0.1, gt=0, description="its peak")
    warmup: float = Field(0.15, ge=0, lt=1, description="share of the steps in which the rate rises to its peak")
    momentum: float = Field(0.9, ge=0, lt=1, description="sgd only")
    weight_decay: float = Field(5e-4, ge=0, description="on weights of two or more dimensions")
    clip_gradient: float = Field(5.0, gt=0, description="largest norm of the whole gradient")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _fill_in(self) -> Recipe:
        choice = self.choice
        if self.margin is not None and choice.margin is None:
            raise ValueError(f"margin is given, but {self.loss} has none of that kind; leave it out")
        unknown = sorted(set(self.loss_options) - set(choice.options))
        if unknown:
            raise ValueError(
                f"loss_options holds {unknown[0]!r}; {self.loss} takes {', '.join(choice.options) or 'none'}"
            )
        if self.memory and not choice.pairs:
            pairs = ", ".join(name for name, other in LOSSES.items() if other.pairs)
            raise ValueError(f"{self.loss} compares no pairs, so a memory does nothing; it serves {pairs}")
        if self.memory and self.memory < self.batch_size:
            raise ValueError(f"memory is {self.memory}, less than a batch of {self.batch_size}; make it larger")
        # Written out, so that a saved recipe stays the same when a default changes.
        for name, default in (("margin", choice.margin), ("loss_rate", choice.rate)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        return self

    @property
    def choice(self) -> LossChoice:
        """What the loss needs."""
        return LOSSES[self.loss]

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Recipe:
        """Read a TOML recipe; `changes` take precedence. Raises an `InputError` that names the wrong entry."""
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise InputError(f"the recipe {path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise InputError(f"{path} is not a TOML recipe: {error}") from None
        return cls.of(content | changes, str(path))

    @classmethod
    def of(cls, content: dict[str, Any], origin: str = "the recipe") -> Recipe:
        """Validate a recipe; an `InputError` names the wrong entry."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            if not first["loc"]:  # entries that do not go together; the message says which
                raise InputError(f"{origin}: {first['msg'].removeprefix('Value error, ')}") from None
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{origin}: {where}: {first['msg']} (given: {first['input']!r})") from None

    def for_crops(self) -> Recipe:
        """The same for face crops: where alignment finds no face, the whole picture is taken for one."""
        return self.model_copy(update={"preprocessing": self.preprocessing.model_copy(update={"cropped": True})})

    def build_loss(self, pictures: PictureSet) -> nn.Module:
        """The loss for these pictures, with random class centers where it has any.

        Raises:
            InputError: the loss refuses an option.
        """
        loss = self.choice.build(pictures, self.embedding_size, self.margin, self.scale, self.mining, self.loss_options)
        if self.memory:
            return CrossBatchMemory(loss, self.embedding_size, self.memory, self.memory_warm_up)
        return loss

    def build_batches(self, pictures: PictureSet) -> IdentityBatches | ShuffledBatches:
        """P×K batches for losses over pairs of pictures, shuffled ones for classification."""
        if len(pictures.names) < 2:
            raise DatasetError(
                f"the pictures are of {len(pictures.names)} identity(ies); training needs at least 2 to tell apart"
            )
        if not self.choice.pairs:
            return ShuffledBatches(pictures.labels, self.batch_size, self.seed)
        if len(pictures.single) == len(pictures.names):
            raise DatasetError(
                f"every identity has one picture; {self.loss} loss needs some with at least 2 (use arcface)"
            )
        identities = min(max(2, self.batch_size // self.pictures_per_identity), len(pictures.names))
        return IdentityBatches(pictures.labels, identities, self.pictures_per_identity, self.seed)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Linear rise over the warm-up, then half a cosine down to zero."""
        rise = self.warmup * steps
        if step + 1 <= rise:
            return self.learning_rate * (step + 1) / rise
        done = (step + 1 - rise) / max(1.0, steps - rise)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
