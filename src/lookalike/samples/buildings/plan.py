"""Which photos are taken: how many of which place, from where, when, in what weather; decided before any is drawn.

A place's test photos come from directions that no training photo of it is near, in a pairing of hour and weather that
no training photo of it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lookalike.datasets.places import NON_LANDMARK
from lookalike.errors import InputError
from lookalike.landmarks.place import Place
from lookalike.samples.buildings.light import DAY_PARTS, WEATHERS
from lookalike.samples.buildings.procedural_buildings import kind_of

__all__ = ["LEAST_AZIMUTH_GAP", "SPLITS", "PhotoSetOptions", "Shot", "place_of", "plan_non_landmarks", "plan_place"]

Generator = np.random.Generator

#: No training azimuth of a place is nearer to one of its test azimuths, degrees.
LEAST_AZIMUTH_GAP = 12.0
#: Of the non-landmark pictures: to learn from, to set thresholds on, to measure with.
SPLITS = ("train", "calibration", "test")

#: Directions from which a place is tested, and how far around each, degrees.
_TEST_DIRECTIONS, _TEST_SPREAD = 4, 9.0
#: Share of photos by weather.
_WEATHER_SHARES = {"clear": 0.42, "overcast": 0.24, "fog": 0.07, "rain": 0.13, "snow": 0.14}
_PART_SHARES = {"dawn": 0.12, "morning": 0.24, "noon": 0.2, "afternoon": 0.24, "dusk": 0.1, "night": 0.1}
#: Degrees around 0° N 0° E within which the made-up places lie, in the open sea, unlike any real
#: place.
_REGION = 0.5


@dataclass(frozen=True, kw_only=True)
class PhotoSetOptions:
    """Which photos a set has; the same options give the same pictures on one machine.

    Attributes:
        landmarks: number of places, 1 to 10,000.
        photos: fewest and most training photos of a place; few places have many.
        test_photos: of every place.
        non_landmarks: pictures without a landmark, to learn from, to set thresholds on, and to measure with.
        size: side of the square pictures in pixels, 32 to 1024.
        seed: decides everything that is drawn.

    Raises:
        InputError: a number out of its range.

    Example:
        >>> PhotoSetOptions(landmarks=4, photos=(2, 3)).non_landmarks
        (300, 300, 600)
    """

    landmarks: int = 48
    photos: tuple[int, int] = (8, 24)
    test_photos: int = 8
    non_landmarks: tuple[int, int, int] = (300, 300, 600)
    size: int = 192
    seed: int = 0

    def __post_init__(self) -> None:
        rules = [
            (1 <= self.landmarks <= 10_000, f"landmarks must be 1 to 10,000, not {self.landmarks}"),
            (
                len(self.photos) == 2 and 1 <= self.photos[0] <= self.photos[1],
                f"photos must be the fewest and the most of a place, 1 ≤ fewest ≤ most, not {self.photos}",
            ),
            (self.test_photos >= 0, f"test_photos must be 0 or more, not {self.test_photos}"),
            (
                len(self.non_landmarks) == 3 and min(self.non_landmarks) >= 0,
                f"non_landmarks must be three counts (train, calibration, test), 0 or more, not {self.non_landmarks}",
            ),
            (32 <= self.size <= 1024, f"size must be 32 to 1024 pixels, not {self.size}"),
            (self.seed >= 0, f"seed must be 0 or more, not {self.seed}"),
        ]
        for holds, message in rules:
            if not holds:
                raise InputError(message)


@dataclass(frozen=True)
class Shot:
    """A photo to take.

    Attributes:
        path: below the set's folder, with `/`.
        identity: of the place, or `NON_LANDMARK`.
        split: train or test; for non-landmarks calibration too.
        number: of the building; None for non-landmarks.
        stream: seeds everything that is drawn for it.
        azimuth: degrees; None where the scene decides.
        part: of the day.
        weather: out of `WEATHERS`.
        latitude: of what is photographed, degrees.
        longitude: of what is photographed, degrees.
    """

    path: str
    identity: str
    split: str
    number: int | None
    stream: tuple[int, ...]
    azimuth: float | None
    part: str
    weather: str
    latitude: float
    longitude: float


def place_of(seed: int, number: int) -> Place:
    """The place of a building."""
    kind = kind_of(seed, number)
    label = f"{number + 1:02d}"
    return Place(f"{kind.lower().replace(' ', '-')}-{label}", f"{kind} {label}", *_position(seed, number))


def _position(seed: int, number: int) -> tuple[float, float]:
    latitude, longitude = np.random.default_rng([seed, 41, number]).uniform(-_REGION, _REGION, 2).round(6)
    return float(latitude), float(longitude)


def plan_place(seed: int, number: int, landmarks: int, photos: tuple[int, int], test_photos: int) -> list[Shot]:
    """All photos of one place, training first.

    Args:
        seed: of the set.
        number: of the place, below `landmarks`.
        landmarks: number of places; their counts of training photos fall off from the first ranked to the last.
        photos: fewest and most training photos of a place.
        test_photos: of every place.
    """
    place = place_of(seed, number)
    rng = np.random.default_rng([seed, 42, number])
    rank = int(np.random.default_rng([seed, 43]).permutation(landmarks)[number])
    train = photos[0] + round((photos[1] - photos[0]) * (1 - rank / max(landmarks - 1, 1)) ** 2)
    seen, unseen = _azimuths(rng, train, test_photos)
    learn, tested = _conditions(rng, train, test_photos)
    latitude, longitude = _position(seed, number)
    shots = []
    for split, azimuths, conditions in (("train", seen, learn), ("test", unseen, tested)):
        for index, (azimuth, (part, weather)) in enumerate(zip(azimuths, conditions, strict=True)):
            path = f"{split}/{place.id}/{index:03d}.jpg"
            stream = (seed, 44, number, int(split == "test"), index)
            shots.append(Shot(path, place.id, split, number, stream, azimuth, part, weather, latitude, longitude))
    return shots


def plan_non_landmarks(seed: int, split: str, first: int, count: int) -> list[Shot]:
    """`count` pictures of a split from the `first` on; a picture does not depend on how many there are."""
    shots = []
    for index in range(first, first + count):
        stream = (seed, 45, SPLITS.index(split), index)
        rng = np.random.default_rng([*stream, 1])
        latitude, longitude = rng.uniform(-_REGION, _REGION, 2).round(6)
        part, weather = _draw(rng, _PART_SHARES), _draw(rng, _WEATHER_SHARES)
        path = f"{NON_LANDMARK}/{split}/{index:03d}.jpg"
        shots.append(
            Shot(path, NON_LANDMARK, split, None, stream, None, part, weather, float(latitude), float(longitude))
        )
    return shots


def _draw(rng: Generator, shares: Mapping[str, float]) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _azimuths(rng: Generator, train: int, test: int) -> tuple[list[float], list[float]]:
    """Training and test azimuths in hundredths of a degree, at least `LEAST_AZIMUTH_GAP` apart."""
    spacing = 360 / _TEST_DIRECTIONS
    start = rng.uniform(0, 360)
    unseen = [
        round(float(start + spacing * (i % _TEST_DIRECTIONS) + rng.uniform(-_TEST_SPREAD, _TEST_SPREAD)) % 360, 2)
        for i in range(test)
    ]
    seen: list[float] = []
    while len(seen) < train:  # at least half of the circle is free
        azimuth = round(float(rng.uniform(0, 360)), 2)
        if all(abs((azimuth - other + 180) % 360 - 180) >= LEAST_AZIMUTH_GAP for other in unseen):
            seen.append(azimuth)
    return seen, unseen


def _conditions(rng: Generator, train: int, test: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Pairings of part of the day and weather: none is in both lists; a third of all are the tests'."""
    pairs = [(part, weather) for part in DAY_PARTS for weather in WEATHERS]
    shares = np.array([_PART_SHARES[part] * _WEATHER_SHARES[weather] for part, weather in pairs])
    kept = rng.choice(len(pairs), len(pairs) // 3, replace=False, p=shares / shares.sum())
    held = np.isin(np.arange(len(pairs)), kept)

    def draw(allowed: np.ndarray[tuple[int], np.dtype[np.bool_]], count: int) -> list[tuple[str, str]]:
        chance = np.where(allowed, shares, 0)
        return [pairs[i] for i in rng.choice(len(pairs), count, p=chance / chance.sum())]

    return draw(~held, train), draw(held, test)
