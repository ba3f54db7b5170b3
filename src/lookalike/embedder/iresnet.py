"""iResNet: the residual network of the face-recognition literature, in 18 and 50 layers.

Deng, Guo, Xue, Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition" (CVPR 2019),
section 3.1 and the authors' `iresnet.py`: batch norm first, PReLU, no pooling, and the embedding layer
"BN, dropout, fully connected, BN" on the flattened last map.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn

from lookalike.embedder.mobilefacenet import activation_layer

__all__ = ["IResNet"]


class _Block(nn.Module):
    """BN, conv 3×3, BN, activation, conv 3×3 (stride), BN; identity or 1×1 shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int, activation: str) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            activation_layer(activation, outputs),
            nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x) + self.shortcut(x)
        return y


class IResNet(nn.Module):
    """A `(n, channels, height, width)` batch in, `(n, embedding_size)` embeddings out (not yet unit length).

    Args:
        depth: 18 or 50.
        embedding_size: dimensions of the embedding.
        image_size: `(height, width)`; the paper's is `(112, 112)`.
        channels: 3 for RGB, 1 for grey.
        width: factor on all channel counts.
        dropout: share of the last feature map dropped in training.
        activation: `prelu` as in the paper, or `relu`, which is much cheaper on a CPU.
    """

    DEPTHS: ClassVar = {18: (2, 2, 2, 2), 50: (3, 4, 14, 3)}

    def __init__(
        self,
        depth: int = 50,
        embedding_size: int = 512,
        image_size: tuple[int, int] = (112, 112),
        *,
        channels: int = 3,
        width: float = 1.0,
        dropout: float = 0.0,
        activation: Literal["prelu", "relu"] = "prelu",
    ) -> None:
        super().__init__()
        # Not below 16: with fewer channels, oneDNN's 1×1 strided convolution overruns its workspace when trained
        # channels last on a CPU, and the process dies (oneDNN issue 6035).
        sizes = [max(16, int(n * width + 4) // 8 * 8) for n in (64, 64, 128, 256, 512)]
        blocks: list[nn.Module] = []
        for inputs, outputs, repeats in zip(sizes, sizes[1:], self.DEPTHS[depth], strict=False):
            blocks.append(_Block(inputs, outputs, 2, activation))
            blocks += [_Block(outputs, outputs, 1, activation) for _ in range(repeats - 1)]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, sizes[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(sizes[0]),
            activation_layer(activation, sizes[0]),
        )
        self.blocks = nn.Sequential(*blocks)
        map_numbers = -(-image_size[0] // 16) * -(-image_size[1] // 16) * sizes[-1]
        self.head = nn.Sequential(
            nn.BatchNorm2d(sizes[-1]),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(map_numbers, embedding_size),
            nn.BatchNorm1d(embedding_size),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)
        # The authors fix the last BN's scale at 1: the direction carries the identity, not the axes' scale.
        scale = self.head[-1].weight
        assert isinstance(scale, Tensor)
        scale.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch; see the class for shapes."""
        y: Tensor = self.head(self.blocks(self.stem(x)))
        return y
