"""A place: its name, where it is, and a link to a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.identity_names import canonical_name

__all__ = ["Place", "checked_position", "middle_position"]

#: Radians below which photos are taken to stand on one spot: 6 mm on the ground.
SPOT = 1e-9
#: On the sphere of radius 1.
CENTIMETRE = 1.6e-9
ITERATIONS = 500
MAP_ZOOM = 17


@dataclass(frozen=True)
class Place:
    """What is known of a place.

    Attributes:
        id: of its identity, in its canonical form: a folder's name, or the landmark id of Google Landmarks.
        name: for readers; the id where none is given.
        latitude: in degrees, north positive, WGS 84; None where unknown.
        longitude: in degrees, east positive; None where unknown.

    Raises:
        InputError: no id, only one of the two coordinates, or a coordinate out of range.

    Example:
        >>> Place("1", "Sacré-Cœur", 48.8867, 2.3431).map_url
        'https://www.openstreetmap.org/?mlat=48.886700&mlon=2.343100#map=17/48.886700/2.343100'
    """

    id: str
    name: str = ""
    latitude: float | None = None
    longitude: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id.strip():
            raise InputError(f"a place has the id {self.id!r}; expected a text that is not empty")
        object.__setattr__(self, "id", canonical_name(self.id))
        if not self.name:
            object.__setattr__(self, "name", self.id)
        if (self.latitude is None) != (self.longitude is None):
            raise InputError(
                f"{self.id!r} has the latitude {self.latitude} and the longitude {self.longitude}; give both or neither"
            )
        if self.latitude is not None and self.longitude is not None:
            checked_position(self.latitude, self.longitude, repr(self.id))

    @property
    def map_url(self) -> str | None:
        """A link to OpenStreetMap with a marker on the place; None where its position is not known."""
        if self.latitude is None or self.longitude is None:
            return None
        lat, lon = f"{self.latitude:.6f}", f"{self.longitude:.6f}"  # 0.1 m; never in exponents
        return f"https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map={MAP_ZOOM}/{lat}/{lon}"


def checked_position(latitude: float, longitude: float, what: str = "the position") -> tuple[float, float]:
    """Degrees within -90 to 90 and -180 to 180, or an `InputError`."""
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # NaN is neither
        raise InputError(
            f"{what} has the latitude {latitude} and the longitude {longitude}; expected degrees, -90 to 90 and "
            "-180 to 180"
        )
    return float(latitude), float(longitude)


def middle_position(positions: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median on the sphere: the position whose distances to all others add up to the least.

    One photo with a wrong position does not carry the place away, as it would a mean. Distances are chords of the
    sphere, which over a town are those on the ground. Photos that are spread over opposite sides of the Earth in equal
    measure have no middle; the first in order is returned.

    Args:
        positions: latitude and longitude in degrees, at least one.

    Returns:
        latitude and longitude in degrees.

    Raises:
        InputError: none are given, or one is out of range.

    Source:
        Weiszfeld, "Sur le point pour lequel la somme des distances de n points donnés est minimum" (1937), by the
        iteration named after him.

    Example:
        >>> middle_position([(48.8867, 2.3431), (48.8867, 2.3431), (0.0, 100.0)])
        (48.8867, 2.3431)
    """
    if not len(positions):
        raise InputError("no positions were given; a middle needs at least one")
    degrees = np.array(sorted(checked_position(*one) for one in positions))
    if (degrees == degrees[0]).all():
        return float(degrees[0, 0]), float(degrees[0, 1])
    latitude, longitude = np.radians(degrees).T
    points = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )
    middle = points.mean(axis=0)
    for _ in range(ITERATIONS):
        # The distance is kept from 0, so that a middle on a photo is reached and not divided by.
        weight = 1 / np.sqrt(((points - middle) ** 2).sum(axis=1) + SPOT**2)
        before, middle = middle, weight @ points / weight.sum()
        if ((middle - before) ** 2).sum() < (SPOT / 1000) ** 2:
            break
    # Where the middle is a photo itself, the iteration creeps up to it without end. Of two, all between are middles.
    photo = points[((points - middle) ** 2).sum(axis=1).argmin()]
    if _sum_of_distances(points, photo) < _sum_of_distances(points, middle) - CENTIMETRE:
        middle = photo
    length = math.sqrt(float(middle @ middle))
    if length < 1e-6:
        return float(degrees[0, 0]), float(degrees[0, 1])
    x, y, z = (middle / length).tolist()
    # Rounded to 1e-7 degrees, 1 cm: no position is known better.
    return round(math.degrees(math.asin(max(-1.0, min(1.0, z)))), 7), round(math.degrees(math.atan2(y, x)), 7)


def _sum_of_distances(points: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(((points - at) ** 2).sum(axis=1)).sum())
