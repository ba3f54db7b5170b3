"""Scenes that show no landmark: ordinary buildings, streets, country, sea, people, cars, walls, rooms, objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lookalike.samples.buildings.light import develop, draw_light
from lookalike.samples.buildings.placement import Sight, around, direction, in_front
from lookalike.samples.buildings.procedural_buildings import KINDS, building
from lookalike.samples.buildings.renderer import Camera, Renderer
from lookalike.samples.buildings.scenes import Photograph
from lookalike.samples.buildings.shapes import Solid, box, extent, frustum, lathe, move, quads, tinted, turn
from lookalike.samples.buildings.surroundings import (
    car,
    footprint,
    hills,
    house,
    lamp,
    open_ground,
    person,
    sheet,
    stock,
    street_things,
    tree,
)
from lookalike.samples.buildings.textures import MASONRY, WINDOWS, Material, Windows, facade, plain

__all__ = ["NON_LANDMARK_SCENES", "photograph_other"]

Generator = np.random.Generator


@dataclass(frozen=True, eq=False)
class _Scene:
    solid: Solid
    camera: Camera
    reach: float = 60.0
    materials: Mapping[str, Material] | None = None
    inside: bool = False


def _standing(rng: Generator, distance: float, height: float, target: float, view: float) -> Camera:
    x, y = direction(float(rng.uniform(0, 360))) * distance
    return Camera(
        (float(x), float(y), height),
        (float(rng.normal(0, 2)), float(rng.normal(0, 2)), target),
        view,
        float(rng.normal(0, 1.5)),
    )


def _portrait(
    rng: Generator, subject: Solid, radius: float, height: float, materials: Mapping[str, Material] | None = None
) -> _Scene:
    """A building as somebody would photograph a landmark."""
    view = float(rng.uniform(30, 62))
    slope = float(np.tan(np.radians(view / 2)))
    away = max(max(height, 1.3 * radius) / 2 / slope / float(rng.uniform(0.5, 1.1)), radius * 1.15 + 4)
    above = float(rng.uniform(1.5, 5) if rng.random() < 0.75 else away * 0.45)
    camera = _standing(rng, away, above, height * 0.47, view)
    sight = Sight(np.array(camera.position[:2]) / away, away, slope, radius)
    near = around(rng, sight)
    if rng.random() < 0.5:
        near += in_front(rng, sight)
    return _Scene(subject + near, camera, radius * 1.5 + height * 0.6 + 15, materials)


def _ordinary_building(rng: Generator, seed: int) -> _Scene:
    subject = house(rng, (9, 26), (2, 12))
    return _portrait(rng, subject, footprint(subject), float(extent(subject)[1][2]))


def _nameless_monument(rng: Generator, seed: int) -> _Scene:
    """A building of a landmark's kind that is none of the landmarks: every picture has another."""
    subject = building(seed, 1_000_000 + int(rng.integers(1 << 30)))
    return _portrait(rng, subject.solid, subject.radius, subject.height, subject.materials)


def _street(rng: Generator, seed: int) -> _Scene:
    solid = open_ground(rng, str(rng.choice(["asphalt", "cobbles", "paving"])))
    half = float(rng.uniform(6, 12))
    for side in (-1, 1):
        y = -20.0
        while y < 130:
            one = house(rng, (9, 16), (2, 7))
            y += footprint(one) * 1.5
            solid += move(turn(one, float(rng.choice([0, 90, 180]))), side * (half + 8 + float(rng.uniform(0, 2))), y)
    things = street_things()
    for _ in range(int(rng.integers(4, 18))):
        spot = float(rng.choice([-1, 1])) * half * float(rng.uniform(0.4, 0.95)), float(rng.uniform(6, 80))
        solid += move(turn(things[str(rng.choice(["car", "car", "person", "lamp", "tree"]))](rng), 90), *spot)
    camera = Camera(
        (float(rng.uniform(-0.5, 0.5)) * half, -12.0, float(rng.uniform(1.5, 9))),
        (float(rng.normal(0, 3)), 50.0, float(rng.uniform(2, 9))),
        float(rng.uniform(40, 68)),
    )
    return _Scene(solid, camera, 70)


def _countryside(rng: Generator, seed: int) -> _Scene:
    solid = open_ground(rng, str(rng.choice(["grass", "grass", "sand", "gravel"])))
    solid += hills(rng, float(rng.uniform(120, 500)), float(rng.uniform(20, 160)))
    for _ in range(int(rng.integers(3, 45))):
        solid += move(tree(rng), *(float(v) for v in rng.uniform(-70, 70, 2)))
    for _ in range(int(rng.integers(0, 4))):
        solid += move(
            turn(house(rng, (7, 12), (1, 3)), float(rng.uniform(0, 180))), *(float(v) for v in rng.uniform(-60, 60, 2))
        )
    return _Scene(
        solid,
        _standing(
            rng,
            float(rng.uniform(40, 90)),
            float(rng.uniform(1.6, 25)),
            float(rng.uniform(3, 14)),
            float(rng.uniform(35, 65)),
        ),
        90,
    )


def _sea(rng: Generator, seed: int) -> _Scene:
    water = sheet("sea", 2400, 2400)
    solid = water + (
        hills(rng, float(rng.uniform(400, 1000)), float(rng.uniform(10, 120))) if rng.random() < 0.6 else ()
    )
    for _ in range(int(rng.integers(0, 5))):
        hull = tinted(_boat(rng), rng.uniform(0.3, 1.0, 3))
        solid += move(turn(hull, float(rng.uniform(0, 360))), *(float(v) for v in rng.uniform(-60, 60, 2)))
    shade = np.array([0.16, 0.28, 0.36]) * rng.uniform(0.6, 1.4)
    camera = _standing(
        rng,
        float(rng.uniform(40, 100)),
        float(rng.uniform(2, 20)),
        float(rng.uniform(0, 12)),
        float(rng.uniform(30, 65)),
    )
    return _Scene(solid, camera, 80, {"sea": plain(shade, rng, 0.25)})


def _boat(rng: Generator) -> Solid:
    """A boat: a hull and a mast."""
    long = float(rng.uniform(5, 14))
    hull = frustum((long * 0.7, long * 0.2), (long, long * 0.32), -0.3, long * 0.14, "paint", "paint")
    return (
        hull
        + lathe([(0.12, 0), (0.08, long * 1.1)], 6, "paint")
        + move(box(long * 0.3, long * 0.2, long * 0.14, long * 0.3, "paint"), -long * 0.15)
    )


def _crowd(rng: Generator, seed: int) -> _Scene:
    solid = open_ground(rng, str(rng.choice(["paving", "asphalt", "grass"])))
    for _ in range(int(rng.integers(1, 14))):
        solid += move(person(rng), *(float(v) for v in rng.normal(0, 2.5, 2)))
    for _ in range(int(rng.integers(0, 10))):
        x, y = direction(float(rng.uniform(0, 360))) * float(rng.uniform(25, 60))
        solid += move(turn(house(rng), float(rng.uniform(0, 180))), float(x), float(y))
    return _Scene(
        solid,
        _standing(
            rng,
            float(rng.uniform(4, 11)),
            float(rng.uniform(1.3, 2.2)),
            float(rng.uniform(0.8, 2.2)),
            float(rng.uniform(30, 55)),
        ),
        25,
    )


def _traffic(rng: Generator, seed: int) -> _Scene:
    solid = open_ground(rng, "asphalt")
    for _ in range(int(rng.integers(1, 9))):
        solid += move(
            turn(car(rng), float(rng.choice([0, 90, rng.uniform(0, 360)]))), *(float(v) for v in rng.normal(0, 6, 2))
        )
    for _ in range(int(rng.integers(2, 10))):
        x, y = direction(float(rng.uniform(0, 360))) * float(rng.uniform(22, 60))
        solid += move(turn(house(rng), float(rng.uniform(0, 180))), float(x), float(y)) + move(
            lamp(rng), float(x) * 0.5, float(y) * 0.5
        )
    return _Scene(
        solid,
        _standing(
            rng,
            float(rng.uniform(6, 18)),
            float(rng.uniform(1.4, 6)),
            float(rng.uniform(0.5, 2.5)),
            float(rng.uniform(30, 60)),
        ),
        30,
    )


def _close_up(rng: Generator, seed: int) -> _Scene:
    """A piece of a wall, filling the frame."""
    stone = rng.uniform(0.35, 0.85) * np.array([1.0, rng.uniform(0.8, 1.0), rng.uniform(0.6, 0.95)])
    wall = facade(
        str(rng.choice(MASONRY)),
        Windows(str(rng.choice(WINDOWS)), size=(float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.4, 0.65)))),
        stone,
        np.clip(stone * 1.2, 0, 1),
        rng,
    )
    solid = box(60, 10, 0, 40, "piece") + open_ground(rng, "paving")
    for _ in range(int(rng.integers(0, 3))):
        solid += move(box(60, 1, float(rng.uniform(2, 16)), float(rng.uniform(2, 16)), "piece"), 0, -5.2)
    if rng.random() < 0.4:
        solid += move(tree(rng), float(rng.uniform(-6, 6)), -11)
    x, z = float(rng.uniform(-10, 10)), float(rng.uniform(3, 16))
    camera = Camera(
        (x + float(rng.uniform(-7, 7)), -5 - float(rng.uniform(6, 14)), float(rng.uniform(1.5, 9))),
        (x, -5.0, z),
        float(rng.uniform(30, 55)),
        float(rng.normal(0, 3)),
    )
    return _Scene(solid, camera, 30, {"piece": wall})


def _room(rng: Generator, seed: int) -> _Scene:
    """A room seen from inside."""
    w, d, h = float(rng.uniform(5, 14)), float(rng.uniform(5, 14)), float(rng.uniform(2.6, 6))
    colour = rng.uniform(0.5, 0.95) * np.array([1.0, rng.uniform(0.85, 1.0), rng.uniform(0.7, 1.0)])
    windows, frames, bay = str(rng.choice(WINDOWS)), rng.uniform(0.4, 0.9, 3), float(rng.uniform(2, 5))
    own = {
        "inner": facade("plaster", Windows(windows, bay=bay, floor=h, size=(0.4, 0.35)), colour, frames, rng),
        "floor": plain(rng.uniform(0.3, 0.6) * np.array([1.0, 0.8, 0.6]), rng, 0.15),
        "ceiling": plain(colour, rng, 0.02),
    }  # fmt: skip
    solid = tuple(s for s in box(w, d, 0, h, "inner", "ceiling")) + quads(
        "floor",
        [[(-w / 2, -d / 2, 0), (w / 2, -d / 2, 0), (w / 2, d / 2, 0), (-w / 2, d / 2, 0)]],
        [[[0, 0], [w, 0], [w, d], [0, d]]],
    )
    for _ in range(int(rng.integers(3, 12))):
        a, b, c = rng.uniform(0.3, 2.2), rng.uniform(0.3, 1.4), rng.uniform(0.3, 1.9)
        piece = turn(box(float(a), float(b), 0, float(c), "paint"), float(rng.choice([0, 90])))
        solid += move(
            tinted(piece, rng.uniform(0.15, 0.9, 3)),
            float(rng.uniform(-0.45, 0.45)) * w,
            float(rng.uniform(-0.2, 0.45)) * d,
        )
    for _ in range(int(rng.integers(0, 3))):
        solid += move(person(rng), float(rng.uniform(-0.4, 0.4)) * w, float(rng.uniform(-0.1, 0.4)) * d)
    camera = Camera(
        (float(rng.uniform(-0.3, 0.3)) * w, -0.46 * d, float(rng.uniform(1.3, 1.9))),
        (float(rng.normal(0, 0.3)) * w, d * 0.5, float(rng.uniform(0.8, 1.8))),
        float(rng.uniform(50, 75)),
    )
    return _Scene(solid, camera, 12, own, True)


def _objects(rng: Generator, seed: int) -> _Scene:
    """Things on a table; some are shaped like towers and domes."""
    own = {
        "table": plain(rng.uniform(0.25, 0.7) * np.array([1.0, 0.85, 0.65]), rng, 0.15),
        "back": plain(rng.uniform(0.3, 0.95, 3), rng, 0.05),
    }
    solid = box(40, 40, -1, 0, "table") + move(box(60, 1, -5, 30, "back"), 0, 14)
    for _ in range(int(rng.integers(2, 9))):
        kind = rng.choice(["vase", "box", "bottle", "toy"])
        if kind == "toy":
            made = KINDS[str(rng.choice(list(KINDS)))](rng, rng)
            small = tuple(replace(s, points=s.points * 0.06, material="paint") for s in made)
            one = tinted(small, rng.uniform(0.2, 0.95, 3))
        elif kind == "box":
            wide, deep, tall = (float(v) for v in rng.uniform(0.6, 3.2, 3))
            one = tinted(box(wide, deep, 0, tall, "paint"), rng.uniform(0.15, 0.95, 3))
        else:
            height = float(rng.uniform(1.5, 4.5))
            radii = rng.uniform(0.25, 1.0, 5) * (0.6 if kind == "bottle" else 1.0)
            one = tinted(
                lathe([(0.0, 0.0), *((float(r), height * (i + 0.2) / 5) for i, r in enumerate(radii))], 18, "paint"),
                rng.uniform(0.15, 0.95, 3),
            )
        solid += move(turn(one, float(rng.uniform(0, 360))), *(float(v) for v in rng.normal(0, 2.6, 2)))
    camera = Camera(
        (float(rng.normal(0, 3)), -float(rng.uniform(7, 13)), float(rng.uniform(1.5, 6))),
        (float(rng.normal(0, 0.8)), 0.0, float(rng.uniform(0.8, 2))),
        float(rng.uniform(28, 50)),
        float(rng.normal(0, 3)),
    )
    return _Scene(solid, camera, 15, own, True)


#: Scenes without a landmark, and how often each is drawn.
NON_LANDMARK_SCENES: Mapping[str, tuple[float, Callable[[Generator, int], _Scene]]] = {
    "ordinary building": (0.27, _ordinary_building),
    "nameless monument": (0.12, _nameless_monument),
    "street": (0.14, _street),
    "countryside": (0.11, _countryside),
    "sea": (0.06, _sea),
    "people": (0.06, _crowd),
    "cars": (0.06, _traffic),
    "close-up": (0.08, _close_up),
    "room": (0.05, _room),
    "objects": (0.05, _objects),
}


def photograph_other(renderer: Renderer, seed: int, part: str, weather: str, rng: Generator) -> Photograph:
    """Photograph a scene that shows no landmark, of a kind drawn from `NON_LANDMARK_SCENES`."""
    shares = np.array([share for share, _ in NON_LANDMARK_SCENES.values()])
    name = str(rng.choice(list(NON_LANDMARK_SCENES), p=shares / shares.sum()))
    light = draw_light(part, weather, rng)
    scene = NON_LANDMARK_SCENES[name][1](rng, seed)
    if scene.inside:  # lamps indoors, whatever the weather
        light = draw_light(str(rng.choice(["morning", "noon", "afternoon"])), "overcast", rng)
    pixels = renderer.draw(
        scene.solid,
        {**stock(seed), **(scene.materials or {})},
        scene.camera,
        light.sun if light.shadows and not scene.inside else None,
        scene.reach,
        light.night,
    )
    picture = develop(pixels, light, (0.0, 0.0, 8.0, 25.0), rng)
    offset = np.array(scene.camera.position) - np.array(scene.camera.target)
    azimuth = float(np.degrees(np.arctan2(offset[0], offset[1])) % 360)
    elevation = float(np.degrees(np.arctan2(offset[2], np.hypot(*offset[:2]))))
    return Photograph(picture, azimuth, elevation, float(np.linalg.norm(offset)), light.hour, light.weather)
