"""What a recognizer answers, about people and about places."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lookalike.decisions.policies import Decision
from lookalike.decisions.promise import PromisedRate, PromisedThreshold
from lookalike.gallery.records import Candidate, Kind
from lookalike.json_values import plain

if TYPE_CHECKING:
    from lookalike.embedder.face import Face

__all__ = ["Enrolled", "ExamplePhoto", "Identified", "IdentifiedFace", "PlaceCandidate", "Verified"]


@dataclass(frozen=True)
class Enrolled:
    """What `enroll` stored: the name as it is kept, the templates' numbers, and remarks on the pictures."""

    identity: str
    template_ids: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verified:
    """Whether two pictures show one identity: `match` is `distance <= threshold`.

    Attributes:
        match: whether they do.
        distance: between the pictures.
        threshold: a match is a distance of at most this.
        threshold_source: the promise the threshold rests on, in words.
        notes: remarks on the pictures.
        decision: `match`, `unknown` for different identities, or `ambiguous`: too far to promise a match, but not
            farther than the distance at which the promise is expected to hold.
        probability: of one identity, at even odds beforehand; None where no odds were measured.
        promised: the promise in numbers; None where the threshold was measured, documented or given.
        weakness: says so where the odds were measured on too few identities to say much, and what to do; else empty.
        faces: that were compared, one of each picture; none where the model looks at pictures as a whole.
    """

    match: bool
    distance: float
    threshold: float
    threshold_source: str
    notes: tuple[str, ...] = ()
    decision: Decision = "unknown"
    probability: float | None = None
    promised: PromisedThreshold | None = None
    weakness: str = ""
    faces: tuple[Face, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class ExamplePhoto:
    """An enrolled photo that a photo resembles: where it is, and how far in vectors."""

    source: str
    distance: float


@dataclass(frozen=True)
class PlaceCandidate(Candidate):
    """A place that a photo may show: a candidate, and what is known of it.

    Attributes:
        identity: the place's id.
        distance: from its nearest centroid.
        template_id: of that centroid.
        name: for readers.
        latitude: in degrees; None where unknown.
        longitude: in degrees; None where unknown.
        map_url: a link to a map; None where the position is unknown.
        threshold: what the distance may be at most, of this place and for this photo: the promise's threshold less the
            densities of non-landmarks around both.
        confidence: probability that the photo shows it, rather than another candidate, a place that is not enrolled, or
            none (`decisions.place_odds`); those of all candidates are below 1 together.
        ranking: what candidates are sorted by, smaller first.
        photos: its enrolled photos that resemble the photo most, nearest first.
    """

    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    map_url: str | None = None
    threshold: float = -math.inf
    confidence: float = 0.0
    ranking: float = math.inf
    photos: tuple[ExamplePhoto, ...] = ()

    @property
    def place(self) -> str:
        """The place's id."""
        return self.identity

    @property
    def accepted(self) -> bool:
        """Whether the promise lets it be named."""
        return self.distance <= self.threshold

    def to_json(self) -> dict[str, Any]:
        """The fields for JSON."""
        own = ("name", "latitude", "longitude", "map_url", "distance", "threshold", "confidence", "ranking", "photos")
        return {"place": self.place} | {key: getattr(self, key) for key in own}


#: The keys of an answer about people, and of one about places, in the order in which they are printed.
_PEOPLE_KEYS = (
    "identity", "distance", "threshold", "threshold_source", "candidates", "notes", "decision", "probability", "margin",
    "identities", "templates", "promised", "fpir_bound", "weakness", "face",
)  # fmt: skip
_PLACE_KEYS = (
    "decision", "place", "candidates", "threshold_source", "promised", "places", "notes", "seconds_embedding",
    "seconds_search", "name", "latitude", "longitude", "map_url", "distance", "threshold", "confidence",
)  # fmt: skip


@dataclass(frozen=True)
class Identified:
    """Whom or what a picture shows: `identity`, or None for nothing in the gallery, and the nearest candidates.

    Attributes:
        identity: the name, where the decision is `match`; None otherwise, the candidates then say who it may be.
        distance: the first candidate's; infinite where the gallery is empty.
        threshold: a match is a distance of at most this. Of places it is the first candidate's own; minus infinity
            where there is none.
        threshold_source: the promise the threshold rests on, in words.
        candidates: nearest first. Of places they are `PlaceCandidate`, best first, accepted ones before all others.
        notes: remarks on the picture.
        decision: `match`; `unknown`: nobody in the gallery, or no landmark, or none in it; or `ambiguous`: two
            identities within the threshold of which neither is clearly likelier, or one a little too far to be
            promised.
        probability: that the nearest candidate is the right one, given all of them, the size of the gallery and the
            share of mated searches; None where no odds were measured, where the gallery is empty, and of places.
        margin: how much farther than the first the second identity is; infinite where there is none, and of places,
            which are compared by their ranking.
        identities: in the gallery at the time of the search.
        templates: in the gallery at that time; the threshold of a promise per search follows it.
        promised: the promise in numbers; None where the threshold was measured, documented or given.
        fpir_bound: upper 95% bound of the share of strangers' searches of this gallery that such a threshold names;
            None where it is not known.
        weakness: says so where the odds were measured on too few identities to say much, and what to do; else empty.
        kind: of the gallery: `people` or `landmarks`.
        seconds_embedding: from picture to vector; of a batch, its share.
        seconds_search: from vector to answer; of a batch, its share.
        faces: found in the picture, the one that the answer is about first; empty where the model looks for none.
    """

    identity: str | None
    distance: float
    threshold: float
    threshold_source: str
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()
    decision: Decision = "unknown"
    probability: float | None = None
    margin: float = math.inf
    identities: int = 0
    templates: int = 0
    promised: PromisedThreshold | PromisedRate | None = None
    fpir_bound: float | None = None
    weakness: str = ""
    kind: Kind = "people"
    seconds_embedding: float = field(default=0.0, compare=False)
    seconds_search: float = field(default=0.0, compare=False)
    faces: tuple[Face, ...] = field(default=(), compare=False)

    @property
    def face(self) -> Face | None:
        """The face that the answer is about; None where the model looks at the picture as a whole."""
        return self.faces[0] if self.faces else None

    # --- of places ----------------------------------------------------------------------------------------

    @property
    def place_candidates(self) -> tuple[PlaceCandidate, ...]:
        """The candidates that are places."""
        return tuple(one for one in self.candidates if isinstance(one, PlaceCandidate))

    @property
    def place(self) -> str | None:
        """The matched place's id; None where the decision is another, and of people."""
        return self.identity if self.kind == "landmarks" else None

    @property
    def places(self) -> int:
        """Places in the gallery at the time of the search; 0 of people."""
        return self.identities if self.kind == "landmarks" else 0

    @property
    def best(self) -> PlaceCandidate | None:
        """The first candidate, accepted or not; None in an empty gallery, and of people."""
        first = self.candidates[0] if self.candidates else None
        return first if isinstance(first, PlaceCandidate) else None

    @property
    def _matched(self) -> PlaceCandidate | None:
        return self.best if self.decision == "match" else None

    @property
    def name(self) -> str | None:
        """The matched place's name."""
        return None if self._matched is None else self._matched.name

    @property
    def latitude(self) -> float | None:
        """The matched place's, in degrees."""
        return None if self._matched is None else self._matched.latitude

    @property
    def longitude(self) -> float | None:
        """The matched place's, in degrees."""
        return None if self._matched is None else self._matched.longitude

    @property
    def map_url(self) -> str | None:
        """A link to the matched place on a map."""
        return None if self._matched is None else self._matched.map_url

    @property
    def confidence(self) -> float:
        """The first place's; 0 where there is none. What submissions and GAP sort by."""
        return 0.0 if self.best is None else self.best.confidence

    @property
    def photos(self) -> tuple[ExamplePhoto, ...]:
        """The enrolled photos that decided it: the first place's."""
        return () if self.best is None else self.best.photos

    # --- for programs -------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """The answer for JSON: the keys that are meant for its kind, with dataclasses and tuples as values.

        Example:
            >>> list(Identified(None, math.inf, 0.5, "given by the user", ()).to_json())[:3]
            ['identity', 'distance', 'threshold']
        """
        if self.kind == "people":
            return {key: getattr(self, key) for key in _PEOPLE_KEYS}
        listed = [one.to_json() for one in self.place_candidates]
        return {key: getattr(self, key) for key in _PLACE_KEYS} | {"candidates": listed}


@dataclass(frozen=True)
class IdentifiedFace:
    """One face of a picture, and whose it is.

    Attributes:
        face: where it is, and how good a picture of a face it is.
        answer: as `Recognizer.identify` gives it for this face alone.
        notes: remarks that only the whole picture gives rise to: another of its faces is answered with the same
            identity. One person is there once, but twins, mirrors and pictures on a wall exist: both answers stand.
    """

    face: Face
    answer: Identified
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Where the face is, and the answer's keys; remarks of both are under `notes`."""
        answer = self.answer.to_json()
        del answer["face"]
        place: dict[str, Any] = plain(self.face)
        return place | answer | {"notes": (*self.answer.notes, *self.notes)}
