"""The atlas: what a landmark gallery keeps beside its centroids.

The photos behind every centroid with their sources, what is known of the places, photos that show no landmark, the
thresholds that keep the promise about such photos, and how probable answers are. It is the gallery's annex
(`gallery/annex`): written place by place, in one step with the centroids, without a place as soon as that is forgotten.
Thresholds and odds stay when a place is forgotten: fewer places accept no more photos than before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from lookalike.decisions.place_odds import NON_LANDMARK_SHARE, UNKNOWN_PLACE_SHARE, PlaceOdds
from lookalike.decisions.rejection import Rejection
from lookalike.distances import unit_length
from lookalike.errors import ArtefactError, InputError
from lookalike.gallery.annex import Annex, AnnexUpdate, Kept
from lookalike.identity_names import canonical_name
from lookalike.landmarks.place import Place

__all__ = ["ODDS", "Atlas", "AtlasSettings", "PlacePhotos", "atlas_update", "known_better"]

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

#: The template of a photo that went into no centroid.
NO_TEMPLATE = -1
#: The entry of the annex's document that holds the odds.
ODDS = "odds"


@dataclass(frozen=True)
class AtlasSettings:
    """What was asked for at enrolment; the next one keeps it where nothing else is said.

    Attributes:
        promise_fpr: largest share of photos without a landmark that are accepted as any place.
        confidence: that the true share is not larger; None promises the measured one.
        max_centroids: of one place.
        clean: whether photos that lie far from their place, or nearer to another, are left out of centroids.
        unknown_places: share of the photos asked about that are taken to show a place which is not enrolled; decides
            how sure an answer is, not what it is.
        non_landmarks: share that is taken to show none, likewise. The rest shows enrolled places.

    Raises:
        InputError: shares below 0, or that leave none for enrolled places.
    """

    promise_fpr: float = 0.01
    confidence: float | None = 0.95
    max_centroids: int = 8
    clean: bool = True
    unknown_places: float = UNKNOWN_PLACE_SHARE
    non_landmarks: float = NON_LANDMARK_SHARE

    def __post_init__(self) -> None:
        if not (min(self.unknown_places, self.non_landmarks) >= 0 and self.unknown_places + self.non_landmarks < 1):
            raise InputError(
                f"unknown_places is {self.unknown_places} and non_landmarks is {self.non_landmarks}; expected shares "
                "of at least 0 that leave some for enrolled places, such as 0.25 each"
            )


@dataclass(frozen=True, eq=False)
class PlacePhotos:
    """Photos of one place: `(n, d)` vectors, their sources, and `(n,)` the template each went into, or -1."""

    vectors: Floats
    sources: Sequence[str]
    templates: Integers


@dataclass(frozen=True, eq=False)
class Atlas:
    """A gallery's annex, read as an atlas.

    Example:
        >>> atlas = Atlas(annex_of(open_gallery("places.gallery")).annex())    # doctest: +SKIP
        >>> atlas.place("sacre_coeur").name, atlas.settings.promise_fpr    # doctest: +SKIP
        ('Sacré-Cœur', 0.01)
    """

    annex: Annex

    @cached_property
    def rejection(self) -> Rejection:
        """The thresholds.

        Raises:
            ArtefactError: they are damaged or of another version.
        """
        stored: dict[str, Any] = dict(self._document("rejection"))
        entries = self.annex.entries
        try:
            stored["densities"] = {name: entry["density"] for name, entry in entries.items()}
            stored["bounds"] = {name: entry["bound"] for name, entry in entries.items() if entry["bound"] is not None}
        except (LookupError, TypeError) as error:
            raise ArtefactError(f"the atlas's entries are damaged ({error!r}); enroll again") from None
        bank = self.non_landmarks
        cosine = stored.get("metric") == "cosine" and len(bank)
        return Rejection.from_dict(stored, np.asarray(unit_length(bank), np.float32) if cosine else bank)

    @property
    def non_landmarks(self) -> Floats:
        """`(m, d)` vectors of photos without a landmark, as they were given, none of them twice."""
        return self.annex.common["non_landmarks"]

    @cached_property
    def settings(self) -> AtlasSettings:
        """What was asked for at the last enrolment."""
        try:
            return AtlasSettings(**self._document("settings"))
        except (TypeError, InputError) as error:
            raise ArtefactError(f"the atlas's settings are damaged ({error}); enroll again") from None

    @cached_property
    def odds(self) -> PlaceOdds | None:
        """How probable answers are; None in an atlas of an earlier version, which `atlas_odds.measured` completes."""
        if ODDS not in self.annex.document:
            return None
        try:
            return PlaceOdds.model_validate(self.annex.document[ODDS])
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise ArtefactError(f"the atlas's odds are damaged at {where}: {first['msg']}; enroll again") from None

    @property
    def places(self) -> list[str]:
        """The ids of all places, sorted."""
        return list(self.annex.entries)

    def place(self, place: str) -> Place:
        """What is known of a place; its id alone where it is not in the atlas."""
        facts = self.annex.entries.get(canonical_name(place), {}).get("facts", {})
        try:
            return Place(place, **facts)
        except (TypeError, InputError) as error:
            raise ArtefactError(f"what the atlas knows of {place!r} is damaged ({error}); enroll again") from None

    def photos(self, place: str) -> PlacePhotos:
        """The photos of a place, those left out of centroids included; mapped, see `Annex`."""
        kept = self.annex.kept.get(canonical_name(place))
        if kept is None:
            return PlacePhotos(self.non_landmarks[:0], (), np.empty(0, np.int64))
        try:
            return PlacePhotos(kept.rows["photos"], kept.sources, kept.rows["templates"])
        except KeyError as error:
            raise ArtefactError(f"the atlas's photos of {place!r} lack their {error}; enroll again") from None

    def _document(self, key: str) -> Any:
        if key not in self.annex.document:
            raise ArtefactError(f"the gallery's annex holds no {key}: it is no atlas of landmarks; enroll again")
        return self.annex.document[key]


def atlas_update(
    photos: Mapping[str, PlacePhotos],
    places: Mapping[str, Place],
    rejection: Rejection,
    odds: PlaceOdds,
    non_landmarks: Floats,
    settings: AtlasSettings,
) -> AnnexUpdate:
    """What is written to the disk of an atlas.

    Args:
        photos: of every place, maybe none.
        places: what is known of them; places that are missing here are known by their id.
        rejection: the thresholds, for exactly the places of `photos`.
        odds: how probable answers are.
        non_landmarks: that it was fitted to, as they were given: brought to unit length once more, they would differ.
        settings: asked for.

    Example:
        >>> keeper.enroll_with_annex(centroids, lambda ids: atlas_update(...))    # doctest: +SKIP
    """
    stored = rejection.to_dict()
    densities, bounds = stored.pop("densities"), stored.pop("bounds")
    kept = {}
    for name in sorted(photos):
        place, own = places.get(name, Place(name)), photos[name]
        # A name that is the id is not stored, so that a place that is renamed is shown under its new one.
        shown = None if place.name == place.id else place.name
        entry = {
            "facts": {"name": shown, "latitude": place.latitude, "longitude": place.longitude},
            "density": densities[name],
            "bound": bounds.get(name),
        }
        kept[name] = Kept(entry, {"photos": own.vectors, "templates": own.templates}, own.sources)
    document = {"rejection": stored, "settings": asdict(settings), ODDS: odds.model_dump(mode="json")}
    return AnnexUpdate(kept, {"non_landmarks": non_landmarks}, document)


def known_better(older: Place, newer: Place) -> Place:
    """What is known of a place from two sources: the newer one's name and position, where it has them.

    Example:
        >>> known_better(Place("1", "Sacré-Cœur", 48.8867, 2.3431), Place("1", "Basilique")).map_url is not None
        True
    """
    at = older if newer.latitude is None else newer
    return Place(older.id, newer.name if newer.name != newer.id else older.name, at.latitude, at.longitude)
