"""Solids made of quads: boxes, roofs, domes, arches, columns; moved, turned and put together.

A `Solid` is a tuple of `Surface`s. Lengths are metres, z points up, x east and y north. Texture coordinates are metres
too, so that a window is as large on a tower as on a hut. A triangle is a quad with two equal corners.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Solid",
    "Surface",
    "arch_wall",
    "beam",
    "bend",
    "box",
    "disc",
    "extent",
    "frustum",
    "join",
    "lathe",
    "move",
    "quads",
    "scale",
    "tinted",
    "turn",
]

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Surface:
    """Quads of one material.

    Attributes:
        material: a key into the materials of the scene.
        points: `(n, 4, 3)` float64, metres; corners go round the quad.
        uv: `(n, 4, 2)` float64, metres along the surface.
        tint: `(3,)` in 0–1, multiplies the material's colour.
    """

    material: str
    points: Points
    uv: Points
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


Solid = tuple[Surface, ...]


def join(parts: Iterable[Solid]) -> Solid:
    """One solid out of many."""
    return tuple(surface for part in parts for surface in part)


def move(solid: Solid, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
    """Shift by metres."""
    step = np.array([x, y, z])
    return tuple(replace(surface, points=surface.points + step) for surface in solid)


def turn(solid: Solid, degrees: float) -> Solid:
    """Rotate about the z axis, anticlockwise seen from above."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    return tuple(replace(surface, points=surface.points @ rotation) for surface in solid)


def scale(solid: Solid, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Solid:
    """Stretch along the axes; textures keep their metres."""
    return tuple(replace(surface, points=surface.points * np.array([x, y, z])) for surface in solid)


def tinted(solid: Solid, tint: Sequence[float] | Points) -> Solid:
    """Multiply the colour of every surface."""
    red, green, blue = (float(value) for value in tint)
    return tuple(replace(s, tint=(s.tint[0] * red, s.tint[1] * green, s.tint[2] * blue)) for s in solid)


def extent(solid: Solid) -> tuple[Points, Points]:
    """The lowest and the highest corner: two `(3,)` arrays."""
    corners = np.concatenate([surface.points.reshape(-1, 3) for surface in solid])
    return corners.min(axis=0), corners.max(axis=0)


def quads(material: str, points: Sequence[Any] | Points, uv: Sequence[Any] | Points) -> Solid:
    """Quads given corner by corner."""
    return (Surface(material, np.asarray(points, float).reshape(-1, 4, 3), np.asarray(uv, float).reshape(-1, 4, 2)),)


def frustum(
    bottom: tuple[float, float], top: tuple[float, float], z0: float, z1: float, sides: str, cap: str | None = None
) -> Solid:
    """A block from a rectangle at `z0` to one at `z1`, both centred: box, pyramid, gable (`top=(w, 0)`), hip roof."""
    (w0, d0), (w1, d1) = bottom, top
    low = np.array([[-w0, -d0], [w0, -d0], [w0, d0], [-w0, d0]]) / 2
    high = np.array([[-w1, -d1], [w1, -d1], [w1, d1], [-w1, d1]]) / 2
    points, uv = [], []
    for here, there in ((0, 1), (1, 2), (2, 3), (3, 0)):
        a, b = (*low[here], z0), (*low[there], z0)
        c, d = (*high[there], z1), (*high[here], z1)
        half, half_high = np.hypot(*(low[there] - low[here])) / 2, np.hypot(*(high[there] - high[here])) / 2
        inset = np.linalg.norm((np.add(c, d) - np.add(a, b)) / 2)
        points.append([a, b, c, d])
        # Windows keep their height above the ground from one block to the next.
        uv.append([[-half, z0], [half, z0], [half_high, z0 + inset], [-half_high, z0 + inset]])
    solid = quads(sides, points, uv)
    if cap is not None and w1 > 0 and d1 > 0:
        solid += quads(cap, [[(*p, z1) for p in high]], [high])
    return solid


def box(width: float, depth: float, z0: float, z1: float, sides: str, cap: str | None = None) -> Solid:
    """An upright block, centred on the z axis; its top is of the material `cap`, or of that of its sides."""
    return frustum((width, depth), (width, depth), z0, z1, sides, cap or sides)


def lathe(profile: Sequence[tuple[float, float]], sides: int, material: str) -> Solid:
    """A surface of revolution through `(radius, z)` points: cylinder, cone, dome, onion, column, bowl."""
    radius, height = np.array(profile, float).T
    angle = np.linspace(0, 2 * np.pi, sides + 1) + np.pi / sides
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    grid = np.concatenate(
        [radius[:, None, None] * ring, np.broadcast_to(height[:, None, None], (len(radius), sides + 1, 1))], axis=2
    )
    along = height[0] + np.concatenate([[0], np.cumsum(np.hypot(np.diff(radius), np.diff(height)))])
    around = np.linspace(0, 2 * np.pi * radius.max(), sides + 1)
    uv = np.stack(np.broadcast_arrays(around[None, :], along[:, None]), axis=2)

    def corners(values: Points) -> Points:
        return np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]], axis=2)

    return quads(material, corners(grid), corners(uv))


def disc(radius: float, z: float, material: str, sides: int = 24) -> Solid:
    """A flat round at height `z`."""
    return lathe([(radius, z), (0.0, z)], sides, material)


def beam(start: Sequence[float] | Points, end: Sequence[float] | Points, width: float, material: str) -> Solid:
    """A bar of square section between two points."""
    a, b = np.array(start, float), np.array(end, float)
    axis = (b - a) / np.linalg.norm(b - a)
    aside = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    aside *= width / 2 / np.linalg.norm(aside)
    up = np.cross(aside, axis)
    ring = [aside + up, up - aside, -aside - up, aside - up]
    length = float(np.linalg.norm(b - a))
    points = [[a + ring[i], a + ring[(i + 1) % 4], b + ring[(i + 1) % 4], b + ring[i]] for i in range(4)]
    return quads(material, points, [[[0, 0], [width, 0], [width, length], [0, length]]] * 4)


def arch_wall(
    width: float, height: float, thickness: float, opening: float, spring: float, material: str, *, pointed: float = 1.0
) -> Solid:
    """A wall along x with one arched opening, its foot at z = 0.

    Args:
        width: of the wall.
        height: of the wall, above the opening's top.
        thickness: along y.
        opening: width of the opening.
        spring: height at which the arch begins.
        material: of everything.
        pointed: rise of the arch over half its width: 1 is round, more is pointed, less is flat.
    """
    half = opening / 2
    angle = np.linspace(np.pi, 0, 9)
    curve = np.stack([half * np.cos(angle), spring + pointed * half * np.sin(angle)], axis=1)
    outline = np.concatenate([[[-half, 0.0]], curve, [[half, 0.0]]])
    y = thickness / 2
    faces, face_uv, inner, inner_uv = [], [], [], []
    strips = [[(-width / 2, 0), (-half, 0), (-half, height), (-width / 2, height)]]
    strips += [[tuple(p), tuple(q), (q[0], height), (p[0], height)] for p, q in itertools.pairwise(curve)]
    strips += [[(half, 0), (width / 2, 0), (width / 2, height), (half, height)]]
    for strip in strips:
        for side in (-y, y):
            faces.append([(u, side, v) for u, v in strip])
            face_uv.append(strip)
    for p, q in itertools.pairwise(outline):
        step = float(np.hypot(*(q - p)))
        inner.append([(p[0], -y, p[1]), (q[0], -y, q[1]), (q[0], y, q[1]), (p[0], y, p[1])])
        inner_uv.append([[0, p[1]], [0, p[1] + step], [thickness, p[1] + step], [thickness, p[1]]])
    ends = [[(x, -y, 0), (x, y, 0), (x, y, height), (x, -y, height)] for x in (-width / 2, width / 2)] + [
        [(-width / 2, -y, height), (width / 2, -y, height), (width / 2, y, height), (-width / 2, y, height)]
    ]
    end_uv = [[[0, 0], [thickness, 0], [thickness, height], [0, height]]] * 2
    end_uv.append([[0, 0], [width, 0], [width, thickness], [0, thickness]])
    return quads(material, faces + inner + ends, face_uv + inner_uv + end_uv)


def bend(solid: Solid, radius: float) -> Solid:
    """Wrap what runs along x round a circle: x becomes the arc, y the distance outwards from `radius`."""
    bent = []
    for surface in solid:
        angle, outwards = surface.points[..., 0] / radius, radius + surface.points[..., 1]
        points = np.stack([outwards * np.cos(angle), outwards * np.sin(angle), surface.points[..., 2]], axis=-1)
        bent.append(replace(surface, points=points))
    return tuple(bent)
