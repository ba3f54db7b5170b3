"""Buildings of arches and walls: gates, bridges, arenas, castles."""

from __future__ import annotations

import itertools

import numpy as np

from lookalike.samples.buildings.building_parts import around, column, corners, repeat, roof_over, square_tower
from lookalike.samples.buildings.shapes import (
    Solid,
    arch_wall,
    beam,
    bend,
    box,
    disc,
    frustum,
    join,
    lathe,
    move,
    scale,
    turn,
)

__all__ = ["arched_bridge", "cable_bridge", "castle", "city_gate", "stadium", "triumphal_arch"]

Generator = np.random.Generator


def triumphal_arch(shape: Generator, detail: Generator) -> Solid:
    """One arch or three under an attic."""
    w, h, d = shape.uniform(18, 28), shape.uniform(17, 25), shape.uniform(7, 11)
    openings = int(shape.choice([1, 3]))
    pointed = float(detail.choice([0.7, 1.0, 1.5]))
    main = w * (0.34 if openings == 3 else 0.42)
    middle = w * 0.46 if openings == 3 else w
    solid = arch_wall(middle, h * 0.78, d, main * 0.82, h * 0.35, "wall", pointed=pointed)
    if openings == 3:
        side = arch_wall(w * 0.27, h * 0.78, d, w * 0.13, h * 0.28, "wall", pointed=pointed)
        solid += move(side, -w * 0.365) + move(side, w * 0.365)
    solid += box(w * 1.06, d * 1.12, h * 0.78, h * 0.82, "trim") + box(
        w * 0.96, d * 0.95, h * 0.82, h, "facade2", "roof"
    )
    solid += box(w * 1.04, d * 1.08, h, h + 0.6, "trim")
    n = int(detail.choice([0, 4, 6]))
    if n:
        where = np.linspace(-0.48, 0.48, n) * w
        solid += join(move(column(0.65, 0, h * 0.78), x, y * (d / 2 + 0.7)) for x in where for y in (-1, 1))
    top = detail.choice(["bare", "statue", "attic", "pavilion"])
    if top == "statue":
        solid += box(4, 3, h, h + 1.5, "trim") + lathe(
            [(1.4, h + 1.5), (0.9, h + 4), (0.5, h + 6), (0, h + 7)], 8, "accent"
        )
    elif top == "attic":
        solid += frustum((w * 0.7, d * 0.7), (w * 0.5, d * 0.4), h, h * 1.16, "wall", "roof")
    elif top == "pavilion":
        solid += move(roof_over(w * 0.5, d * 0.8, h + 3, detail) + box(w * 0.48, d * 0.75, h, h + 3, "facade"), 0)
    return solid


def arched_bridge(shape: Generator, detail: Generator) -> Solid:
    """A row of arches over water; with towers, houses or a second tier."""
    n, span = int(shape.integers(3, 6)), shape.uniform(13, 19)
    h, t = span * shape.uniform(0.55, 0.75), shape.uniform(5, 8)
    pointed = float(detail.choice([0.6, 1.0]))
    solid = repeat(
        n,
        lambda i: move(
            arch_wall(span, h, t, span * 0.8, h * 0.25 if pointed == 1 else h * 0.4, "wall", pointed=pointed),
            (i - (n - 1) / 2) * span,
        ),
    )
    solid += box(n * span + 12, t * 1.12, h, h + 0.8, "trim", "roof")
    solid += join(move(box(n * span + 12, 0.4, h + 0.8, h + 1.8, "wall"), 0, y * t * 0.52) for y in (-1, 1))
    over = detail.choice(["bare", "end towers", "middle tower", "houses", "second tier"])
    if over == "end towers":
        solid += join(move(square_tower(t * 0.9, h * 1.1, detail, h * 0.2), x * n * span / 2) for x in (-1, 1))
    elif over == "middle tower":
        solid += square_tower(t, h * 1.2, detail, h * 0.6)
    elif over == "houses":
        solid += box(n * span * 0.7, t * 0.8, h, h + 6, "facade", "roof") + roof_over(
            n * span * 0.7, t * 0.8, h + 6, detail
        )
    elif over == "second tier":
        m = n * 2
        solid += repeat(
            m,
            lambda i: move(
                arch_wall(span / 2, h * 0.5, t * 0.6, span * 0.32, h * 0.15, "wall"),
                (i - (m - 1) / 2) * span / 2,
                0,
                h + 0.8,
            ),
        )
        solid += box(n * span, t * 0.7, h * 1.5 + 0.8, h * 1.5 + 1.6, "trim", "roof")
    water = box(n * span + 14, t * 3.5, 0.05, 0.12, "water")
    return solid + water


def cable_bridge(shape: Generator, detail: Generator) -> Solid:
    """A deck that hangs from pylons: harp, fan or suspension."""
    span, deck, h = shape.uniform(38, 55), shape.uniform(6, 9), shape.uniform(26, 40)
    width = 7.0
    solid = box(span * 2.1, width, deck, deck + 1, "wall", "roof") + box(span * 2.1, width * 3, 0.05, 0.12, "water")
    style = detail.choice(["harp", "fan", "suspension"])
    legs = detail.choice(["portal", "A", "single"])
    towers = [-span * 0.5, span * 0.5] if detail.random() < 0.6 or style == "suspension" else [0.0]
    for x in towers:
        if legs == "portal":
            solid += join(move(box(2, 1.6, 0, h, "trim"), x, y * width * 0.6) for y in (-1, 1))
            solid += join(move(box(1.6, width * 1.2, z, z + 1.5, "trim"), x) for z in (h - 2, h * 0.65))
        elif legs == "A":
            solid += join(beam((x, y * width * 0.7, 0), (x, 0, h), 1.8, "trim") for y in (-1, 1))
        else:
            solid += move(frustum((3, 2.2), (1.4, 1.2), 0, h, "trim", "trim"), x)
        for k in range(1, 8):
            run = span * (0.5 if len(towers) == 2 else 1.0) * k / 7
            top = h - 1 if style == "fan" else deck + (h - deck) * k / 7
            for side in (-1, 1):
                for y in (-1, 1):
                    if style != "suspension":
                        solid += beam(
                            (x + side * run, y * width / 2, deck),
                            (x, y * width * (0.5 if legs == "portal" else 0.05), top),
                            0.28,
                            "accent",
                        )
    if style == "suspension":
        sag = np.linspace(-1, 1, 17)
        for y in (-1, 1):
            rope = [(s * span * 0.5, y * width / 2, deck + 2 + (h - deck - 2) * s * s) for s in sag]
            rope = [(-span, y * width / 2, deck), *rope, (span, y * width / 2, deck)]
            solid += join(beam(a, b, 0.5, "accent") for a, b in itertools.pairwise(rope))
            solid += join(beam((a[0], a[1], deck), a, 0.22, "accent") for a in rope[2:-2])
    return solid


def stadium(shape: Generator, detail: Generator) -> Solid:
    """A ring of arcades in tiers."""
    r, tiers = shape.uniform(24, 32), int(shape.integers(2, 5))
    n, storey = int(shape.integers(24, 37)), shape.uniform(4.5, 6.5)
    pitch = 2 * np.pi * r / n
    pointed = float(detail.choice([1.0, 1.0, 1.5]))
    solid: Solid = ()
    for tier in range(tiers):
        closed = detail.random() < 0.3 and tier == tiers - 1
        one = arch_wall(pitch, storey, 1.6, pitch * 0.62, storey * 0.45, "wall", pointed=pointed)
        if closed:
            one = box(pitch, 1.6, 0, storey, "facade")
        row = repeat(n, lambda i, one=one: move(one, (i + 0.5) * pitch, 0, 0))  # type: ignore[misc]
        solid += move(bend(row, r), z=tier * storey)
        z = (tier + 1) * storey
        solid += lathe([(r + 0.8, z - 0.4), (r + 1.3, z - 0.2), (r + 1.3, z), (r - 1, z)], 48, "trim")
    top = tiers * storey
    solid += lathe([(r * 0.5, 1), (r - 1.2, top * 0.9)], 48, "trim") + disc(r * 0.5, 0.3, "roof", 32)
    rim = detail.choice(["bare", "ruin", "masts", "canopy"])
    if rim == "canopy":
        solid += lathe([(r * 0.62, top + 3.5), (r + 2, top + 1), (r + 2, top + 0.2)], 48, "roof")
    elif rim == "masts":
        solid += around(
            8,
            r + 1,
            beam((0, 0, 0), (2, 0, top * 1.6), 0.8, "accent")
            + beam((2, 0, top * 1.6), (-r * 0.4, 0, top), 0.25, "accent"),
        )
    elif rim == "ruin":
        row = repeat(
            n // 2,
            lambda i: move(arch_wall(pitch, storey, 1.6, pitch * 0.62, storey * 0.45, "wall"), (i + 0.5) * pitch),
        )
        solid += move(bend(row, r), z=top)
    return scale(solid, 1.0, float(shape.uniform(0.75, 1.0)))


def castle(shape: Generator, detail: Generator) -> Solid:
    """Walls with battlements, round towers and a keep."""
    w, d, h = shape.uniform(30, 42), shape.uniform(22, 32), shape.uniform(9, 13)
    r, tall = shape.uniform(3.6, 5.2), shape.uniform(16, 24)
    wall = box(w, 2, 0, h, "wall", "trim")
    solid = move(wall, 0, -d / 2) + move(wall, 0, d / 2)
    side = turn(box(d, 2, 0, h, "wall", "trim"), 90)
    solid += move(side, -w / 2) + move(side, w / 2)
    tooth = box(1.0, 2.1, h, h + 1.2, "wall")
    n = int(w / 2)
    solid += join(move(tooth, (i / n - 0.5) * w, y * d / 2) for i in range(n + 1) for y in (-1, 1))
    m = int(d / 2)
    solid += join(move(turn(tooth, 90), x * w / 2, (i / m - 0.5) * d) for i in range(m + 1) for x in (-1, 1))
    sides = int(detail.choice([4, 8, 16]))
    tower = lathe([(r, 0), (r, tall), (r * 1.2, tall + 0.8), (r * 1.2, tall + 2), (0, tall + 2)], sides, "facade")
    if detail.random() < 0.6:
        tower += lathe([(r * 1.3, tall + 2), (0, tall + 2 + r * detail.uniform(1.4, 2.8))], sides, "roof")
    else:
        tower += around(8, r * 1.1, box(0.9, 1.0, tall + 2, tall + 3.2, "wall"))
    solid += corners(w, d, tower)
    k = shape.uniform(10, 14)
    keep = (
        square_tower(k, tall * 1.25, detail)
        if detail.random() < 0.5
        else box(k * 1.4, k, 0, tall, "facade", "roof") + roof_over(k * 1.4, k, tall, detail)
    )
    solid += move(keep, 0, d * 0.15)
    gate = arch_wall(8, h * 1.35, 4, 4, h * 0.45, "trim", pointed=float(detail.choice([1.0, 1.5])))
    return solid + move(gate, 0, -d / 2)


def city_gate(shape: Generator, detail: Generator) -> Solid:
    """Two towers with a gateway between them."""
    r, h, gap = shape.uniform(4.2, 6), shape.uniform(16, 24), shape.uniform(8, 12)
    sides = int(shape.choice([4, 8, 18]))
    tower = lathe([(r * 1.08, 0), (r, 3), (r, h), (r * 1.12, h + 0.8), (r * 1.12, h + 2), (0, h + 2)], sides, "facade")
    top = detail.choice(["cone", "crenel", "bell", "tall cone"])
    if top == "crenel":
        tower += around(8, r, box(1.1, 1.2, h + 2, h + 3.4, "wall"))
    elif top == "bell":
        tower += lathe(
            [(r * 1.2, h + 2), (r * 0.9, h + 5), (r * 0.35, h + 7), (r * 0.3, h + 9), (0, h + 12)], sides, "roof"
        )
    else:
        tower += lathe([(r * 1.25, h + 2), (0, h + 2 + r * (1.3 if top == "cone" else 3))], sides, "roof")
    solid = move(tower, -(gap / 2 + r)) + move(tower, gap / 2 + r)
    middle = shape.uniform(0.6, 0.9) * h
    solid += arch_wall(
        gap + r, middle * 0.65, r, gap * 0.6, middle * 0.3, "wall", pointed=float(detail.choice([1.0, 1.6]))
    )
    solid += box(gap + r, r, middle * 0.65, middle, "facade2", "roof")
    return solid + roof_over(gap + r, r, middle, detail)
