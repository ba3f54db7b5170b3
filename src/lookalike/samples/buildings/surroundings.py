"""What stands around: ordinary houses, trees, cars, lamp posts, people, hills; none of it belongs to a landmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from lookalike.samples.buildings.shapes import (
    Solid,
    box,
    frustum,
    join,
    lathe,
    move,
    quads,
    tinted,
    turn,
)
from lookalike.samples.buildings.textures import (
    GROUNDS,
    MASONRY,
    WINDOWS,
    Material,
    Windows,
    facade,
    ground,
    leaves,
    plain,
    roofing,
)

__all__ = ["car", "hills", "house", "lamp", "open_ground", "person", "sheet", "stock", "street_things", "tree"]

Generator = np.random.Generator

_FACADES, _ROOFS, _LEAVES, _GROUNDS = 24, 5, 6, 12


@lru_cache(maxsize=4)
def stock(seed: int) -> Mapping[str, Material]:
    """The materials of everything ordinary, shared by all pictures of a set."""
    rng = np.random.default_rng([seed, 21])
    made: dict[str, Material] = {}
    for i in range(_FACADES):
        colour = rng.uniform(0.35, 0.85) * np.array([1.0, rng.uniform(0.8, 1.0), rng.uniform(0.6, 0.98)])
        frames = rng.uniform(0.4, 0.9) * rng.uniform(0.85, 1.0, 3)
        made[f"house {i}"] = facade(
            str(rng.choice(MASONRY)),
            Windows(
                str(rng.choice(WINDOWS)), bay=float(rng.uniform(2.4, 4.5)), floor=float(rng.uniform(2.7, 3.6)),
                size=(float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.35, 0.6))), lit=float(rng.uniform(0.2, 0.6)),
            ),
            colour, frames, rng,
        )  # fmt: skip
    for i in range(_ROOFS):
        kind = ("tiles", "tiles", "slate", "lead", "copper")[i]
        colours = ((0.55, 0.3, 0.2), (0.5, 0.38, 0.3), (0.3, 0.32, 0.35), (0.45, 0.46, 0.48), (0.4, 0.55, 0.48))
        made[f"top {i}"] = roofing(kind, colours[i], rng)
    for i in range(_LEAVES):
        made[f"leaves {i}"] = leaves(rng)
    for i in range(_GROUNDS):
        made[f"ground {i}"] = ground(GROUNDS[i % len(GROUNDS)], rng)
    made["paint"] = plain((1.0, 1.0, 1.0), rng, 0.03)
    made["bark"] = plain((0.3, 0.23, 0.17), rng, 0.2)
    return made


def _paint(solid: Solid, rng: Generator) -> Solid:
    return tinted(solid, rng.uniform(0.1, 0.9, 3) if rng.random() < 0.5 else np.full(3, rng.uniform(0.1, 0.9)))


def house(rng: Generator, size: tuple[float, float] = (8.0, 18.0), floors: tuple[int, int] = (2, 6)) -> Solid:
    """An ordinary house: a block or two, a roof, perhaps a chimney."""
    w, d = float(rng.uniform(*size)), float(rng.uniform(size[0], size[1] * 0.8))
    h = 3.1 * int(rng.integers(*floors)) + 0.8
    front, top = f"house {rng.integers(_FACADES)}", f"top {rng.integers(_ROOFS)}"
    solid = box(w, d, 0, h, front, top)
    over = rng.choice(["gable", "hip", "flat", "parapet", "setback"])
    rise = min(w, d) * float(rng.uniform(0.25, 0.6))
    if over == "gable":
        solid += frustum((w, d), (w, 0), h, h + rise, top)
    elif over == "hip":
        solid += frustum((w * 1.05, d * 1.05), (max(w - d, 0), max(d - w, 0)), h, h + rise, top)
    elif over == "parapet":
        solid += box(w * 1.03, d * 1.03, h, h + 0.8, "paint", top)
    elif over == "setback":
        solid += box(w * 0.7, d * 0.7, h, h + 3.2, front, top)
    if rng.random() < 0.5:
        solid += move(box(0.9, 0.9, h, h + rise + 1.2, "bark"), w * 0.25, d * 0.1)
    if rng.random() < 0.3:
        wing = box(w * 0.6, d * 0.6, 0, h * 0.6, front, top)
        solid += move(wing, w * 0.6, -d * 0.2)
    return tinted(solid, np.clip(rng.uniform(0.75, 1.0) * rng.uniform(0.9, 1.0, 3), 0, 1))


def tree(rng: Generator) -> Solid:
    """A broad tree, a poplar or a fir."""
    h = float(rng.uniform(5, 13))
    kind, material = rng.choice(["round", "poplar", "fir"]), f"leaves {rng.integers(_LEAVES)}"
    trunk = lathe([(h * 0.035, 0), (h * 0.025, h * 0.5)], 6, "bark")
    if kind == "fir":
        crown = join(
            lathe([(h * (0.24 - 0.06 * k), h * (0.15 + 0.24 * k)), (0, h * (0.5 + 0.25 * k))], 9, material)
            for k in range(3)
        )
        return trunk + crown
    wide, low = (0.3, 0.3) if kind == "round" else (0.12, 0.12)
    t = np.linspace(0, np.pi, 7)
    middle, half = h * (1 + low) / 2, h * (1 - low) / 2
    crown = ()
    for _ in range(3 if kind == "round" else 1):
        size = float(rng.uniform(0.75, 1.05))
        profile = [(h * wide * size * np.sin(a), middle - half * size * np.cos(a)) for a in t]
        x, y = rng.normal(0, 0.09 * h, 2) if kind == "round" else (0, 0)
        crown += move(lathe(profile, 9, material), float(x), float(y))
    return trunk + crown


def car(rng: Generator) -> Solid:
    """A car, or now and then a van."""
    van = rng.random() < 0.25
    long, wide, tall = (5.2, 2.0, 2.2) if van else (4.3, 1.8, 0.85)
    body = _paint(box(long, wide, 0.35, tall + (0 if van else 0.1), "paint"), rng)
    wheels = join(
        move(tinted(box(0.7, 0.25, 0, 0.7, "paint"), (0.06, 0.06, 0.06)), x * long * 0.32, y * wide * 0.5)
        for x in (-1, 1)
        for y in (-1, 1)
    )
    if van:
        return body + wheels
    cabin = frustum((long * 0.58, wide * 0.94), (long * 0.42, wide * 0.82), 0.95, 1.5, "paint", "paint")
    return body + wheels + move(tinted(cabin, (0.16, 0.19, 0.23)), -0.2)


def lamp(rng: Generator) -> Solid:
    """A lamp post."""
    h = float(rng.uniform(4.5, 8))
    post = lathe([(0.12, 0), (0.08, h)], 6, "paint")
    head = move(box(0.5, 0.5, h, h + 0.5, "paint"))
    return tinted(post, (0.15, 0.16, 0.16)) + tinted(head, (0.9, 0.88, 0.75))


def person(rng: Generator) -> Solid:
    """A standing figure, 1.5 to 1.9 m."""
    h = float(rng.uniform(1.5, 1.9))
    legs = lathe([(0.16, 0), (0.2, h * 0.48)], 8, "paint")
    body = lathe([(0.22, h * 0.46), (0.27, h * 0.75), (0.1, h * 0.84)], 8, "paint")
    head = lathe([(0.05, h * 0.83), (0.13, h * 0.9), (0.12, h * 0.96), (0, h)], 8, "paint")
    skin = np.array([0.85, 0.66, 0.52]) * rng.uniform(0.4, 1.05)
    return _paint(legs, rng) + _paint(body, rng) + tinted(head, np.clip(skin, 0, 1))


def street_things() -> Mapping[str, Callable[[Generator], Solid]]:
    """What may stand in front of anything."""
    return {"tree": tree, "car": car, "lamp": lamp, "person": person}


def hills(rng: Generator, radius: float, height: float) -> Solid:
    """A ring of hills round the origin."""
    n = 48
    angle = np.linspace(0, 2 * np.pi, n + 1)
    tops = np.zeros(n + 1)
    for wave in range(1, 7):
        tops += rng.normal() / wave * np.sin(wave * angle + rng.uniform(0, 2 * np.pi))
    tops = np.maximum(height * (0.6 + 0.4 * tops), 2.0)
    tops[-1] = tops[0]
    points = []
    for i in range(n):
        a, b = angle[i], angle[i + 1]
        foot = [(radius * np.cos(a), radius * np.sin(a), 0), (radius * np.cos(b), radius * np.sin(b), 0)]
        far = radius * 1.4
        points.append(
            [*foot, (far * np.cos(b), far * np.sin(b), tops[i + 1]), (far * np.cos(a), far * np.sin(a), tops[i])]
        )
    material = f"leaves {rng.integers(_LEAVES)}" if rng.random() < 0.7 else f"ground {rng.integers(_GROUNDS)}"
    return quads(material, points, [[[60 * i, 0], [60 * i + 60, 0], [60 * i + 60, 60], [60 * i, 60]] for i in range(n)])


def open_ground(rng: Generator, kind: str | None = None) -> Solid:
    """Ground as far as one sees, with perhaps a square or a street of another kind on it."""
    index = (
        int(rng.integers(_GROUNDS))
        if kind is None
        else GROUNDS.index(kind) + len(GROUNDS) * int(rng.integers(_GROUNDS // len(GROUNDS)))
    )
    solid = sheet(f"ground {index}", 2000, 2000)
    if kind is None and rng.random() < 0.6:
        patch = sheet(
            f"ground {rng.integers(_GROUNDS)}", float(rng.uniform(40, 130)), float(rng.uniform(40, 130)), 0.04
        )
        solid += turn(patch, float(rng.uniform(0, 90)))
    if rng.random() < 0.4:
        road = sheet(f"ground {GROUNDS.index('asphalt')}", float(rng.uniform(7, 14)), 900, 0.08)
        solid += move(turn(road, float(rng.uniform(0, 180))), *(float(v) for v in rng.uniform(-60, 60, 2)))
    return solid


def sheet(material: str, width: float, depth: float, z: float = 0.0) -> Solid:
    """A flat rectangle."""
    corners = [(-width / 2, -depth / 2), (width / 2, -depth / 2), (width / 2, depth / 2), (-width / 2, depth / 2)]
    return quads(material, [[(x, y, z) for x, y in corners]], [corners])


def footprint(solid: Solid) -> float:
    """Radius of the upright cylinder about the z axis that holds a solid, metres."""
    return max(float(np.hypot(surface.points[..., 0], surface.points[..., 1]).max()) for surface in solid)
