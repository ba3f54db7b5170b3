"""Answers about who or what pictures show; see `lookalike.answers`, whose words these are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lookalike.service.schemas.base import Answered
from lookalike.service.schemas.faces import FoundFace

__all__ = ["Candidate", "Embedded", "EmbeddedPicture", "Identification", "Identified", "IdentifiedPicture", "Verified"]

Decision = Literal["match", "unknown", "ambiguous"]


class EmbeddedPicture(Answered):
    """A picture's vector.

    Attributes:
        vector: as many numbers as the model has dimensions.
        face: the face that it is of; None where the model looks at the picture as a whole.
        notes: remarks on the picture.
    """

    vector: list[float]
    face: FoundFace | None = None
    notes: list[str] = Field(default_factory=list)


class Embedded(Answered):
    """The vector of each picture, in the order given.

    Attributes:
        model: name of the model.
        fingerprint: of the model: vectors of two fingerprints cannot be compared.
        metric: the distance the vectors are meant for.
        pictures: in the order given.
    """

    model: str
    fingerprint: str
    metric: str
    pictures: list[EmbeddedPicture]


class Verified(Answered):
    """Whether two pictures show the same identity.

    Attributes:
        match: `distance <= threshold`.
        decision: `match`, `unknown` for different identities, or `ambiguous`: too far to promise a match, but not
            farther than the distance at which the promise is expected to hold.
        distance: between the pictures.
        threshold: a match is a distance of at most this.
        threshold_source: the promise that the threshold rests on, in words.
        probability: of one identity, at even odds beforehand; None where no odds were measured.
        promised: the promise in numbers; None where the threshold was measured, documented or given.
        notes: remarks on the pictures.
        weakness: says so where the odds were measured on too few identities; else empty.
        faces: the face that was compared, of each picture; none where the model looks at pictures as a whole.
    """

    match: bool
    decision: Decision
    distance: float
    threshold: float
    threshold_source: str
    probability: float | None = None
    promised: dict[str, Any] | None = None
    notes: list[str] = Field(default_factory=list)
    weakness: str = ""
    faces: list[FoundFace] = Field(default_factory=list)


class Candidate(Answered):
    """An identity that a picture may show.

    Attributes:
        identity: its name; of landmarks the place's id.
        distance: from its nearest template.
        template_id: of that template.
        name: of a place, for readers.
        latitude: of a place, in degrees.
        longitude: of a place, in degrees.
        map_url: of a place: a link to a map.
        threshold: of a place: what the distance may be at most.
        confidence: of a place: probability that the picture shows it.
    """

    identity: str
    distance: float
    template_id: int
    name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    map_url: str | None = None
    threshold: float | None = None
    confidence: float | None = None


class Identified(Answered):
    """Whom or what a picture, or one face of it, shows.

    Attributes:
        decision: `match`; `unknown`: nobody in the gallery; or `ambiguous`: it cannot be told.
        identity: the name, where the decision is `match`; else None.
        distance: the first candidate's; None where the gallery is empty.
        threshold: a match is a distance of at most this; None of a place where there is no candidate.
        threshold_source: the promise that the threshold rests on, in words.
        candidates: nearest first.
        probability: that the first candidate is the right one; None where no odds were measured, and of places.
        margin: how much farther the second identity is; None where there is none, and of places.
        identities: how many were searched.
        templates: how many were searched.
        promised: the promise in numbers; None where the threshold was measured, documented or given.
        fpir_bound: upper 95% bound of the share of strangers' searches that are named; None where it is not known.
        weakness: says so where the odds were measured on too few identities; else empty.
        face: the face that the answer is about; None where the model looks at the picture as a whole, or where a vector
            was given.
        notes: remarks on the picture.
    """

    decision: Decision
    identity: str | None = None
    distance: float | None = None
    threshold: float | None = None
    threshold_source: str = ""
    candidates: list[Candidate] = Field(default_factory=list)
    probability: float | None = None
    margin: float | None = None
    identities: int = 0
    templates: int = 0
    promised: dict[str, Any] | None = None
    fpir_bound: float | None = None
    weakness: str = ""
    face: FoundFace | None = None
    notes: list[str] = Field(default_factory=list)


class IdentifiedPicture(Answered):
    """The answers about one picture: one, or one for each of its faces, the most likely subject first."""

    answers: list[Identified]


class Identification(Answered):
    """The answers about each picture or vector, in the order given.

    Attributes:
        kind: what the gallery holds; None while it holds nothing.
        pictures: in the order given.
    """

    kind: Literal["people", "landmarks"] | None
    pictures: list[IdentifiedPicture]
