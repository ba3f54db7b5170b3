"""One step of training: embed the pictures, compute the loss, change the weights."""

from __future__ import annotations

from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lookalike.datasets import PictureSet
from lookalike.embedder.backbones import TrunkAndHead, check_sizes, create_backbone
from lookalike.losses.directions import unit_vectors
from lookalike.training.gradient_cache import embed_in_chunks
from lookalike.training.input_pipeline import TrainingBatch, seed_of_step
from lookalike.training.recipe import Recipe

__all__ = ["TrainingSteps"]


class _Trainee(nn.Module):
    """Backbone and loss as one module, so that Fabric (and later DDP) wraps one forward pass."""

    #: Of the last batch, as the loss got them, for the collapse monitor.
    embeddings: Tensor

    def __init__(self, backbone: nn.Module, loss: nn.Module, unit_length: bool, chunk_size: int | None) -> None:
        super().__init__()
        self.backbone, self.loss, self.unit_length, self.chunk_size = backbone, loss, unit_length, chunk_size

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        whole = self.chunk_size is None or self.chunk_size >= len(x)
        embeddings = self.backbone(x) if whole else embed_in_chunks(self.backbone, x, self.chunk_size or 1)
        if self.unit_length:
            embeddings = unit_vectors(embeddings.float())
        self.embeddings = embeddings.detach()
        value: Tensor = self.loss(embeddings, labels)
        return value


class TrainingSteps:
    """Network, loss and optimizer on the device; one call of `step` is one step.

    Args:
        recipe: every choice.
        pictures: those trained on; they decide how many classes the loss has.

    Attributes:
        backbone: the network.
        module: network and loss together, as checkpoints keep them.
        optimizer: with its state.
        seen: embeddings and labels of the last batch.

    Raises:
        InputError: the network cannot be built, or takes no pictures of one of the recipe's sizes.
    """

    seen: tuple[Tensor, Tensor]

    def __init__(self, recipe: Recipe, pictures: PictureSet) -> None:
        self.recipe = recipe
        p = recipe.preprocessing
        self.backbone = create_backbone(
            recipe.backbone,
            recipe.embedding_size,
            p.image_size,
            channels=p.channels,
            pretrained=recipe.pretrained,
            **recipe.backbone_options,
        )
        others = {*(p.size_at(scale) for scale in p.scales), *recipe.image_sizes} - {p.image_size}
        check_sizes(self.backbone, recipe.backbone, p.channels, sorted(others))
        # Channels last is what CPU and GPU convolutions are fastest in.
        self.backbone = self.backbone.to(memory_format=torch.channels_last)
        loss = recipe.build_loss(pictures)
        self.module = _Trainee(self.backbone, loss, recipe.choice.unit_length, recipe.chunk_size)
        parts: list[tuple[nn.Module, float]] = [(self.backbone, 1.0)]
        if isinstance(self.backbone, TrunkAndHead) and recipe.trunk_rate != 1:
            parts = [(self.backbone.trunk, recipe.trunk_rate), (self.backbone.head, 1.0)]
            # Without gradients nothing is kept of the trunk's activations, nor computed for them.
            self.backbone.trunk.requires_grad_(recipe.trunk_rate > 0)
        groups: list[dict[str, Any]] = [
            {"params": [q for q in part.parameters() if q.requires_grad and (q.ndim > 1) == weights], "factor": factor}
            | {"weight_decay": recipe.weight_decay if weights else 0.0}
            for part, factor in (*parts, (loss, recipe.loss_rate or 1.0))
            for weights in (True, False)
        ]
        groups = [group for group in groups if group["params"]]
        self.optimizer: torch.optim.Optimizer
        if recipe.optimizer == "adamw":
            self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
        else:
            self.optimizer = torch.optim.SGD(
                groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0
            )
        self.fabric = Fabric(accelerator="auto", devices=1)
        self._wrapped, self._wrapped_optimizer = self.fabric.setup(self.module, self.optimizer)
        self._wrapped.train()
        if isinstance(self.backbone, TrunkAndHead):
            if recipe.trunk_rate == 0:
                self.backbone.trunk.eval()
            elif recipe.trunk_statistics == "fixed":
                for module in self.backbone.trunk.modules():
                    if isinstance(module, _BatchNorm):
                        module.eval()

    def step(self, batch: TrainingBatch, steps: int) -> Tensor:
        """Take one step; where there is a device, its work is queued and not waited for.

        Args:
            batch: its number decides the learning rate and what dropout drops.
            steps: of the whole training.

        Returns:
            The loss before the step: a detached scalar on the device.
        """
        torch.manual_seed(seed_of_step(self.recipe, batch.step))
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * self.recipe.learning_rate_at(batch.step, steps)
        x, labels = self.fabric.to_device((batch.x, batch.labels))
        loss = self._wrapped(x, labels)
        self.seen = self.module.embeddings, labels
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.fabric.clip_gradients(
            self._wrapped, self._wrapped_optimizer, max_norm=self.recipe.clip_gradient, error_if_nonfinite=False
        )
        self._wrapped_optimizer.step()
        detached: Tensor = loss.detach()
        return detached
