"""dlib's face network, computed with NumPy: the same weights, the same vectors to about 1e-6, an eighth of the time.

dlib computes it without a matrix library (its wheel has none) and holds the interpreter's lock meanwhile: nothing else
can be prepared. NumPy's matrix product uses the processor's vector units, and releases the lock.
Network: King, dnn_face_recognition_ex (dlib.net, 2017), a ResNet with 29 convolutions (He et al., CVPR 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError

__all__ = ["DlibNetwork"]

Floats = npt.NDArray[np.float32]

#: Mean of red, green and blue that is subtracted, and what is then divided by, as the network was trained.
_MEAN, _DIVISOR = np.array([122.782, 117.001, 104.298], np.float32), np.float32(256)
#: Blocks by width of their layers; the first block of every width but the first halves the picture.
_BLOCKS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))


@dataclass(frozen=True)
class _Convolution:
    """A convolution with the affine layer behind it folded in: `(kernel × kernel × channels, filters)` weights."""

    weights: Floats
    bias: Floats
    kernel: int

    def __call__(self, x: Floats, stride: int = 1) -> Floats:
        """`(n, h, w, c)` to `(n, h', w', filters)`; the border is padded with zeros where the stride is 1."""
        if stride == 1:
            margin = self.kernel // 2
            x = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        n, c = x.shape[0], x.shape[3]
        height, width = ((side - self.kernel) // stride + 1 for side in x.shape[1:3])
        row, column = x.strides[1:3]
        windows = np.lib.stride_tricks.as_strided(
            x,
            (n, height, width, self.kernel, self.kernel * c),
            (x.strides[0], stride * row, stride * column, row, x.strides[3]),
            writeable=False,
        )
        columns = windows.reshape(n * height * width, -1)
        y: Floats = columns @ self.weights
        y += self.bias
        return y.reshape(n, height, width, -1)


class DlibNetwork:
    """The network of `dlib_face_recognition_resnet_model_v1.dat`.

    Args:
        content: the bytes of this file.

    Raises:
        ArtefactError: they are not this network's.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._layers = _convolutions(content)
            self._last = _fully_connected(content)
        except (ValueError, IndexError) as error:
            raise ArtefactError(f"the file of dlib's face network cannot be read ({error}); reinstall it") from None
        widths = [layer.bias.size for layer in self._layers]
        if widths != [32] + [width for width, blocks in _BLOCKS for _ in range(2 * blocks)]:
            raise ArtefactError(f"the file of dlib's face network has layers of {widths}; reinstall it")

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """`(n, 150, 150, 3)` uint8, RGB, to `(n, 128)` float32."""
        # One after the other: a matrix product of several may round the same picture otherwise than of one, and a
        # gallery knows a picture again by its bits.
        parts = [self._forward(one[np.newaxis]) for one in pixels]
        return np.concatenate([np.empty((0, 128), np.float32), *parts])

    def _forward(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        layers = iter(self._layers)
        x = _rectified(next(layers)((pixels - _MEAN) / _DIVISOR, stride=2))
        x = _largest_of_3x3(x)
        for number, (_, blocks) in enumerate(_BLOCKS):
            for block in range(blocks):
                stride = 2 if number and not block else 1
                y = _rectified(next(layers)(x, stride))
                y = next(layers)(y)
                x = _rectified(_sum(y, _mean_of_2x2(x) if stride == 2 else x))
        vectors: Floats = x.mean(axis=(1, 2)) @ self._last
        return vectors


def _rectified(x: Floats) -> Floats:
    return np.maximum(x, 0, out=x)


def _largest_of_3x3(x: Floats) -> Floats:
    """In windows of 3×3, every second one."""
    height, width = ((side - 3) // 2 + 1 for side in x.shape[1:3])
    rows = np.maximum(np.maximum(x[:, 0 : 2 * height : 2], x[:, 1 : 2 * height + 1 : 2]), x[:, 2 : 2 * height + 1 : 2])
    y = np.maximum(rows[:, :, 0 : 2 * width : 2], rows[:, :, 1 : 2 * width + 1 : 2])
    return np.maximum(y, rows[:, :, 2 : 2 * width + 1 : 2])


def _mean_of_2x2(x: Floats) -> Floats:
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    rows = x[:, 0:height:2] + x[:, 1:height:2]
    return np.float32(0.25) * (rows[:, :, 0:width:2] + rows[:, :, 1:width:2])


def _sum(y: Floats, x: Floats) -> Floats:
    """Their sum; where one is smaller, or has fewer channels, it counts as zero beyond (dlib's `add_prev`)."""
    if y.shape == x.shape:
        y += x
        return y
    total = np.zeros(np.maximum(y.shape, x.shape), np.float32)
    for part in (y, x):
        total[:, : part.shape[1], : part.shape[2], : part.shape[3]] += part
    return total


def _convolutions(content: bytes) -> list[_Convolution]:
    """Every convolution, in the order in which they are computed: dlib writes the innermost layer first."""
    found, at = [], content.find(b"con_4")
    channels = 3
    while at >= 0:
        numbers, end = _tensor(content, at + len(b"con_4"))
        filters, end = _integer(content, end)
        kernel, _ = _integer(content, end)
        affine, end = _tensor(content, content.index(b"affine_", end) + len(b"affine_"))
        if affine.size != 2 * filters:
            raise ValueError(f"{affine.size} numbers scale {filters} filters")
        gamma, beta = affine[:filters], affine[filters:]
        weights = numbers[:-filters].reshape(filters, channels, kernel, kernel) * gamma[:, None, None, None]
        ordered = np.ascontiguousarray(weights.transpose(2, 3, 1, 0).reshape(-1, filters))
        found.append(_Convolution(ordered, numbers[-filters:] * gamma + beta, kernel))
        channels, at = filters, content.find(b"con_4", end)
    return found


def _fully_connected(content: bytes) -> Floats:
    """The last layer, `(256, 128)`, without bias: sizes of its output and input come before its numbers."""
    outputs, at = _integer(content, content.index(b"fc_2") + len(b"fc_2"))
    inputs, at = _integer(content, at)
    return _tensor(content, at)[0].reshape(inputs, outputs)


def _tensor(content: bytes, at: int) -> tuple[Floats, int]:
    """The numbers of a tensor and where it ends: version 2, four sizes, then float32, little end first."""
    version, at = _integer(content, at)
    if version != 2:
        raise ValueError(f"a tensor of version {version}, expected 2")
    size = 1
    for _ in range(4):
        side, at = _integer(content, at)
        size *= side
    return np.frombuffer(content, "<f4", size, at).astype(np.float32), at + 4 * size


def _integer(content: bytes, at: int) -> tuple[int, int]:
    """An integer and where it ends: a byte that says how many bytes follow (its highest bit is the sign)."""
    length = content[at] & 0x0F
    value = int.from_bytes(content[at + 1 : at + 1 + length], "little")
    return (-value if content[at] & 0x80 else value), at + 1 + length
