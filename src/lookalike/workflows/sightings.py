"""Who was seen when: tracks with their answers, those of one person put together.

A track is answered once, by the mean of its best looks, and its looks are also answered each alone. A mean is nearer to
everybody than its members are, strangers included, for what differs from picture to picture is gone; thresholds are
measured on single pictures. So a track is only given a name that most of its looks get alone (a majority vote, as in
Lam and Suen, "Application of Majority Voting to Pattern Recognition", 1997); else it is `ambiguous`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lookalike.answers import Identified
from lookalike.decisions.policies import Decision
from lookalike.distances import MetricName
from lookalike.tracks import MISSED, Look, Track, number_strangers
from lookalike.workflows.answer_marks import answer_label

__all__ = ["AnsweredTrack", "Sighting", "put_together"]

#: The share of a track's looks that must get its name alone.
MAJORITY = 0.5


@dataclass(frozen=True, eq=False)
class AnsweredTrack:
    """A track, and whose it is.

    Attributes:
        track: the looks.
        answer: of the track's own vector.
        agreeing: how many of its looks get alone the name that the track's own vector gets, or as that none.
    """

    track: Track
    answer: Identified
    agreeing: int

    @classmethod
    def of(cls, track: Track, answer: Identified, alone: Sequence[Identified]) -> AnsweredTrack:
        """Count the looks that agree, and call a match ambiguous where they are fewer than `MAJORITY`.

        Args:
            track: the looks.
            answer: of the track's own vector.
            alone: of each look's vector.
        """
        agreeing = sum(one.identity == answer.identity for one in alone)
        if answer.decision == "match" and agreeing < MAJORITY * len(alone):
            answer = replace(answer, identity=None, decision="ambiguous")
        return cls(track, answer, agreeing)


@dataclass(frozen=True, eq=False)
class Sighting:
    """One person, from one time to another.

    Attributes:
        tracks: at least one, in the order of their beginnings; of none two are in one frame.
        stranger: of somebody unknown a number, from 1; the same person's tracks have the same. 0 of everybody else.
    """

    tracks: tuple[AnsweredTrack, ...]
    stranger: int = 0

    @property
    def answer(self) -> Identified:
        """The answer of the track with the most looks."""
        return max(self.tracks, key=lambda one: len(one.track.looks)).answer

    @property
    def identity(self) -> str | None:
        """The name, where the decision is `match`."""
        return self.answer.identity

    @property
    def decision(self) -> Decision:
        """`match`, `unknown` or `ambiguous`."""
        return self.answer.decision

    @property
    def label(self) -> str:
        """For readers: a name, `nobody 1`, or `perhaps` a name."""
        return f"nobody {self.stranger}" if self.stranger else answer_label(self.answer)

    @property
    def start(self) -> float:
        """Time of the first look, in seconds since the video began."""
        return min(one.track.start for one in self.tracks)

    @property
    def end(self) -> float:
        """Time of the last look, in seconds."""
        return max(one.track.end for one in self.tracks)

    @property
    def looks(self) -> int:
        """Frames in which the face was found."""
        return sum(len(one.track.looks) for one in self.tracks)

    @property
    def agreement(self) -> float:
        """The share of the looks that get the same answer alone, in [0, 1]."""
        return sum(one.agreeing for one in self.tracks) / self.looks

    @property
    def distance(self) -> float:
        """The nearest candidate's, of the nearest track; infinite where the gallery is empty."""
        return min(one.answer.distance for one in self.tracks)

    @property
    def best(self) -> Look:
        """The look of best quality."""
        return max((one.track.best for one in self.tracks), key=lambda look: look.quality)

    def to_json(self) -> dict[str, Any]:
        """The fields for JSON; times in seconds."""
        answer = self.answer
        return {
            "who": self.label,
            "identity": self.identity,
            "decision": self.decision,
            "from": round(self.start, 3),
            "to": round(self.end, 3),
            "looks": self.looks,
            "agreement": round(self.agreement, 4),
            "distance": self.distance,
            "threshold": answer.threshold,
            "probability": answer.probability,
            "candidates": answer.candidates,
            "best": {"time": round(self.best.time, 3), "face": self.best.face},
        }


def put_together(tracks: Sequence[AnsweredTrack], metric: MetricName, same: float) -> list[Sighting]:
    """Sightings in the order of their beginnings.

    Strangers are told apart by their vectors (`number_strangers`). Two tracks with one name or number are one sighting
    where at most `MISSED` frames lie between them, and no frame has both.

    Args:
        tracks: in any order.
        metric: of the vectors.
        same: the distance up to which two pictures match.

    Example:
        >>> put_together([], "euclidean", 0.6)
        []
    """
    ordered = sorted(tracks, key=lambda one: (one.track.start, one.track.end))
    unknown = [one for one in ordered if one.answer.decision == "unknown"]
    numbers = iter(number_strangers([one.track for one in unknown], metric, same))
    sightings: list[Sighting] = []
    for one in ordered:
        new = Sighting((one,), next(numbers) if one.answer.decision == "unknown" else 0)
        at = next((at for at, earlier in enumerate(sightings) if _goes_on(earlier, new)), None)
        if at is None:
            sightings.append(new)
        else:
            sightings[at] = Sighting((*sightings[at].tracks, one), new.stranger)
    return sightings


def _goes_on(earlier: Sighting, later: Sighting) -> bool:
    if earlier.label != later.label or earlier.decision != later.decision:
        return False
    new = later.tracks[0].track
    last = max(one.track.looks[-1].frame for one in earlier.tracks)
    return new.looks[0].frame - last <= MISSED + 1 and not any(new.meets(one.track) for one in earlier.tracks)
