"""A training recipe: every choice that decides the trained network, in one TOML table."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lookalike.datasets import IdentityBatches, PictureSet, ShuffledBatches
from lookalike.datasets.augmentation import Augmentation
from lookalike.datasets.identity_batches import BalancedBatches, Batches
from lookalike.embedder import Preprocessing
from lookalike.embedder.named_backbones import OWN_BACKBONES, PRETRAINED_ALIASES
from lookalike.errors import DatasetError, InputError
from lookalike.training.curriculum import StagedBatches
from lookalike.training.loss_choice import LossName, build_loss
from lookalike.training.named_losses import LOSSES, NamedLoss
from lookalike.training.recipe_file import read_recipe_file
from lookalike.training.trainable_pictures import check_trainable

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LossName", "Recipe"]


class Recipe(BaseModel):
    """What to train and how; a recipe, a data set and a seed decide the result.

    Example:
        >>> Recipe(loss="triplet", epochs=10).learning_rate_at(step=0, steps=100) > 0
        True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str = "mobilefacenet"
    backbone_options: dict[str, Any] = Field(default_factory=dict)
    pretrained: bool = Field(False, description="start from weights learned from ImageNet (timm networks only)")
    trunk_rate: float = Field(1.0, ge=0, description="factor on the timm network's learning rate; 0 freezes it")
    trunk_statistics: Literal["moving", "fixed"] = Field(
        "moving", description="fixed: its batch norms keep the mean and variance that they were pretrained with"
    )
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
    class_power: float | None = Field(
        None, ge=0, le=1, description="a class of n pictures is shown ∝ n^power: 0 balances; losses over classes only"
    )
    curriculum: tuple[tuple[str, ...], ...] = Field(
        (), description="groups of identities that join one after another; whoever is in none is there from the start"
    )
    curriculum_share: float = Field(0.5, gt=0, lt=1, description="share of the epochs after which all have joined")
    progressive_sizes: tuple[tuple[float, int], ...] = Field(
        (), description="(share of the epochs, height of the pictures in pixels) one after another; empty: full size"
    )
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
        if self.pretrained:
            object.__setattr__(self, "backbone", PRETRAINED_ALIASES.get(self.backbone, self.backbone))
        if self.backbone in OWN_BACKBONES and (self.trunk_rate != 1 or self.trunk_statistics == "fixed"):
            raise ValueError(f"trunk_rate and trunk_statistics are for timm networks; {self.backbone} has no trunk")
        if self.class_power is not None and choice.pairs:
            raise ValueError(f"class_power is given, but {self.loss} draws as many pictures of every identity")
        self._check_schedules()
        if self.margin is not None and choice.margin is None:
            raise ValueError(f"margin is given, but {self.loss} has none of that kind; leave it out")
        if self.loss_options and (unknown := sorted(set(self.loss_options) - set(choice.options))):
            raise ValueError(
                f"loss_options holds {unknown[0]!r}; {self.loss} takes {', '.join(choice.options) or 'none'}"
            )
        if self.memory and not choice.pairs:
            pairs = ", ".join(name for name, other in sorted(LOSSES.items()) if other.pairs)
            raise ValueError(f"{self.loss} compares no pairs, so a memory does nothing; it serves {pairs}")
        if self.memory and self.memory < self.batch_size:
            raise ValueError(f"memory is {self.memory}, less than a batch of {self.batch_size}; make it larger")
        # Written out, so that a saved recipe stays the same when a default changes.
        for name, default in (("margin", choice.margin), ("loss_rate", choice.rate)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        return self

    def _check_schedules(self) -> None:
        seen: set[str] = set()
        for number, group in enumerate(self.curriculum, 1):
            twice = sorted(name for name, count in Counter(group).items() if name in seen or count > 1)
            if twice:
                raise ValueError(f"curriculum names {twice[0]!r} twice; an identity joins once")
            if not group:
                raise ValueError(f"group {number} of the curriculum is empty; leave it out")
            seen.update(group)
        if self.progressive_sizes:
            shares, sizes = zip(*self.progressive_sizes, strict=True)
            if not all(share > 0 for share in shares) or not math.isclose(math.fsum(shares), 1, abs_tol=1e-6):
                raise ValueError(f"the shares of progressive_sizes are {list(shares)}; expected some that sum to 1")
            height = self.preprocessing.image_size[0]
            if not all(8 <= size <= height for size in sizes):
                raise ValueError(
                    f"progressive_sizes are {list(sizes)} pixels high; expected 8 to {height}, the height of image_size"
                )

    @property
    def choice(self) -> NamedLoss:
        """What the loss needs."""
        return LOSSES[self.loss]

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Recipe:
        """Read a TOML recipe; `changes` take precedence. Raises an `InputError` that names the wrong entry."""
        return cls.of(read_recipe_file(path) | changes, str(path))

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
        loss = build_loss(
            self.loss,
            pictures,
            self.embedding_size,
            margin=self.margin,
            scale=self.scale,
            mining=self.mining,
            options=self.loss_options,
        )
        if self.memory:
            from lookalike.losses import CrossBatchMemory

            return CrossBatchMemory(loss, self.embedding_size, self.memory, self.memory_warm_up)
        return loss

    def check_pictures(self, pictures: PictureSet) -> None:
        """Refuse pictures that this recipe cannot learn from. This needs no torch.

        Raises:
            DatasetError: they are of one identity, or the loss compares pairs and nobody has two pictures.
        """
        check_trainable(pictures)
        if self.choice.pairs and len(pictures.single) == len(pictures.names):
            raise DatasetError(
                f"every identity has one picture; {self.loss} loss needs some with at least 2 (use arcface)"
            )

    def build_batches(self, pictures: PictureSet) -> Batches:
        """P×K batches for losses over pairs of pictures; shuffled or balanced ones for classification.

        With a curriculum, of those that have joined by the epoch.
        """
        self.check_pictures(pictures)
        if self.curriculum:
            return StagedBatches(pictures, self.curriculum, self.epochs, self.curriculum_share, self._batches)
        return self._batches(pictures.labels)

    def _batches(self, labels: npt.NDArray[np.int64]) -> Batches:
        if self.choice.pairs:
            identities = min(max(2, self.batch_size // self.pictures_per_identity), len(np.unique(labels)))
            return IdentityBatches(labels, identities, self.pictures_per_identity, self.seed)
        if self.class_power is not None:
            return BalancedBatches(labels, self.batch_size, self.class_power, self.seed)
        return ShuffledBatches(labels, self.batch_size, self.seed)

    @property
    def image_sizes(self) -> tuple[tuple[int, int], ...]:
        """`(height, width)` of the pictures that training shows, one after another."""
        height, width = self.preprocessing.image_size
        if not self.progressive_sizes:
            return ((height, width),)
        return tuple((size, max(1, round(size * width / height))) for _, size in self.progressive_sizes)

    def image_size_in(self, epoch: int) -> tuple[int, int]:
        """`(height, width)` of the pictures in an epoch (from 0)."""
        passed, sizes = 0.0, self.image_sizes
        for (share, _), size in zip(self.progressive_sizes, sizes, strict=False):
            passed += share
            if epoch < passed * self.epochs - 1e-6:
                return size
        return sizes[-1]

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Linear rise over the warm-up, then half a cosine down to zero."""
        rise = self.warmup * steps
        if step + 1 <= rise:
            return self.learning_rate * (step + 1) / rise
        done = (step + 1 - rise) / max(1.0, steps - rise)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
