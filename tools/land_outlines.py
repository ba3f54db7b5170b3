"""Makes the console's map of the world from Natural Earth's outlines, as npm's `world-atlas` carries them in TopoJSON.

    npm pack world-atlas@2.0.2 && tar xf world-atlas-2.0.2.tgz
    python tools/land_outlines.py package/countries-110m.json src/lookalike/service/console/world.json

Two GeoJSON geometries: `land`, whose polygons are filled, and `borders`, the lines that two countries share.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

Point = tuple[float, float]

#: Decimals of a degree: a kilometre, and the outlines are coarser.
_DECIMALS = 2


def _arcs(topology: Any) -> list[list[Point]]:
    """The lines of which all shapes are made: whole numbers, each the difference to the one before, scaled."""
    (scale_x, scale_y), (left, bottom) = topology["transform"]["scale"], topology["transform"]["translate"]
    lines = []
    for arc in topology["arcs"]:
        x = y = 0
        line: list[Point] = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            line.append((round(left + x * scale_x, _DECIMALS), round(bottom + y * scale_y, _DECIMALS)))
        lines.append(line)
    return lines


def _joined(arcs: list[list[Point]], numbers: list[int]) -> list[Point]:
    """A ring: its arcs one after the other; of a negative number the arc's complement, backwards."""
    ring: list[Point] = []
    for number in numbers:
        line = arcs[number] if number >= 0 else arcs[~number][::-1]
        ring += line[1:] if ring else line
    return _without_repeats(ring)


def _without_repeats(line: list[Point]) -> list[Point]:
    return [point for at, point in enumerate(line) if not at or point != line[at - 1]]


def _polygons(shape: Any) -> list[list[list[int]]]:
    if shape["type"] == "Polygon":
        return [shape["arcs"]]
    return list(shape.get("arcs", [])) if shape["type"] == "MultiPolygon" else []


def _ring_arcs(shape: Any) -> Iterator[int]:
    for polygon in _polygons(shape):
        for ring in polygon:
            yield from (number if number >= 0 else ~number for number in ring)


def _unwrapped(ring: list[Point]) -> list[Point]:
    """A ring without jumps from 180 to -180 degrees; one around a pole goes there and back."""
    made = ring[:1]
    for (before, _), (x, y) in pairwise(ring):
        made.append((made[-1][0] + (x - before + 180) % 360 - 180, y))
    if abs(made[-1][0] - made[0][0]) > 180:
        pole = 90.0 if made[0][1] > 0 else -90.0
        made += [(made[-1][0], pole), (made[0][0], pole), made[0]]
    return made


def _side(ring: list[Point], edge: float, sign: int) -> list[Point]:
    """What of a ring is right (1) or left (-1) of a meridian (Sutherland and Hodgman 1974)."""
    made: list[Point] = []
    for (x, y), (after_x, after_y) in pairwise(ring):
        inside, after_inside = sign * (x - edge) >= 0, sign * (after_x - edge) >= 0
        if inside:
            made.append((x, y))
        if inside != after_inside:
            made.append((edge, y + (edge - x) / (after_x - x) * (after_y - y)))
    return [*made, made[0]] if made else []


def _cut(polygon: list[list[Point]]) -> list[list[list[Point]]]:
    """A polygon as several, none of which crosses the meridian of 180 degrees; holes stay with the largest."""
    outer = _unwrapped(polygon[0])
    pieces = [_side(_side(outer, -180, 1), 180, -1)]
    pieces += [[(x - turn, y) for x, y in _side(outer, turn / 2, sign)] for turn, sign in ((360, 1), (-360, -1))]
    rings = sorted((_rounded(piece) for piece in pieces), key=len, reverse=True)
    largest, *others = [ring for ring in rings if len(ring) > 3 and len({x for x, _ in ring}) > 1]
    return [[largest, *polygon[1:]], *([other] for other in others)]


def _rounded(line: list[Point]) -> list[Point]:
    return _without_repeats([(round(x, _DECIMALS), round(y, _DECIMALS)) for x, y in line])


def outlines(topology: Any) -> dict[str, Any]:
    """The two geometries of a topology with the objects `land` and `countries`."""
    arcs = _arcs(topology)
    land = [
        piece
        for shape in topology["objects"]["land"]["geometries"]
        for polygon in _polygons(shape)
        for piece in _cut([_joined(arcs, ring) for ring in polygon])
    ]
    shared = Counter(arc for shape in topology["objects"]["countries"]["geometries"] for arc in set(_ring_arcs(shape)))
    borders = [_without_repeats(arcs[arc]) for arc, countries in sorted(shared.items()) if countries > 1]
    return {
        "land": {"type": "MultiPolygon", "coordinates": land},
        "borders": {"type": "MultiLineString", "coordinates": borders},
    }


if __name__ == "__main__":
    made = outlines(json.loads(Path(sys.argv[1]).read_bytes()))
    Path(sys.argv[2]).write_text(json.dumps(made, separators=(",", ":")) + "\n", encoding="utf-8")
