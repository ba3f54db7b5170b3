"""What surfaces are made of: masonry, façades with windows, roofs, grounds, leaves; drawn as small tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = [
    "GROUNDS",
    "MASONRY",
    "WINDOWS",
    "Material",
    "Windows",
    "facade",
    "ground",
    "leaves",
    "masonry",
    "noise",
    "plain",
    "roofing",
]

Floats = npt.NDArray[np.float64]
Colour = Sequence[float] | Floats

#: Kinds of bare wall.
MASONRY = ("plaster", "brick", "ashlar", "striped", "panels", "rubble")
#: Kinds of window.
WINDOWS = ("square", "tall", "arched", "round", "paired", "band", "cross", "slit", "bay")
#: Kinds of ground.
GROUNDS = ("grass", "paving", "asphalt", "sand", "gravel", "cobbles")

#: Pixels of a tile's side, and of one window's cell.
_TILE = 192
_CELLS = 4


@dataclass(frozen=True, eq=False)
class Material:
    """A tile that repeats.

    Attributes:
        colour: `(h, w, 3)` uint8 sRGB; row 0 is the top.
        metres: width and height of the tile.
        glow: `(h, w, 3)` uint8 sRGB that it gives off at night, such as lit windows; None for nothing.
    """

    colour: npt.NDArray[np.uint8]
    metres: tuple[float, float]
    glow: npt.NDArray[np.uint8] | None = None


def noise(rng: np.random.Generator, size: int, cells: int, octaves: int = 3) -> Floats:
    """Smooth noise that repeats at its edges: `(size, size)`, mean about 0, within about ±1."""
    total = np.zeros((size, size))
    for octave in range(octaves):
        count = min(cells * 2**octave, size)
        grid = rng.uniform(-1, 1, (count, count)).astype(np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        picture = Image.fromarray(wrapped).resize(
            (size, size), Image.Resampling.BICUBIC, box=(2.0, 2.0, 2.0 + count, 2.0 + count)
        )
        total += np.asarray(picture, float) / 2**octave
    return total / 1.6


def _tile(base: Floats) -> npt.NDArray[np.uint8]:
    return (np.clip(base, 0, 1) * 255).astype(np.uint8)


def _coordinates(size: int = _TILE) -> tuple[Floats, Floats]:
    """Column and height above the tile's bottom of every pixel, in 0–1."""
    u, v = np.meshgrid((np.arange(size) + 0.5) / size, 1 - (np.arange(size) + 0.5) / size)
    return u, v


def _courses(rng: np.random.Generator, rows: int, columns: int, joint: float, spread: float) -> Floats:
    """Brightness of staggered blocks with dark joints: `(_TILE, _TILE)`."""
    u, v = _coordinates()
    row = np.minimum((v * rows).astype(int), rows - 1)
    shifted = u * columns + 0.5 * (row % 2)
    column = shifted.astype(int) % columns
    tone = 1 + spread * rng.standard_normal((rows, columns))[row, column]
    across, up = shifted % 1, (v * rows) % 1
    seam = (across < joint * columns / rows) | (up < joint)
    return np.asarray(np.where(seam, tone * 0.78, tone))


def _masonry_tone(kind: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Brightness, and a share of the second colour, of a bare wall."""
    _, v = _coordinates()
    rough = 1 + 0.05 * noise(rng, _TILE, 6) + 0.03 * rng.standard_normal((_TILE, _TILE))
    none = np.zeros((_TILE, _TILE))
    if kind == "brick":
        return _courses(rng, 32, 12, 0.16, 0.09) * rough, none
    if kind == "ashlar":
        return _courses(rng, 12, 8, 0.08, 0.06) * rough, none
    if kind == "rubble":
        return _courses(rng, 16, 12, 0.14, 0.16) * (1 + 0.15 * noise(rng, _TILE, 12)), none
    if kind == "striped":
        return rough, ((v * 8) % 1 < rng.uniform(0.3, 0.5)).astype(float)
    if kind == "panels":
        return _courses(rng, 4, 4, 0.03, 0.03) * rough, none
    return rough * (1 + 0.05 * noise(rng, _TILE, 3)), none


def _wall(kind: str, colour: Colour, second: Colour, rng: np.random.Generator) -> Floats:
    tone, share = _masonry_tone(kind, rng)
    mixed = np.asarray(colour) * (1 - share[..., None]) + np.asarray(second) * share[..., None]
    return np.asarray(mixed * tone[..., None])


def masonry(kind: str, colour: Colour, second: Colour, rng: np.random.Generator) -> Material:
    """A bare wall of a kind out of `MASONRY`; striped walls use the second colour too."""
    return Material(_tile(_wall(kind, colour, second, rng)), (8.0, 8.0))


def plain(colour: Colour, rng: np.random.Generator, rough: float = 0.06) -> Material:
    """One colour, a little uneven."""
    tone = 1 + rough * noise(rng, 64, 8)
    return Material(_tile(np.asarray(colour) * tone[..., None]), (4.0, 4.0))


def _window_mask(kind: str, x: Floats, y: Floats, width: float, height: float) -> Floats:
    """1 inside the opening; `x`, `y` in −1…1 within a cell."""
    inside = (np.abs(x) < width) & (np.abs(y) < height)
    if kind == "arched":
        spring = height - width
        inside = (np.abs(x) < width) & (y > -height) & ((y < spring) | (np.hypot(x, y - spring) < width))
    elif kind == "round":
        inside = np.hypot(x, y) < min(width, height) * 1.1
    elif kind == "paired":
        inside = (np.abs(np.abs(x) - width * 0.62) < width * 0.42) & (np.abs(y) < height)
    elif kind == "slit":
        inside = (np.abs(x) < width * 0.35) & (np.abs(y) < height)
    elif kind == "band":
        inside = np.abs(y) < height
    return inside.astype(float)


@dataclass(frozen=True)
class Windows:
    """The windows of a wall, one a cell of `bay` × `floor` metres.

    Attributes:
        kind: out of `WINDOWS`.
        bay: metres from window to window.
        floor: metres from floor to floor.
        size: width and height of the opening, as shares of its cell.
        lit: share of the windows that are lit at night.
    """

    kind: str
    bay: float = 3.5
    floor: float = 3.6
    size: tuple[float, float] = (0.45, 0.55)
    lit: float = 0.35


def facade(wall: str, windows: Windows, colour: Colour, second: Colour, rng: np.random.Generator) -> Material:
    """A wall with windows.

    Args:
        wall: out of `MASONRY`.
        windows: in the wall.
        colour: of the wall, in 0–1.
        second: of frames, bands and stripes, in 0–1.
        rng: decides everything random.
    """
    picture = _wall(wall, colour, second, rng)
    u, v = _coordinates()
    column, row = (u * _CELLS).astype(int), (v * _CELLS).astype(int)
    x, y = (u * _CELLS) % 1 * 2 - 1, (v * _CELLS) % 1 * 2 - 1
    kind, (width, height) = windows.kind, windows.size
    if kind == "tall":
        height = min(0.85, height * 1.4)
    frame = _window_mask(kind, x, y, min(width + 0.12, 0.98), min(height + 0.1, 0.98))
    opening = _window_mask(kind, x, y, width, height)
    trim = np.asarray(second)
    picture = np.where((frame > 0)[..., None], trim, picture)
    if rng.random() < 0.5:
        picture = np.where((y < -0.93)[..., None], trim * 0.9, picture)  # a string course a floor
    if rng.random() < 0.25:
        picture = np.where((np.abs(np.abs(x) - 0.95) < 0.08)[..., None], trim * 0.97, picture)  # pilasters
    glass = np.array([0.16, 0.2, 0.26]) * rng.uniform(0.6, 1.5, (_CELLS, _CELLS, 1))
    sky = 0.22 * np.clip(y + 0.4, 0, 1)[..., None] * np.array([0.7, 0.9, 1.1])
    pane = glass[row, column] + sky * rng.uniform(0, 1, (_CELLS, _CELLS, 1))[row, column]
    if kind in ("cross", "tall", "paired"):
        bars = (np.abs(x) < 0.06) | (np.abs(y - 0.1) < 0.05)
        pane = np.where(bars[..., None], trim * 0.85, pane)
    picture = np.where((opening > 0)[..., None], pane, picture)
    picture = np.where(((opening > 0) & (y > height - 0.14))[..., None], picture * 0.55, picture)  # the lintel's shade
    warm = np.array([1.0, 0.78, 0.42]) * rng.uniform(0.55, 1.0, (_CELLS, _CELLS, 1))
    on = rng.random((_CELLS, _CELLS)) < windows.lit
    glow = (opening * on[row, column])[..., None] * warm[row, column]
    return Material(_tile(picture), (windows.bay * _CELLS, windows.floor * _CELLS), _tile(glow))


def roofing(kind: str, colour: Colour, rng: np.random.Generator) -> Material:
    """`tiles`, `slate`, `copper`, `lead` (standing seams) or `gold`."""
    u, v = _coordinates(96)
    tone = 1 + 0.06 * noise(rng, 96, 8)
    if kind == "tiles":
        tone = tone * (0.85 + 0.25 * np.abs(np.sin(u * np.pi * 16))) * np.where((v * 12) % 1 < 0.15, 0.75, 1)
    elif kind == "slate":
        tone = tone * np.where((v * 16) % 1 < 0.2, 0.8, 1) * (1 + 0.08 * rng.standard_normal((96, 96)))
    elif kind in ("copper", "lead"):
        tone = tone * np.where((u * 6) % 1 < 0.12, 0.75, 1) * (1 + 0.1 * noise(rng, 96, 4))
    return Material(_tile(np.asarray(colour) * tone[..., None]), (5.0, 5.0))


def ground(kind: str, rng: np.random.Generator) -> Material:
    """Ground of a kind out of `GROUNDS`, its colour drawn."""
    bases = {
        "grass": (0.28, 0.38, 0.16),
        "paving": (0.6, 0.58, 0.54),
        "asphalt": (0.27, 0.27, 0.28),
        "sand": (0.74, 0.65, 0.48),
        "gravel": (0.55, 0.52, 0.47),
        "cobbles": (0.42, 0.4, 0.38),
    }
    base = np.array(bases[kind]) * rng.uniform(0.8, 1.2) * rng.uniform(0.92, 1.08, 3)
    tone = 1 + 0.12 * noise(rng, _TILE, 5) + 0.05 * rng.standard_normal((_TILE, _TILE))
    if kind in ("paving", "cobbles"):
        tone = tone * _courses(rng, 8 if kind == "paving" else 24, 8 if kind == "paving" else 24, 0.08, 0.06)
    metres = 40.0 if kind in ("grass", "sand") else 16.0
    return Material(_tile(base * tone[..., None]), (metres, metres))


def leaves(rng: np.random.Generator) -> Material:
    """Foliage: green in summer, and now and then autumn."""
    base = np.array([0.2, 0.32, 0.12]) if rng.random() < 0.8 else np.array([0.5, 0.34, 0.12])
    base = base * rng.uniform(0.7, 1.3) * rng.uniform(0.85, 1.15, 3)
    tone = 1 + 0.5 * noise(rng, 96, 12) + 0.15 * rng.standard_normal((96, 96))
    return Material(_tile(base * tone[..., None]), (5.0, 5.0))
