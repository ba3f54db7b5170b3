"""Procedural buildings: a kind, a massing, roofs and façades, all decided by `(seed, number)`.

Half of them come as pairs of *look-alikes*: the same kind, massing and walls, other roofs, windows and details.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lookalike.samples.buildings import halls, spans, towers
from lookalike.samples.buildings.shapes import Solid, extent
from lookalike.samples.buildings.textures import MASONRY, WINDOWS, Material, Windows, facade, masonry, plain, roofing

__all__ = ["KINDS", "Building", "building", "kind_of"]

Generator = np.random.Generator

#: Walls' colours, in 0–1: few and close to each other, so that colour alone identifies no building.
_STONES = (
    (0.78, 0.72, 0.6), (0.72, 0.64, 0.5), (0.66, 0.62, 0.57), (0.8, 0.77, 0.71), (0.6, 0.38, 0.29),
    (0.64, 0.5, 0.38), (0.55, 0.54, 0.53), (0.76, 0.66, 0.46), (0.7, 0.56, 0.5),
)  # fmt: skip
_ROOFS: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "tiles": ((0.56, 0.3, 0.2), (0.48, 0.27, 0.2), (0.6, 0.4, 0.26)),
    "slate": ((0.3, 0.32, 0.35), (0.24, 0.25, 0.28)),
    "copper": ((0.4, 0.58, 0.5), (0.46, 0.62, 0.56)),
    "lead": ((0.5, 0.52, 0.54), (0.42, 0.45, 0.5)),
    "gold": ((0.8, 0.62, 0.22),),
}


@dataclass(frozen=True, eq=False)
class Building:
    """A building that stands at the origin.

    Attributes:
        kind: out of `KINDS`.
        solid: its surfaces.
        materials: what they are made of.
        radius: of the upright cylinder round it, metres.
        height: metres.
    """

    kind: str
    solid: Solid
    materials: Mapping[str, Material]
    radius: float
    height: float


#: Every kind of building, by the name that places carry.
KINDS: Mapping[str, Callable[[Generator, Generator], Solid]] = {
    "Clock tower": towers.clock_tower,
    "Domed hall": halls.domed_hall,
    "Cathedral": halls.cathedral,
    "Stepped pyramid": halls.stepped_pyramid,
    "Triumphal arch": spans.triumphal_arch,
    "Temple": halls.temple,
    "Arched bridge": spans.arched_bridge,
    "Cable bridge": spans.cable_bridge,
    "Twin towers": towers.twin_towers,
    "Arena": spans.stadium,
    "Mosque": halls.mosque,
    "Onion church": halls.onion_church,
    "Lighthouse": towers.lighthouse,
    "Castle": spans.castle,
    "Pagoda": towers.pagoda,
    "Television tower": towers.television_tower,
    "Monument": towers.obelisk,
    "Twisted tower": towers.twisted_tower,
    "Palace": halls.palace,
    "Rotunda": halls.rotunda,
    "Lattice tower": towers.lattice_tower,
    "Glass pyramid": halls.glass_pyramid,
    "City gate": spans.city_gate,
    "Windmill": towers.windmill,
    "Sail hall": halls.sail_hall,
}

#: Of every four numbers, the last is a look-alike of the one before.
_PAIR_EVERY = 4


def _twin_of(number: int) -> int:
    """The number whose massing a building shares: its own, but for every fourth, which shares its forerunner's."""
    return number - 1 if number % _PAIR_EVERY == _PAIR_EVERY - 1 else number


def kind_of(seed: int, number: int) -> str:
    """The kind of a building, out of `KINDS`; look-alikes are of one kind."""
    own = _twin_of(number)
    order = np.random.default_rng([seed, 11]).permutation(len(KINDS))
    rank = own - own // _PAIR_EVERY  # look-alikes do not count
    return list(KINDS)[int(order[rank % len(KINDS)])]


@lru_cache(maxsize=64)
def building(seed: int, number: int) -> Building:
    """The building of this number; the same arguments always give the same one.

    Args:
        seed: of the whole set.
        number: of the building, ≥ 0. Numbers 2 and 3, 6 and 7, … are look-alikes.
    """
    shape = np.random.default_rng([seed, 12, _twin_of(number)])
    detail = np.random.default_rng([seed, 13, number])
    kind = kind_of(seed, number)
    materials = _materials(shape, detail)
    solid = KINDS[kind](shape, detail)
    low, high = extent(solid)
    radius = float(np.hypot(*np.maximum(np.abs(low[:2]), np.abs(high[:2]))))
    return Building(kind, solid, materials, radius, float(high[2]))


def _materials(shape: Generator, detail: Generator) -> dict[str, Material]:
    """Walls by the massing's generator, so that look-alikes share them; windows and roofs by the detail's."""
    stone = np.array(_STONES[shape.integers(len(_STONES))]) * shape.uniform(0.9, 1.1)
    other = np.array(_STONES[shape.integers(len(_STONES))])
    wall = str(shape.choice(MASONRY))
    texture = int(shape.integers(1 << 30))
    trim = np.clip(stone * detail.uniform(0.85, 1.25), 0, 0.95)
    made = str(detail.choice(["tiles", "slate", "copper", "lead", "tiles", "slate"]))
    second = str(detail.choice(["tiles", "copper", "gold", "lead"]))

    def front(lit: float) -> Material:
        return facade(
            wall,
            Windows(
                str(detail.choice(WINDOWS)), bay=float(detail.uniform(2.2, 4.2)), floor=float(detail.uniform(3.0, 5.2)),
                size=(float(detail.uniform(0.3, 0.6)), float(detail.uniform(0.4, 0.7))), lit=lit,
            ),
            stone, other * 0.6 + trim * 0.4, detail,
        )  # fmt: skip

    def curtain() -> Material:
        tint = np.array([0.34, 0.42, 0.5]) * detail.uniform(0.6, 1.3)
        return facade(
            "panels",
            Windows(
                str(detail.choice(["band", "square", "tall"])), bay=float(detail.uniform(1.6, 3.5)),
                floor=float(detail.uniform(3, 4.2)), size=(0.85, 0.75), lit=0.45,
            ),
            tint, tint * 1.3, detail,
        )  # fmt: skip

    def roof(kind: str) -> Material:
        colours = _ROOFS[kind]
        return roofing(kind, colours[int(detail.integers(len(colours)))], detail)

    return {
        "wall": masonry(wall, stone, other, np.random.default_rng(texture)),
        "facade": front(0.35), "facade2": front(0.25), "glass": curtain(), "glass2": curtain(),
        "roof": roof(made), "roof2": roof(second), "trim": plain(trim, detail),
        "accent": plain(np.array([0.25, 0.24, 0.22]) if detail.random() < 0.6 else np.array([0.7, 0.56, 0.22]), detail),
        "clock": plain(np.array([0.9, 0.88, 0.8]), detail),
        "iron": plain(np.array([0.33, 0.27, 0.23]) * detail.uniform(0.7, 1.5), detail),
        "water": plain(np.array([0.22, 0.32, 0.34]), detail, 0.2),
    }  # fmt: skip
