"""Slender buildings: towers, spires, masts and monuments, and the windmill."""

from __future__ import annotations

import numpy as np

from lookalike.samples.buildings.building_parts import around, column, dome, roof_over, square_tower
from lookalike.samples.buildings.shapes import (
    Solid,
    arch_wall,
    beam,
    box,
    frustum,
    join,
    lathe,
    move,
    quads,
    tinted,
    turn,
)

__all__ = [
    "clock_tower",
    "lattice_tower",
    "lighthouse",
    "obelisk",
    "pagoda",
    "television_tower",
    "twin_towers",
    "twisted_tower",
    "windmill",
]

Generator = np.random.Generator


def clock_tower(shape: Generator, detail: Generator) -> Solid:
    """A square tower with four dials."""
    w, h = shape.uniform(7, 10), shape.uniform(34, 52)
    solid = square_tower(w, h, detail)
    dial = _dial(w * 0.33)
    for side in range(4):
        solid += turn(move(dial, 0, -w / 2 - 0.35, h * 0.9), 90 * side)
    if detail.random() < 0.6:
        hall = shape.uniform(14, 24)
        solid += move(
            box(hall, w * 1.3, 0, h * 0.3, "facade2", "roof") + roof_over(hall, w * 1.3, h * 0.3, detail), hall * 0.6
        )
    return solid


def _dial(radius: float) -> Solid:
    """A clock's face, upright, that looks along −y."""
    angle = np.linspace(0, 2 * np.pi, 17)
    rim = [(radius * np.cos(a), 0.0, radius * np.sin(a)) for a in angle]
    points = [[(0, 0, 0), (0, 0, 0), rim[i], rim[i + 1]] for i in range(16)]
    hands = [[(-0.12, -0.1, 0), (0.12, -0.1, 0), (0.12, -0.1, radius * 0.8), (-0.12, -0.1, radius * 0.8)]]
    hands += [[(0, -0.1, -0.12), (0, -0.1, 0.12), (radius * 0.6, -0.1, 0.12), (radius * 0.6, -0.1, -0.12)]]
    return quads("clock", points, [[[0, 0]] * 4] * 16) + quads("accent", hands, [[[0, 0]] * 4] * 2)


def twin_towers(shape: Generator, detail: Generator) -> Solid:
    """Two high-rises, perhaps joined by a bridge."""
    w, h = shape.uniform(11, 15), shape.uniform(55, 85)
    gap = w * shape.uniform(1.5, 2.0)
    section = shape.choice(["square", "round", "tapered"])
    state = int(detail.integers(1 << 30))
    solid: Solid = ()
    for x in (-1, 1):
        if section == "square":
            one = box(w, w, 0, h, "glass", "roof")
        elif section == "round":
            one = lathe([(w * 0.55, 0), (w * 0.55, h), (0, h)], 20, "glass")
        else:
            one = frustum((w * 1.1, w * 1.1), (w * 0.65, w * 0.65), 0, h, "glass", "roof")
        narrow = w * (0.65 if section == "tapered" else 0.9)
        one += roof_over(narrow, narrow, h, np.random.default_rng(state), tall=True)
        solid += move(one, x * gap / 2)
    if detail.random() < 0.6:
        z = h * detail.uniform(0.4, 0.85)
        solid += box(gap, w * 0.4, z, z + 4, "glass2", "roof")
    return solid + box(gap + w * 1.6, w * 1.6, 0, h * detail.uniform(0.06, 0.14), "facade2", "roof")


def lighthouse(shape: Generator, detail: Generator) -> Solid:
    """A tapering round tower with a lantern, striped or with windows."""
    r, h = shape.uniform(3.2, 4.6), shape.uniform(24, 38)
    taper = shape.uniform(0.5, 0.75)
    sides = int(detail.choice([8, 20]))
    bands = int(detail.choice([0, 3, 5]))
    solid: Solid = ()
    steps = max(bands, 1) * 2
    for i in range(steps):
        a, b = i / steps, (i + 1) / steps
        part = lathe(
            [(r * (1 - (1 - taper) * a), h * a), (r * (1 - (1 - taper) * b), h * b)],
            sides,
            "facade" if bands == 0 else "wall",
        )
        solid += tinted(part, (0.62, 0.3, 0.28)) if bands and i % 2 else part
    t = r * taper
    solid += lathe([(t, h), (t * 1.7, h + 0.8), (t * 1.7, h + 1.3), (t * 0.8, h + 1.3)], 16, "trim")
    solid += lathe([(t * 0.75, h + 1.3), (t * 0.75, h + 4)], 10, "glass") + dome(t * 0.85, h + 4, detail, 12)
    w = shape.uniform(9, 14)
    solid += move(box(w, r * 2, 0, 5, "facade2", "roof") + roof_over(w, r * 2, 5, detail), w * 0.6)
    return solid


def pagoda(shape: Generator, detail: Generator) -> Solid:
    """Storeys that shrink upwards, each under its own eaves."""
    n, w = int(shape.integers(4, 8)), shape.uniform(12, 17)
    sides = int(shape.choice([4, 8]))
    storey = shape.uniform(4.2, 5.6)
    flare, solid = detail.uniform(1.25, 1.5), lathe([(w * 0.8, 0), (w * 0.8, 1.2), (0, 1.2)], sides, "trim")
    for i in range(n):
        r, z = w * 0.5 * (1 - 0.5 * i / n), 1.2 + i * storey
        solid += lathe([(r, z), (r, z + storey)], sides, "facade" if sides == 4 else "facade2")
        solid += lathe(
            [(r, z + storey * 0.6), (r * flare, z + storey * 0.72), (r * flare * 1.05, z + storey * 0.82)],
            sides,
            "trim",
        )
        solid += lathe(
            [(r * flare * 1.06, z + storey * 0.84), (r * 1.05, z + storey * 1.0), (r * 0.8, z + storey * 1.12)],
            sides,
            "roof",
        )
    top = 1.2 + n * storey
    solid += lathe([(w * 0.28, top), (0.3, top + storey * detail.uniform(0.6, 1.2))], sides, "roof")
    return solid + lathe(
        [(0.5, top), (0.3, top + storey), (0.7, top + storey * 1.3), (0, top + storey * 2)], 8, "accent"
    )


def television_tower(shape: Generator, detail: Generator) -> Solid:
    """A slender shaft with a pod."""
    h, r = shape.uniform(70, 95), shape.uniform(3.5, 5)
    z = h * shape.uniform(0.55, 0.75)
    solid = lathe(
        [(r * 1.8, 0), (r, h * 0.15), (r * 0.6, z), (r * 0.4, h * 0.85), (0.5, h * 0.86), (0.3, h * 1.15)], 14, "wall"
    )
    pod = detail.choice(["ball", "discs", "drum", "cone"])
    p = r * detail.uniform(1.8, 2.6)
    if pod == "ball":
        t = np.linspace(-np.pi / 2, np.pi / 2, 11)
        solid += lathe([(p * np.cos(a), z + p * np.sin(a)) for a in t], 20, "glass")
    elif pod == "discs":
        for k in range(3):
            s, y = p * (1.2 - 0.2 * k), z + k * p * 0.6
            solid += lathe([(r * 0.6, y), (s, y + 0.8), (s, y + 2), (r * 0.6, y + 2.6)], 20, "glass")
    elif pod == "drum":
        solid += lathe([(r * 0.6, z - p), (p, z - p * 0.5), (p, z + p * 0.5), (r * 0.5, z + p * 0.7)], 20, "glass")
    else:
        solid += lathe([(r * 0.6, z - p * 1.3), (p * 1.3, z), (p * 1.3, z + 2), (r * 0.5, z + 3.5)], 20, "glass")
    w = shape.uniform(16, 24)
    return solid + box(w, w * 0.7, 0, 6, "facade", "roof")


def obelisk(shape: Generator, detail: Generator) -> Solid:
    """An obelisk or a column on a plinth."""
    h, w = shape.uniform(28, 45), shape.uniform(3, 4.5)
    plinth = shape.uniform(2.2, 3.4)
    solid = join(
        box(w * (plinth + 1.4 - 0.5 * i), w * (plinth + 1.4 - 0.5 * i), i * 0.8, i * 0.8 + 0.8, "trim")
        for i in range(4)
    )
    solid += box(w * plinth * 0.6, w * plinth * 0.6, 3.2, 7.5, "facade2", "trim") + box(
        w * plinth * 0.66, w * plinth * 0.66, 7.5, 8.3, "trim"
    )
    top = detail.choice(["pyramidion", "statue", "ball", "capital"])
    if detail.random() < 0.5:
        solid += frustum((w, w), (w * 0.68, w * 0.68), 8.3, h, "wall", "trim")
    else:
        solid += lathe([(w * 0.5, 8.3), (w * 0.4, h)], 14, "wall")
    if top == "pyramidion":
        solid += frustum((w * 0.68, w * 0.68), (0, 0), h, h + w, "accent")
    else:
        solid += box(w * 1.2, w * 1.2, h, h + 1, "trim")
        bodies: dict[str, list[tuple[float, float]]] = {
            "statue": [(1.3, 1), (0.8, 3), (1.1, 5), (0.5, 6.4), (0.6, 7.2), (0, 7.8)],
            "ball": [(0.2, 1), (1.6, 2), (2, 3.2), (1.6, 4.4), (0, 5)],
            "capital": [(2.4, 1), (1, 2), (1, 4), (0, 7)],
        }
        body = bodies[str(top)]
        solid += lathe([(a, h + b) for a, b in body], 12, "accent")
    n = int(detail.choice([0, 4, 12]))
    if n:
        solid += around(n, w * 4.2, column(0.5, 0, 6, "wall") if n == 4 else box(0.8, 0.8, 0, 1.6, "trim"), 45)
    return solid


def twisted_tower(shape: Generator, detail: Generator) -> Solid:
    """A high-rise whose storeys turn."""
    h, w, n = shape.uniform(55, 85), shape.uniform(12, 17), 14
    twist, taper = float(detail.choice([-1, 1])) * shape.uniform(60, 120), shape.uniform(0.6, 1.0)
    solid: Solid = ()
    for i in range(n):
        s = w * (1 - (1 - taper) * i / n)
        solid += turn(box(s, s, h * i / n, h * (i + 1) / n - 0.5, "glass", "roof"), twist * i / n)
        solid += turn(box(s * 0.92, s * 0.92, h * (i + 1) / n - 0.5, h * (i + 1) / n, "trim"), twist * i / n)
    top = detail.choice(["mast", "flat", "crown"])
    if top == "mast":
        solid += beam((0, 0, h), (0, 0, h * 1.25), 1.0, "accent")
    elif top == "crown":
        solid += turn(roof_over(w * taper, w * taper, h, detail, tall=True), twist)
    return solid + box(w * 1.8, w * 1.5, 0, 5, "facade2", "roof")


def lattice_tower(shape: Generator, detail: Generator) -> Solid:
    """An open tower of iron bars."""
    h, w = shape.uniform(60, 85), shape.uniform(24, 32)
    power, n = shape.uniform(1.6, 2.4), 9
    z = np.linspace(0, h, n + 1)
    half = np.maximum(w / 2 * (1 - z / h) ** power, 0.8)
    thick = float(detail.uniform(0.7, 1.1))
    solid: Solid = ()
    for i in range(n):
        a, b = half[i], half[i + 1]
        for k in range(4):
            c0, c1 = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])[[k, (k + 1) % 4]]
            solid += beam((*(c0 * a), z[i]), (*(c0 * b), z[i + 1]), thick * (1.5 - i / n), "iron")
            solid += beam((*(c0 * a), z[i]), (*(c1 * b), z[i + 1]), thick * 0.5, "iron")
            solid += beam((*(c1 * a), z[i]), (*(c0 * b), z[i + 1]), thick * 0.5, "iron")
            solid += beam((*(c0 * b), z[i + 1]), (*(c1 * b), z[i + 1]), thick * 0.6, "iron")
    for level in sorted({int(detail.integers(2, 4)), int(detail.integers(5, 8))}):
        s = 2 * half[level] + 2.5
        solid += box(s, s, z[level], z[level] + 1.8, "trim")
    if detail.random() < 0.6:
        arch = arch_wall(w * 0.8, z[2], 0.8, w * 0.7, z[2] * 0.15, "iron", pointed=0.55)
        solid += join(turn(move(arch, 0, -w * 0.42), 90 * k) for k in range(4))
    return solid + beam((0, 0, h * 0.97), (0, 0, h * 1.1), 0.9, "iron")


def windmill(shape: Generator, detail: Generator) -> Solid:
    """A mill with four or six sails."""
    r, h = shape.uniform(4.5, 6), shape.uniform(15, 22)
    sides = int(detail.choice([8, 16]))
    solid = lathe([(r, 0), (r * 0.65, h)], sides, "facade") + move(dome(r * 0.72, h, detail, 12))
    if detail.random() < 0.6:
        solid += lathe(
            [(r * 0.85, h * 0.35), (r * 1.5, h * 0.36), (r * 1.5, h * 0.42), (r * 0.8, h * 0.42)], 16, "trim"
        )
    blades, length = int(detail.choice([4, 4, 6])), h * 0.65
    hub = np.array([0.0, -r * 0.9, h + r * 0.2])
    turned = float(detail.uniform(0, 90))
    for k in range(blades):
        a = np.radians(turned + 360 * k / blades)
        along, across = np.array([np.cos(a), 0, np.sin(a)]), np.array([-np.sin(a), 0, np.cos(a)])
        solid += beam(hub, hub + along * length, 0.4, "accent")
        sail = [
            hub + along * length * 0.2,
            hub + along * length,
            hub + along * length + across * 1.6,
            hub + along * length * 0.2 + across * 1.6,
        ]
        solid += quads("trim", [sail], [[[0, 0], [length, 0], [length, 1.6], [0, 1.6]]])
    solid += beam((0, 0, h + r * 0.2), hub, 0.8, "accent")
    w = shape.uniform(8, 13)
    return solid + move(box(w, r * 1.6, 0, 4.5, "facade2", "roof") + roof_over(w, r * 1.6, 4.5, detail), w * 0.8)
