"""MobileFaceNet: the small face network that trains and runs on a CPU.

Chen, Liu, Gao, Han, "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile
Devices" (2018), table 1. Changed in two ways that leave the published network as a special case: the
global depthwise convolution takes any picture size, and `width` scales the channels.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

__all__ = ["MobileFaceNet", "activation_layer"]


def _conv(inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1, groups: int = 1) -> nn.Sequential:
    padding = 1 if kernel == 3 else 0
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(outputs)
    )


def activation_layer(name: str, channels: int) -> nn.Module:
    """PReLU with a slope per channel, or plain ReLU in place."""
    return nn.PReLU(channels) if name == "prelu" else nn.ReLU(inplace=True)


class _Bottleneck(nn.Module):
    """Inverted residual: expand 1×1, depthwise 3×3, project 1×1 without an activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, activation: str) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            _conv(inputs, hidden, 1),
            activation_layer(activation, hidden),
            _conv(hidden, hidden, 3, stride, groups=hidden),
            activation_layer(activation, hidden),
            _conv(hidden, outputs, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class MobileFaceNet(nn.Module):
    """A `(n, channels, height, width)` batch in, `(n, embedding_size)` embeddings out (not yet unit length).

    Args:
        embedding_size: dimensions of the embedding.
        image_size: `(height, width)`, each a multiple of 16; the paper's is `(112, 112)`.
        channels: 3 for RGB, 1 for grey.
        width: factor on all channel counts; 1.0 is the paper's network (about 1M parameters).
        dropout: share of the last feature map dropped in training.
        activation: `prelu` as in the paper, or `relu`, which trains about 1.6 times faster on a CPU.
    """

    #: (expansion, channels, repeats, stride of the first)
    STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))

    def __init__(
        self,
        embedding_size: int = 128,
        image_size: tuple[int, int] = (112, 112),
        channels: int = 3,
        width: float = 1.0,
        dropout: float = 0.0,
        activation: Literal["prelu", "relu"] = "prelu",
    ) -> None:
        super().__init__()

        def scaled(n: int) -> int:
            return max(8, int(n * width + 4) // 8 * 8)

        current = scaled(64)
        self.stem = nn.Sequential(
            _conv(channels, current, 3, 2),
            activation_layer(activation, current),
            _conv(current, current, 3, groups=current),
            activation_layer(activation, current),
        )
        blocks = []
        for expansion, outputs, repeats, stride in self.STAGES:
            for i in range(repeats):
                blocks.append(_Bottleneck(current, scaled(outputs), stride if i == 0 else 1, expansion, activation))
                current = scaled(outputs)
        self.blocks = nn.Sequential(*blocks)
        last = scaled(512)
        # Four strides of 2, each rounding up.
        map_size = (-(-image_size[0] // 16), -(-image_size[1] // 16))
        self.head = nn.Sequential(
            _conv(current, last, 1),
            activation_layer(activation, last),
            _conv(last, last, map_size, groups=last),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(last, embedding_size, bias=False),
            nn.BatchNorm1d(embedding_size),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch; see the class for shapes."""
        y: Tensor = self.head(self.blocks(self.stem(x)))
        return y
