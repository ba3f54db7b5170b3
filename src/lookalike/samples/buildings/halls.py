"""Buildings that enclose a room: halls, temples, churches, palaces, pyramids."""

from __future__ import annotations

import itertools

import numpy as np

from lookalike.samples.buildings.building_parts import around, column, corners, dome, repeat, roof_over, square_tower
from lookalike.samples.buildings.shapes import (
    Solid,
    arch_wall,
    beam,
    bend,
    box,
    frustum,
    join,
    lathe,
    move,
    quads,
    turn,
)

__all__ = [
    "cathedral",
    "domed_hall",
    "glass_pyramid",
    "mosque",
    "onion_church",
    "palace",
    "rotunda",
    "sail_hall",
    "stepped_pyramid",
    "temple",
]

Generator = np.random.Generator


def domed_hall(shape: Generator, detail: Generator) -> Solid:
    """A block under a dome, with a portico, towers or wings."""
    w, d, h = shape.uniform(26, 40), shape.uniform(20, 30), shape.uniform(10, 16)
    r = min(w, d) * shape.uniform(0.28, 0.4)
    drum = h + r * shape.uniform(0.4, 0.9)
    solid = box(w, d, 0, h, "facade", "roof") + box(w * 1.03, d * 1.03, h - 0.8, h + 0.3, "trim", "roof")
    solid += lathe([(r, h), (r, drum)], 24, "facade2") + lathe([(r * 1.06, drum), (r * 1.06, drum + 0.8)], 24, "trim")
    solid += dome(r, drum + 0.8, detail)
    portico = detail.choice(["columns", "tower pair", "none", "wings"])
    if portico == "columns":
        n, pw = int(detail.integers(4, 9)), w * 0.5
        solid += repeat(n, lambda i: move(column(0.7, 1, h * 0.85), (i / (n - 1) - 0.5) * pw, -d / 2 - 4))
        solid += move(box(pw * 1.1, 5.5, 0, 1, "trim") + box(pw * 1.1, 5.5, h * 0.85, h * 0.95, "trim"), 0, -d / 2 - 3)
        solid += move(frustum((pw * 1.12, 6), (0, 6), h * 0.95, h * 1.2, "trim"), 0, -d / 2 - 3)
    elif portico == "tower pair":
        solid += join(move(square_tower(w * 0.15, h * 1.5, detail), x * w * 0.45, -d / 2) for x in (-1, 1))
    elif portico == "wings":
        wing = box(w * 0.4, d * 0.6, 0, h * 0.75, "facade", "roof")
        solid += join(move(wing, x * w * 0.68) for x in (-1, 1))
    if detail.random() < 0.4:
        solid += corners(w * 0.85, d * 0.85, move(dome(r * 0.25, h, detail, 12)))
    return solid


def cathedral(shape: Generator, detail: Generator) -> Solid:
    """A nave with aisles, transept and apse; towers where chance puts them."""
    nave, width, h = shape.uniform(34, 48), shape.uniform(11, 15), shape.uniform(15, 21)
    tower = shape.uniform(26, 42)
    ridge = frustum((nave, width * 1.05), (nave, 0), h, h + width * 0.6, "roof")
    solid = box(nave, width, 0, h, "facade", "roof") + ridge
    solid += box(nave * 0.95, width * 1.9, 0, h * 0.5, "facade2", "roof")
    cross = nave * 0.12
    arm = box(width, width * 2.4, 0, h, "facade", "roof") + frustum(
        (width * 1.05, width * 2.4), (0, width * 2.4), h, h + width * 0.6, "roof"
    )
    solid += move(arm, cross)
    plan = detail.choice(["twin", "single", "twin+flèche", "crossing"])
    tw = width * 0.55
    if plan.startswith("twin"):
        state = int(detail.integers(1 << 30))
        both = [square_tower(tw, tower, np.random.default_rng(state)) for _ in range(2)]
        solid += join(move(t, -nave / 2, y * width * 0.55) for t, y in zip(both, (-1, 1), strict=True))
    elif plan == "single":
        solid += move(square_tower(tw * 1.2, tower * 1.15, detail), -nave / 2 - tw * 0.4)
    if plan == "twin+flèche":
        solid += move(frustum((2.4, 2.4), (0, 0), h + 4, h + width * 1.6, "roof"), cross)
    if plan == "crossing":
        solid += move(square_tower(tw * 1.3, tower * 0.95, detail), cross)
    buttress = frustum((1.2, 2.4), (1.0, 0.8), 0, h * 0.85, "trim", "trim")
    n = int(detail.integers(4, 7))
    solid += repeat(2 * n, lambda i: move(buttress, (i // 2 / (n - 1) - 0.5) * nave * 0.9, (-1) ** i * width * 1.0))
    apse = lathe([(width * 0.5, 0), (width * 0.5, h * 0.9)], 14, "facade2") + lathe(
        [(width * 0.53, h * 0.9), (0, h + width * 0.4)], 14, "roof"
    )
    return solid + move(apse, nave / 2)


def stepped_pyramid(shape: Generator, detail: Generator) -> Solid:
    """Terraces, stairs, and a temple on top."""
    w, steps = shape.uniform(38, 52), int(shape.integers(4, 9))
    h = w * shape.uniform(0.35, 0.6)
    lean = detail.uniform(0.0, 0.5)
    solid: Solid = ()
    for i in range(steps):
        s0, s1 = 1 - i / steps * 0.8, 1 - (i + lean) / steps * 0.8
        solid += frustum((w * s0, w * s0), (w * s1, w * s1), h * i / steps, h * (i + 1) / steps, "wall", "trim")
    sides = int(detail.choice([1, 2, 4]))
    stair = frustum((w * 0.16, w * 0.46), (w * 0.12, 0.5), 0, h * 1.01, "trim", "trim")
    for k in range(sides):
        solid += turn(move(stair, 0, -w * 0.34), k * (180 if sides == 2 else 90))
    t = w * 0.17
    solid += box(t, t, h, h + t * 0.7, "facade", "roof")
    return solid + roof_over(t, t, h + t * 0.7, detail, tall=bool(detail.random() < 0.6))


def temple(shape: Generator, detail: Generator) -> Solid:
    """Columns all round a cella."""
    n, h = int(shape.integers(6, 10)), shape.uniform(9, 13)
    step = shape.uniform(2.6, 3.4)
    w, d = step * n, step * n * shape.uniform(0.5, 0.75)
    deep = max(4, round(d / step))
    solid = join(box(w + 4 - i, d + 4 - i, i * 0.6, (i + 1) * 0.6, "trim") for i in range(4))
    base, top = 2.4, 2.4 + h
    pillar = column(float(detail.uniform(0.6, 0.85)), base, top, "wall")
    solid += join(move(pillar, (i / n - 0.5) * w, y * d / 2) for i in range(n + 1) for y in (-1, 1))
    solid += join(move(pillar, x * w / 2, (i / deep - 0.5) * d) for i in range(1, deep) for x in (-1, 1))
    solid += box(w * 0.8, d * 0.7, base, top, "facade") + box(w + 2, d + 2, top, top + 1.8, "trim", "roof")
    top += 1.8
    end = detail.choice(["pediment", "attic", "hip", "dome"])
    if end == "pediment":
        solid += frustum((w + 2, d + 2.6), (w + 2, 0), top, top + d * 0.22, "roof")
    elif end == "attic":
        solid += box(w * 0.8, d * 0.75, top, top + 4, "facade2", "roof") + box(
            w * 0.82, d * 0.78, top + 4, top + 4.6, "trim"
        )
    elif end == "hip":
        solid += frustum((w + 2, d + 2), (w * 0.5, 0), top, top + d * 0.3, "roof")
    else:
        solid += lathe([(d * 0.3, top), (d * 0.3, top + 3)], 20, "wall") + dome(d * 0.3, top + 3, detail)
    return solid


def mosque(shape: Generator, detail: Generator) -> Solid:
    """A dome between minarets."""
    w, h, n = shape.uniform(22, 32), shape.uniform(9, 13), int(shape.choice([1, 2, 4]))
    r = w * shape.uniform(0.24, 0.34)
    solid = box(w, w, 0, h, "facade", "roof") + box(w * 1.02, w * 1.02, h - 0.6, h + 0.6, "trim", "roof")
    solid += lathe([(r, h), (r, h + r * 0.45)], 20, "facade2") + dome(r, h + r * 0.45, detail)
    tall, thin = shape.uniform(28, 42), shape.uniform(1.2, 2.0)
    balconies = int(detail.integers(1, 4))
    profile = [(thin * 1.4, 0.0), (thin * 1.4, h), (thin, h + 1)]
    for k in range(balconies):
        z = h + (tall - h) * (k + 1) / (balconies + 0.6)
        profile += [(thin, z), (thin * 1.6, z + 0.6), (thin * 1.6, z + 1.4), (thin * 0.95, z + 1.4)]
    minaret = lathe([*profile, (thin * 0.95, tall)], 12, "wall")
    minaret += lathe([(thin * 1.1, tall), (0, tall + thin * detail.uniform(3, 7))], 12, "roof")
    spots = {1: [(1, -1)], 2: [(-1, -1), (1, -1)], 4: [(-1, -1), (1, -1), (-1, 1), (1, 1)]}[n]
    solid += join(move(minaret, x * w * 0.56, y * w * 0.56) for x, y in spots)
    small = int(detail.choice([0, 4, 8]))
    if small:
        solid += around(small, w * 0.4, dome(r * 0.3, h + 0.5, detail, 12), 45)
    gate = arch_wall(w * 0.3, h * 1.2, 3, w * 0.17, h * 0.6, "trim", pointed=1.4)
    return solid + move(gate, 0, -w / 2 - 1)


def onion_church(shape: Generator, detail: Generator) -> Solid:
    """A tall cube under one, five or nine onion domes."""
    w, h, n = shape.uniform(13, 18), shape.uniform(14, 20), int(shape.choice([1, 5, 9]))
    solid = box(w, w, 0, h, "facade", "roof") + roof_over(w, w, h, detail)
    drum = lathe([(w * 0.17, h), (w * 0.17, h * 1.5)], 14, "wall")
    onion = np.array([(0.85, 0), (1.15, 0.3), (1.2, 0.6), (0.95, 1.0), (0.5, 1.4), (0.15, 1.9), (0, 2.3)])

    def cupola(size: float, z: float) -> Solid:
        profile = [(size * a, z + size * b * stretch) for a, b in onion]
        cross = beam((0, 0, z + size * 2.2 * stretch), (0, 0, z + size * 3.1 * stretch), size * 0.12, "accent")
        return lathe(profile, 16, "roof2") + cross

    stretch = float(detail.uniform(0.7, 1.2))
    solid += drum + cupola(w * 0.22, h * 1.5)
    if n > 1:
        lower = lathe([(w * 0.1, h * 0.95), (w * 0.1, h * 1.25)], 12, "wall") + cupola(w * 0.13, h * 1.25)
        solid += around(4, w * 0.48, lower, 45)
    if n > 5:
        side = lathe([(w * 0.14, 0), (w * 0.14, h * 0.8)], 12, "facade2") + cupola(w * 0.16, h * 0.8)
        solid += around(4, w * 0.66, side)
    porch = detail.choice(["belfry", "porch", "none"])
    if porch == "belfry":
        solid += move(square_tower(w * 0.35, h * 1.4, detail), -w * 1.0) + move(
            box(w * 0.6, w * 0.4, 0, h * 0.4, "facade2", "roof"), -w * 0.7
        )
    elif porch == "porch":
        solid += move(
            box(w * 0.5, w * 0.3, 0, h * 0.35, "facade2", "roof")
            + frustum((w * 0.55, w * 0.35), (0, w * 0.35), h * 0.35, h * 0.6, "roof"),
            0,
            -w * 0.6,
        )
    return solid


def palace(shape: Generator, detail: Generator) -> Solid:
    """A long front with a middle pavilion and wings."""
    w, d, h = shape.uniform(48, 66), shape.uniform(13, 18), shape.uniform(12, 16)
    solid = box(w, d, 0, h, "facade", "roof") + box(w * 1.01, d * 1.04, h - 0.8, h, "trim", "roof")
    middle, end = w * shape.uniform(0.18, 0.26), w * shape.uniform(0.1, 0.16)
    solid += box(middle, d * 1.35, 0, h * 1.25, "facade2", "roof") + roof_over(
        middle, d * 1.35, h * 1.25, detail, tall=bool(detail.random() < 0.5)
    )
    state = int(detail.integers(1 << 30))
    for x in (-1, 1):
        local = np.random.default_rng(state)
        wing = box(end, d * 1.5, 0, h * 1.1, "facade", "roof") + roof_over(
            end, d * 1.5, h * 1.1, local, tall=bool(local.random() < 0.4)
        )
        solid += move(wing, x * (w - end) / 2)
        between = (w - middle) / 2 - end
        solid += move(roof_over(between, d, h, local), x * (middle + between) / 2)
    n = int(detail.choice([0, 4, 6]))
    if n:
        solid += join(
            move(column(0.7, 0, h * 1.05, "trim"), (i / (n - 1) - 0.5) * middle * 0.9, -d * 0.72) for i in range(n)
        )
    return solid


def rotunda(shape: Generator, detail: Generator) -> Solid:
    """A round hall within a ring of columns or arches."""
    r, h = shape.uniform(11, 15), shape.uniform(11, 16)
    n = int(shape.integers(12, 21))
    solid = lathe([(r * 1.2, 0), (r * 1.2, 1.2), (0, 1.2)], 32, "trim") + lathe(
        [(r * 0.75, 1.2), (r * 0.75, h * 1.3)], 24, "facade"
    )
    style = detail.choice(["columns", "arcade"])
    if style == "columns":
        solid += around(n, r, column(0.7, 1.2, h, "trim"))
    else:
        pitch = 2 * np.pi * r / n
        arch = arch_wall(pitch, h - 1.2, 1.4, pitch * 0.62, (h - 1.2) * 0.55, "wall")
        solid += move(bend(repeat(n, lambda i: move(arch, (i + 0.5) * pitch)), r), z=1.2)
    solid += lathe([(r + 0.8, h), (r + 0.8, h + 1.4), (r * 0.7, h + 1.8)], 32, "trim")
    solid += lathe([(r * 0.77, h * 1.3), (r * 0.77, h * 1.36)], 24, "trim")
    if detail.random() < 0.7:
        return solid + dome(r * 0.75, h * 1.36, detail)
    return solid + lathe([(r * 0.85, h * 1.36), (0, h * 1.36 + r * 0.5)], 24, "roof")


def glass_pyramid(shape: Generator, detail: Generator) -> Solid:
    """A pyramid of glass, whole or cut off."""
    w = shape.uniform(26, 38)
    h = w * shape.uniform(0.55, 0.95)
    cut = float(detail.choice([0.0, 0.25, 0.45]))
    solid = frustum((w, w), (w * cut, w * cut), 0, h * (1 - cut), "glass", "roof")
    companions = int(detail.choice([0, 2, 3]))
    small = frustum((w * 0.3, w * 0.3), (0, 0), 0, h * 0.3, "glass2")
    solid += around(companions, w * 0.85, small, 30) if companions else ()
    base = detail.choice(["pool", "podium"])
    return solid + (
        box(w * 1.3, w * 1.3, 0, 1.2, "trim") if base == "podium" else box(w * 1.5, w * 1.5, 0.02, 0.15, "water")
    )


def sail_hall(shape: Generator, detail: Generator) -> Solid:
    """A row of shells, as of sails."""
    n, size = int(shape.integers(3, 6)), shape.uniform(14, 20)
    solid = box(size * n * 0.8, size * 1.5, 0, 4, "facade2", "trim")
    lean = float(detail.uniform(0.3, 0.8))
    t = np.linspace(0, np.pi, 9)
    for i in range(n):
        s = size * (1 - 0.12 * abs(i - n / 2))
        front = [(s * lean, s * 0.5 * np.cos(a), 4 + s * np.sin(a) * 1.1) for a in t]
        back = [(-s * 0.3, s * 0.5 * np.cos(a), 4 + s * np.sin(a) * 0.25) for a in t]
        points = [[front[k], front[k + 1], back[k + 1], back[k]] for k in range(8)]
        shell = quads("trim", points, [[[k * 2, 0], [k * 2 + 2, 0], [k * 2 + 2, s], [k * 2, s]] for k in range(8)])
        mouth = quads(
            "glass",
            [
                [front[k], front[k + 1], (s * lean * 0.6, front[k + 1][1], 4), (s * lean * 0.6, front[k][1], 4)]
                for k in range(8)
            ],
            [[[p[1], p[2]], [q[1], q[2]], [q[1], 4], [p[1], 4]] for p, q in itertools.pairwise(front)],
        )
        solid += move(shell + mouth, (i - (n - 1) / 2) * size * 0.62)
    return solid
