"""Where things stand: houses and trees round a subject, and a few things between it and the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.samples.buildings.shapes import Solid, move, turn
from lookalike.samples.buildings.surroundings import footprint, hills, house, open_ground, street_things

__all__ = ["Sight", "around", "direction", "in_front"]

#: Metres from the camera within which no tree stands: it would fill the picture.
_NEAREST_TREE = 16.0

Generator = np.random.Generator
Floats = npt.NDArray[np.float64]


def direction(azimuth: float) -> Floats:
    """Unit vector, east and north, of an azimuth in degrees clockwise from north."""
    return np.array([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])


@dataclass(frozen=True, eq=False)
class Sight:
    """How a camera looks at a subject that stands at the origin.

    Attributes:
        toward: unit vector, east and north, from the subject to the camera.
        away: metres along the ground from the subject's middle to the camera.
        slope: half the picture's width over the distance.
        clear: metres round the middle that the subject takes.
    """

    toward: Floats
    away: float
    slope: float
    clear: float

    @property
    def aside(self) -> Floats:
        """Unit vector to the side."""
        return np.array([-self.toward[1], self.toward[0]])


def around(rng: Generator, sight: Sight, bare: bool = False) -> Solid:
    """Ground, houses and trees at random; houses leave the view free, and in a `bare` scene all else does too."""
    solid = open_ground(rng)
    if rng.random() < 0.5:
        solid += hills(rng, float(rng.uniform(350, 900)), float(rng.uniform(15, 110)))
    for _ in range(int(rng.integers(3, 22))):
        one = turn(house(rng, floors=(2, 7)), float(rng.uniform(0, 360)))
        spot = _spot(rng, sight, footprint(one))
        if spot is not None:
            solid += move(one, *spot)
    things = street_things()
    for _ in range(int(rng.integers(2, 14))):
        one = turn(things[str(rng.choice(list(things)))](rng), float(rng.uniform(0, 360)))
        spot = _spot(rng, sight, footprint(one), 1.3 if bare else 0.6)
        if spot is not None:
            solid += move(one, *spot)
    return solid


def _spot(rng: Generator, sight: Sight, size: float, free: float = 0.8) -> tuple[float, float] | None:
    """A place off the subject, off the camera, and outside the middle `free` of the cone between the two."""
    for _ in range(8):
        angle, radius = rng.uniform(0, 2 * np.pi), sight.clear + size + 2 + 90 * rng.random() ** 1.5
        spot = radius * np.array([np.cos(angle), np.sin(angle)])
        along, off = float(spot @ sight.toward), abs(float(spot @ sight.aside))
        behind_camera = along > sight.away + size + 3
        width = sight.slope * max(sight.away - along + size, 0) * free + size + 2
        if behind_camera or along < -0.2 * sight.clear or off > width:
            return float(spot[0]), float(spot[1])
    return None


def in_front(rng: Generator, sight: Sight) -> Solid:
    """A few things between the camera and the subject; a tree only off the middle."""
    solid: Solid = ()
    things = street_things()
    gap = max(sight.away - sight.clear, 4.0)
    for _ in range(int(rng.integers(1, 4))):
        name = str(rng.choice(["tree", "car", "lamp", "person", "person"]))
        depth = max(3.0, float(rng.uniform(0.25, 0.9)) * gap)
        if name == "tree" and depth < _NEAREST_TREE:
            continue
        half = sight.slope * depth
        off = float(rng.uniform(-1, 1)) * half
        if name == "tree" and abs(off) < 0.35 * half:
            off = float(np.copysign(0.6 * half, off))
        x, y = sight.toward * (sight.away - depth) + sight.aside * off
        solid += move(turn(things[name](rng), float(rng.uniform(0, 360))), float(x), float(y))
    return solid
