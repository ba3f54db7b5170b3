"""Random changes to training pictures, drawn from a seeded generator. Never used when serving."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Augmentation"]


class Augmentation(BaseModel):
    """How far a training picture may be changed; every number is the largest change, drawn evenly from both sides.

    Called with a `(n, c, h, w)` float batch in [0, 1] and a CPU generator, it returns a new batch of that shape.
    The same generator state gives the same batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip: bool = Field(True, description="mirror every second picture left to right")
    rotation: float = Field(8.0, ge=0, le=180, description="degrees")
    zoom: float = Field(0.10, ge=0, lt=1, description="share of the size")
    shift: float = Field(0.06, ge=0, lt=1, description="share of the width and height")
    brightness: float = Field(0.15, ge=0, le=1, description="share of the full range")
    contrast: float = Field(0.25, ge=0, lt=1, description="share of the picture's contrast")
    erase: float = Field(0.25, ge=0, le=1, description="chance that a rectangle is replaced by the mean grey")

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Augment a batch; see the class."""
        import torch  # here: a recipe is read and checked without it
        from torch.nn import functional

        n, _, height, width = batch.shape

        def draw(*shape: int) -> Tensor:
            return torch.rand(n, *shape, generator=generator, dtype=torch.float32) * 2 - 1

        angle = draw() * math.radians(self.rotation)
        zoom = 1 + draw() * self.zoom
        mirror = torch.where(draw() < 0, -1.0, 1.0) if self.flip else torch.ones(n)
        # grid_sample's square [-1, 1]² is stretched over the picture: undo the aspect for a true rotation.
        aspect = height / width
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        shift = draw(2) * 2 * self.shift
        theta = torch.stack(
            [
                torch.stack([cos * mirror, -sin * aspect, shift[:, 0]], dim=1),
                torch.stack([sin / aspect * mirror, cos, shift[:, 1]], dim=1),
            ],
            dim=1,
        )
        grid = functional.affine_grid(theta, list(batch.shape), align_corners=False)
        batch = functional.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)

        mean = batch.mean(dim=(1, 2, 3), keepdim=True)
        gain = (1 + draw() * self.contrast)[:, None, None, None]
        batch = ((batch - mean) * gain + mean + (draw() * self.brightness)[:, None, None, None]).clamp(0, 1)

        chosen = (draw() + 1) / 2 < self.erase
        center, extent = draw(2), 0.25 + 0.15 * draw(2)
        rows = (torch.linspace(-1, 1, height)[None] - center[:, :1]).abs() < extent[:, :1]
        columns = (torch.linspace(-1, 1, width)[None] - center[:, 1:]).abs() < extent[:, 1:]
        hidden = chosen[:, None, None] & rows[:, :, None] & columns[:, None, :]
        return torch.where(hidden[:, None], mean, batch)
