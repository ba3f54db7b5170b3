"""What buildings are put together from: columns, domes, roofs, towers; many of a part in a row or a ring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lookalike.samples.buildings.shapes import Solid, beam, box, frustum, join, lathe, move, turn

__all__ = ["around", "column", "corners", "dome", "repeat", "roof_over", "square_tower"]

Generator = np.random.Generator


def repeat(count: int, make: Callable[[int], Solid]) -> Solid:
    """`count` parts, made by their numbers."""
    return join(make(i) for i in range(count))


def around(count: int, radius: float, part: Solid, start: float = 0.0) -> Solid:
    """Copies of a part on a circle."""
    return repeat(count, lambda i: turn(move(part, x=radius), start + 360 * i / count))


def corners(width: float, depth: float, part: Solid) -> Solid:
    """A copy of a part on each corner of a rectangle."""
    return join(move(part, x * width / 2, y * depth / 2) for x in (-1, 1) for y in (-1, 1))


def column(radius: float, z0: float, z1: float, material: str = "trim") -> Solid:
    """A round column with base and capital."""
    h = z1 - z0
    flat = [(1.35, 0), (1.35, 0.04), (1, 0.06), (0.88, 0.9), (1.3, 0.95), (1.3, 1)]
    return lathe([(r * radius, z0 + t * h) for r, t in flat], 10, material)


def dome(radius: float, z: float, detail: Generator, sides: int = 24) -> Solid:
    """A dome with its lantern: round, stilted, pointed or onion."""
    shape = detail.choice(["round", "stilted", "onion", "saucer"])
    t = np.linspace(0, 1, 9)
    r, h = np.cos(t * np.pi / 2), np.sin(t * np.pi / 2)
    if shape == "onion":
        r = np.array([0.8, 1.0, 1.12, 1.1, 0.92, 0.62, 0.32, 0.12, 0.0])
        h = np.array([0.0, 0.14, 0.34, 0.55, 0.8, 1.08, 1.36, 1.65, 2.0])
    elif shape == "stilted":
        h = h * 1.3
    elif shape == "saucer":
        h = h * 0.55
    solid = lathe([(radius * a, z + radius * b) for a, b in zip(r, h, strict=True)], sides, "roof")
    top = z + radius * float(h[-1])
    if shape != "onion" and detail.random() < 0.7:
        w = radius * 0.2
        solid += lathe([(w, top - w * 0.4), (w, top + 1.6 * w)], 8, "trim")
        solid += lathe([(w * 1.2, top + 1.6 * w), (0, top + 3 * w)], 8, "roof")
        top += 3 * w
    return solid + beam((0, 0, top - 0.5), (0, 0, top + radius * 0.35), max(0.25, radius * 0.04), "accent")


def roof_over(width: float, depth: float, z: float, detail: Generator, tall: bool = False) -> Solid:
    """A roof over a rectangle: spire, helm, dome or crown for towers; gable, hip, mansard or parapet for halls."""
    w, d = width * 1.06, depth * 1.06
    if tall:
        kind = detail.choice(["spire", "pyramid", "dome", "crown", "helm", "stepped"])
        small = min(w, d)
        if kind == "spire":
            return frustum((w, d), (0, 0), z, z + small * detail.uniform(1.8, 2.8), "roof")
        if kind == "pyramid":
            return frustum((w, d), (0, 0), z, z + small * detail.uniform(0.5, 0.9), "roof")
        if kind == "dome":
            drum = lathe([(small * 0.46, z), (small * 0.46, z + small * 0.2)], 16, "wall")
            return drum + dome(small * 0.46, z + small * 0.2, detail)
        if kind == "crown":
            crown = frustum((w, d), (w * 1.12, d * 1.12), z, z + small * 0.18, "trim", "trim")
            teeth = corners(w, d, box(small * 0.2, small * 0.2, z, z + small * 0.5, "trim"))
            return crown + teeth + beam((0, 0, z), (0, 0, z + small), small * 0.05, "accent")
        if kind == "helm":
            lower = frustum((w, d), (w * 0.45, d * 0.45), z, z + small * 0.6, "roof")
            belfry = box(w * 0.4, d * 0.4, z + small * 0.6, z + small * 0.95, "trim")
            return lower + belfry + frustum((w * 0.5, d * 0.5), (0, 0), z + small * 0.95, z + small * 1.7, "roof")
        steps = [(1.0, 0.0, 0.2), (0.76, 0.2, 0.42), (0.5, 0.42, 0.66), (0.26, 0.66, 1.0)]
        return join(box(w * s, d * s, z + small * a, z + small * b, "wall", "roof") for s, a, b in steps)
    kind = detail.choice(["gable", "hip", "mansard", "flat", "pediments"])
    h = min(w, d) * detail.uniform(0.3, 0.55)
    if kind == "gable":
        along = w >= d
        return frustum((w, d), (w, 0) if along else (0, d), z, z + h, "roof")
    if kind == "hip":
        return frustum((w, d), (max(w - d, 0), max(d - w, 0)), z, z + h, "roof")
    if kind == "mansard":
        lower = frustum((w, d), (w * 0.86, d * 0.8), z, z + h * 0.8, "roof", "roof")
        count = max(2, int(w / 6))
        dormers = repeat(
            count * 2,
            lambda i: move(
                box(1.8, 1.5, z, z + h * 0.6, "trim", "roof"),
                ((i // 2 + 0.5) / count - 0.5) * w * 0.85, (d * 0.45) * (-1) ** i,
            ),
        )  # fmt: skip
        return lower + dormers
    if kind == "pediments":
        low = frustum((w, d), (w * 0.9, 0), z, z + h * 0.7, "roof")
        return low + move(frustum((w * 0.35, d * 1.08), (0, d * 1.08), z, z + h, "trim"), 0, 0)
    parapet = box(w, d, z, z + 0.9, "trim", "roof")
    urns = repeat(
        int(w / 5) + 1, lambda i: move(box(0.8, 0.8, z, z + 2.2, "trim"), -w / 2 + i * w / max(int(w / 5), 1), -d / 2)
    )
    return parapet + urns


def square_tower(width: float, height: float, detail: Generator, z: float = 0.0) -> Solid:
    """A square tower with string courses and a roof, its foot at `z`."""
    solid = box(width, width, z, z + height, "facade")
    for share in (0.45, 0.8, 1.0):
        solid += box(width * 1.06, width * 1.06, z + height * share - 0.5, z + height * share, "trim")
    return solid + roof_over(width, width, z + height, detail, tall=True)
