"""Photos of landmarks: a building among things that are not its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from lookalike.samples.buildings.light import Light, develop, draw_light
from lookalike.samples.buildings.placement import Sight, around, direction, in_front
from lookalike.samples.buildings.procedural_buildings import Building, building
from lookalike.samples.buildings.renderer import Camera, Renderer
from lookalike.samples.buildings.surroundings import stock

__all__ = ["Photograph", "photograph_landmark"]

Generator = np.random.Generator

#: The least share of the picture that must show the landmark.
_LEAST_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture and how it was taken.

    Attributes:
        picture: RGB.
        azimuth: degrees clockwise from north at which the camera stands, seen from the subject.
        elevation: degrees of the camera above the horizon, seen from the subject's foot.
        distance: metres from the camera to the subject's middle.
        hour: 0–24.
        weather: out of `WEATHERS`.
    """

    picture: Image.Image
    azimuth: float
    elevation: float
    distance: float
    hour: float
    weather: str


def photograph_landmark(
    renderer: Renderer, seed: int, number: int, azimuth: float, *, part: str, weather: str, rng: Generator
) -> Photograph:
    """Photograph landmark `number` of the set `seed`.

    Distance, height, lens, framing, surroundings and what stands in front are drawn; a draw that hides the landmark
    or leaves it too small is drawn again.

    Args:
        renderer: draws.
        seed: of the whole set.
        number: of the building.
        azimuth: degrees clockwise from north at which the camera stands.
        part: of the day, out of `DAY_PARTS`.
        weather: out of `WEATHERS`.
        rng: decides everything else.
    """
    subject = building(seed, number)
    light = draw_light(part, weather, rng)
    for attempt in range(6):
        taken, share = _try_landmark(renderer, seed, subject, azimuth, light, rng=rng, bare=attempt >= 4)
        if share >= _LEAST_SHARE:
            break
    return taken


def _try_landmark(
    renderer: Renderer, seed: int, subject: Building, azimuth: float, light: Light, *, rng: Generator, bare: bool
) -> tuple[Photograph, float]:
    """One try, and the share of the picture that shows the landmark; a `bare` one has nothing in front."""
    view = float(rng.choice([28, 38, 50, 62])) * float(rng.uniform(0.9, 1.1))
    fill = float(rng.uniform(0.5, 1.15))
    size = max(subject.height, 1.3 * subject.radius)
    distance = max(size / 2 / np.tan(np.radians(view / 2)) / fill, subject.radius * 1.15 + 4)
    if light.weather == "fog":
        distance = min(distance, light.air * 1.1)
    drone = rng.random() < 0.25
    elevation = float(rng.uniform(10, 38)) if drone else 0.0
    height = distance * float(np.sin(np.radians(elevation))) if drone else float(rng.uniform(1.5, 6))
    away = max(distance * float(np.cos(np.radians(elevation))), subject.radius * 1.1 + 3)
    slope = float(np.tan(np.radians(view / 2)))
    sight = Sight(direction(azimuth), away, slope, subject.radius)
    shift = sight.aside * float(np.clip(rng.normal(0, 0.22), -0.5, 0.5)) * slope * distance
    target = (float(shift[0]), float(shift[1]), subject.height * float(rng.uniform(0.38, 0.58)))
    near = around(rng, sight, bare)
    if not bare and rng.random() < 0.55:
        near += in_front(rng, sight)
    eye = sight.toward * away
    camera = Camera((float(eye[0]), float(eye[1]), height), target, view, float(rng.normal(0, 1.5)))
    pixels = renderer.draw(
        subject.solid + near, {**stock(seed), **subject.materials}, camera, light.sun if light.shadows else None,
        subject.radius * 1.5 + subject.height * 0.6 + 15, light.night,
    )  # fmt: skip
    place = pixels.place
    on = (np.hypot(place[..., 0], place[..., 1]) < subject.radius + 0.5) & (place[..., 2] > 0.2) & ~pixels.sky
    picture = develop(pixels, light, (0.0, 0.0, max(subject.height / 2, 4.0), subject.radius * 1.4), rng)
    tilt, far = float(np.degrees(np.arctan2(height, away))), float(np.hypot(away, height - subject.height / 2))
    return Photograph(picture, azimuth % 360, tilt, far, light.hour, light.weather), float(on.mean())
