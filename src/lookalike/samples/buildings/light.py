"""Hour and weather: where the sun stands, what light comes from where, fog, sky; and the camera that develops it.

Light adds up in linear colour: the sky's from above, the ground's from below, the sun's where nothing is in its way,
floodlights and lit windows at night. Air then hides what is far away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.samples.buildings.renderer import SUPERSAMPLING, Pixels
from lookalike.samples.buildings.textures import noise

__all__ = ["DAY_PARTS", "WEATHERS", "Light", "develop", "draw_light"]

Floats = npt.NDArray[np.float32]

#: Parts of the day and the hours they last.
DAY_PARTS: dict[str, tuple[float, float]] = {
    "dawn": (6.3, 7.5),
    "morning": (8.5, 10.5),
    "noon": (11.5, 13.5),
    "afternoon": (14.5, 17.0),
    "dusk": (18.5, 19.7),
    "night": (21.0, 23.5),
}
WEATHERS = ("clear", "overcast", "fog", "rain", "snow")

_SUNRISE, _SUNSET = 6.0, 20.0


@dataclass(frozen=True, eq=False)
class Light:
    """All that the hour and the weather decide.

    Attributes:
        hour: 0–24.
        weather: out of `WEATHERS`.
        sun: unit vector towards the sun or the moon.
        sun_colour: linear, already weakened by clouds.
        sky_colour: linear light from above.
        ground_colour: linear light thrown back from below.
        horizon: linear colour of the sky at the horizon, which fog takes too.
        zenith: linear colour of the sky overhead.
        clouds: share of the sky that clouds cover.
        air: metres after which two thirds of the light are scattered away.
        flood: strength of floodlights on the landmark.
        snow: how white what lies flat is, 0–1.
        rain: strength of the streaks, 0–1.
        night: whether windows are lit.
    """

    hour: float
    weather: str
    sun: npt.NDArray[np.float64]
    sun_colour: npt.NDArray[np.float64]
    sky_colour: npt.NDArray[np.float64]
    ground_colour: npt.NDArray[np.float64]
    horizon: npt.NDArray[np.float64]
    zenith: npt.NDArray[np.float64]
    clouds: float
    air: float
    flood: float
    snow: float
    rain: float
    night: bool

    @property
    def shadows(self) -> bool:
        """Whether the sun is strong enough to throw any."""
        return float(self.sun_colour.max()) > 0.15 and self.sun[2] > 0.03


def draw_light(part: str, weather: str, rng: np.random.Generator) -> Light:
    """An hour within a part of the day, and weather of a kind, with all that is left to chance drawn."""
    hour = float(rng.uniform(*DAY_PARTS[part]))
    night = part == "night"
    course = (hour - _SUNRISE) / (_SUNSET - _SUNRISE)
    height = np.radians(float(rng.uniform(35, 60)) if night else max(3.0, 62 * np.sin(np.pi * course)))
    bearing = np.radians(float(rng.uniform(0, 360)) if night else 90 + 180 * course)
    sun = np.array([np.sin(bearing) * np.cos(height), np.cos(bearing) * np.cos(height), np.sin(height)])
    low = float(np.clip(1 - np.sin(height) / 0.45, 0, 1))
    colour = np.array([1.0, 0.95 - 0.28 * low, 0.86 - 0.5 * low]) * (2.4 - 0.9 * low)
    zenith = np.array([0.16, 0.32, 0.7]) * (1 - 0.45 * low) * rng.uniform(0.75, 1.2)
    horizon = np.array([0.62, 0.74, 0.9]) * (1 - low) + np.array([0.95, 0.62, 0.42]) * low * rng.uniform(0.7, 1.0)
    sky = np.array([0.5, 0.62, 0.85]) * (1 - 0.35 * low)
    clouds, air, sunshine = rng.uniform(0, 0.45), rng.uniform(1500, 6000), 1.0
    if weather != "clear":
        sunshine = {"overcast": 0.06, "fog": 0.05, "rain": 0.02, "snow": rng.choice([0.08, 0.8])}[weather]
        grey = {"overcast": 0.75, "fog": 0.72, "rain": 0.42, "snow": 0.8}[weather] * rng.uniform(0.85, 1.15)
        cover = min(1.0, 1.15 - sunshine)
        horizon = horizon * (1 - cover) + cover * grey * np.array([0.97, 1.0, 1.03]) * (1 - 0.4 * low)
        zenith = zenith * (1 - cover) + cover * grey * np.array([0.78, 0.82, 0.88]) * (1 - 0.4 * low)
        sky = sky * (1 - cover) + cover * grey * np.array([1.0, 1.03, 1.08]) * (1 - 0.4 * low)
        clouds = max(clouds, cover)
        air = {"overcast": 2500, "fog": rng.uniform(90, 260), "rain": rng.uniform(350, 900), "snow": 1200}[weather]
    if night:
        dim = np.array([0.012, 0.018, 0.04]) * rng.uniform(0.6, 2.0)
        zenith, horizon = dim, dim * 2.2 + np.array([0.02, 0.012, 0.004]) * rng.uniform(0.3, 2)
        sky = dim * 2.5
        colour = np.array([0.05, 0.06, 0.09]) * rng.uniform(0.3, 1.0)
    flood = float(rng.uniform(0.35, 1.0) if rng.random() < 0.75 else 0.1) if night else 0.0
    snow = float(rng.uniform(0.6, 1.0)) if weather == "snow" else 0.0
    bounce = sky * 0.35 + colour * sunshine * max(0.0, sun[2]) * 0.12
    return Light(
        hour, weather, sun, colour * sunshine, sky * 0.75, bounce * (1 + snow), horizon, zenith, float(clouds),
        float(air), flood, snow, float(rng.uniform(0.3, 1)) if weather == "rain" else 0.0,
        night or (part in ("dawn", "dusk") and weather != "clear"),
    )  # fmt: skip


def _linear(colour: Floats) -> Floats:
    return colour * colour * (0.82 + 0.18 * colour)  # close to sRGB's curve, and quick


def develop(
    pixels: Pixels, light: Light, focus: tuple[float, float, float, float], rng: np.random.Generator
) -> Image.Image:
    """Light what was drawn and photograph it.

    Args:
        pixels: what was drawn.
        light: hour and weather.
        focus: middle (x, y, z) and radius, in metres, of what floodlights shine at.
        rng: exposure, white balance, grain.
    """
    single = np.float32
    normal, place = pixels.normal, pixels.place
    albedo = _linear(pixels.colour)
    if light.snow:
        lying = np.clip((normal[..., 2] - 0.45) / 0.35, 0, 1) * single(light.snow)
        albedo += (single(0.86) - albedo) * lying[..., None]
    if light.rain:
        albedo = albedo * np.where(normal[..., 2:] > 0.8, single(0.7), single(0.88))  # wet is darker
    up = (normal[..., 2:] + 1) / 2
    near_ground = single(0.72) + single(0.28) * np.clip(place[..., 2:] / 5, 0, 1)  # less sky reaches the foot of a wall
    level = np.where(normal[..., 2:] > 0.9, single(1), near_ground)
    lit = (light.sky_colour.astype(single) * up + light.ground_colour.astype(single) * (1 - up)) * level
    facing = np.clip(normal @ light.sun.astype(single), 0, None) * pixels.sunlit
    lit += light.sun_colour.astype(single) * facing[..., None]
    if light.flood:
        x, y, z, radius = focus
        aside = np.hypot(place[..., 0] - x, place[..., 1] - y)
        near = np.clip(1.3 - aside / radius, 0, 1) * np.clip(1.15 - 0.6 * np.abs(place[..., 2]) / max(z * 2, 1), 0, 1)
        lamps = (0.5 + 0.5 * (1 - np.abs(normal[..., 2]))) * near * single(light.flood)
        lit += lamps[..., None] * np.array([1.0, 0.72, 0.42], single)
    if light.night:
        lit += np.array([0.035, 0.028, 0.02], single)  # street lamps
    colour = albedo * lit
    if pixels.glow is not None:
        colour += _linear(pixels.glow) * single(1.3)
    through = np.exp(-pixels.distance / single(light.air))[..., None]
    colour = colour * through + light.horizon.astype(single) * (1 - through)
    colour *= ~pixels.sky[..., None]
    open_sky = _shrunk(pixels.sky[..., None].astype(single))
    colour = _shrunk(colour) + open_sky * _sky(pixels.ray[::SUPERSAMPLING, ::SUPERSAMPLING], light, rng)
    return _photograph(colour.astype(single), light, rng)


def _shrunk(values: Floats) -> Floats:
    """The mean of every `SUPERSAMPLING` × `SUPERSAMPLING` pixels."""
    step = SUPERSAMPLING
    parts = [values[row::step, column::step] for row in range(step) for column in range(step)]
    return np.asarray(sum(parts[1:], parts[0]) / np.float32(step * step), np.float32)


def _sky(ray: Floats, light: Light, rng: np.random.Generator) -> Floats:
    """Colour of the sky along rays, `(s, s, 3)`: a gradient, and clouds that shrink towards the horizon."""
    up = np.clip(ray[..., 2:], 0, 1)
    sky = light.horizon + (light.zenith - light.horizon) * np.sqrt(up)
    side = len(ray)
    density = noise(rng, 128, 3, 4)
    across = ray[..., :2] / (np.abs(ray[..., 2:]) + 0.25)
    cell = (across * 40).astype(np.int64) % 128
    texture = density[cell[..., 1], cell[..., 0]].reshape(side, side)
    amount = np.clip((texture + light.clouds * 1.6 - 0.75) * 1.6, 0, 1) * min(1.0, light.clouds * 1.5)
    white = light.horizon * 0.4 + (light.sun_colour * 0.25 + light.sky_colour * 0.7)
    return np.asarray(sky + (white - sky) * (amount * 0.85)[..., None], np.float32)


def _photograph(colour: Floats, light: Light, rng: np.random.Generator) -> Image.Image:
    """Exposure, white balance, tone curve, vignette, grain, streaks of rain; `(s, s, 3)` linear to a picture."""
    side = len(colour)
    grey = colour.mean(axis=2)
    # Metered as cameras do: the subject in the middle counts as much as the bright sky.
    middle = float(grey[side // 3 : side * 4 // 5, side // 4 : side * 3 // 4].mean())
    key = 0.5 * float(np.quantile(grey, 0.8)) + 1.2 * middle
    wanted = 0.32 if light.night else 0.78
    exposure = np.clip(wanted / max(key, 1e-3), 0.5, 6.0 if light.night else 3.0) * rng.uniform(0.8, 1.25)
    balance = 1 + rng.normal(0, 0.05) * np.array([1.0, 0.1, -1.0]) + rng.normal(0, 0.02, 3)
    exposed = colour * (exposure * balance).astype(np.float32)
    bright = np.clip(exposed * (1 + exposed / 5) / (1 + exposed * 0.75), 0, 1)
    picture = bright ** np.float32(1 / 2.2)
    if light.rain:
        streaks = rng.random((side, side)) < 0.004 * light.rain
        fallen = sum(np.roll(streaks, step, axis=0) for step in range(side // 24))
        picture = picture + 0.1 * np.minimum(fallen, 1)[..., None]
        picture = picture * 0.85 + picture.mean(axis=2, keepdims=True) * 0.15
    x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    picture = picture * (1 - rng.uniform(0, 0.2) * (x * x + y * y) / 2)[..., None]
    contrast, mean = rng.uniform(0.88, 1.12), 0.45
    picture = (picture - mean) * contrast + mean
    grain = rng.normal(0, rng.uniform(0.002, 0.018 if light.night else 0.009), picture.shape[:2])
    return Image.fromarray((np.clip(picture + grain[..., None], 0, 1) * 255).astype(np.uint8))
