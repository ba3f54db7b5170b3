"""Where a photo was taken, by the GPS fields of its EXIF.

Phones and cameras write degrees, minutes and seconds as fractions, and letters for the hemispheres. Some write zeros
where they know nothing, or divide by zero. A position is believed where it is whole and possible, and is not
0° N 0° E, which lies in the sea and means that nothing was known.

Source: CIPA DC-008, Exif 2.32, section 4.6.6 (GPS tags 1 to 4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from lookalike.images import Picture, gps_fields
from lookalike.landmarks.place import Place, middle_position

__all__ = ["photo_position", "place_from_photos"]

#: Tags: the letter of the hemisphere, its meaning, the tag of the angle, and the largest angle.
LATITUDE = (1, {"N": 1, "S": -1}, 2, 90)
LONGITUDE = (3, {"E": 1, "W": -1}, 4, 180)


def photo_position(picture: Picture) -> tuple[float, float] | None:
    """Latitude and longitude of a photo in degrees, north and east positive; None where it does not tell.

    Args:
        picture: as `images.read_picture` takes it; its pixels are not decoded.

    Raises:
        ImageError: it cannot be opened as a picture. Damaged or absurd EXIF only means None.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> exif = Image.Exif()
        >>> exif[0x8825] = {1: "N", 2: (48.0, 53.0, 12.12), 3: "E", 4: (2.0, 20.0, 35.16)}
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
        >>> tuple(round(degrees, 4) for degrees in photo_position(file.getvalue()))
        (48.8867, 2.3431)
    """
    fields = gps_fields(picture)
    latitude, longitude = (_degrees(fields, *axis) for axis in (LATITUDE, LONGITUDE))
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def place_from_photos(place_id: str, photos: Iterable[Picture], name: str = "") -> Place:
    """A place where its photos were taken: the median of the positions in their EXIF, if any has one.

    Args:
        place_id: its identity.
        photos: of it.
        name: for readers.

    Raises:
        ImageError: a photo cannot be opened.
        InputError: the id is empty.
    """
    positions = [position for photo in photos if (position := photo_position(photo)) is not None]
    return Place(place_id, name, *middle_position(positions)) if positions else Place(place_id, name)


def _degrees(
    fields: Mapping[int, Any], letter_tag: int, signs: Mapping[str, int], angle_tag: int, most: float
) -> float | None:
    letter, angle = fields.get(letter_tag), fields.get(angle_tag)
    if isinstance(letter, bytes):
        letter = letter.decode("ascii", "replace")
    sign = signs.get(letter.strip(" \0").upper()[:1]) if isinstance(letter, str) else None
    fractions = angle if isinstance(angle, tuple) else (angle,)  # Pillow unwraps a single one
    if sign is None or not 1 <= len(fractions) <= 3 or not all(isinstance(part, Real) for part in fractions):
        return None
    parts = [float(part) for part in fractions]
    # A denominator of zero becomes NaN or infinity. Rounding writes 60 seconds at times.
    if not all(math.isfinite(part) and part >= 0 for part in parts) or any(part > 60 for part in parts[1:]):
        return None
    total = sum(part / 60**power for power, part in enumerate(parts))
    return sign * total if total <= most else None
