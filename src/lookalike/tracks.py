"""Faces of successive frames joined into tracks: a track is one person, seen from one time to another.

As DeepSORT does (Wojke, Bewley, Paulus, "Simple Online and Realtime Tracking with a Deep Association Metric", ICIP
2017), a face joins the track whose recent vectors it is nearest to, and the overlap of boxes (Bewley et al., "Simple
Online and Realtime Tracking", ICIP 2016) has a say. Frames here lie a second apart, not a thirtieth, so motion is not
predicted, and the vector decides. The rule:

1. The distance of a face from a track is the smallest from the vectors of its last looks (`RECENT`).
2. Where its box overlaps the track's last one (`OVERLAP`), it may be as far as two pictures of one person may; where
   it does not, only `ELSEWHERE` of that. Farther than a match no place makes it the same person: at a cut another face
   often stands where one stood.
3. The nearest pair of face and track is joined first; no track takes two faces of one frame.
4. A face that joins none begins a track; a track that was missed in more than `MISSED` frames on end is over.

A person may be split into two tracks, for two tracks with one answer are put together later; two persons in one track
would stay so. Therefore every limit is on the narrow side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, pairwise, unit_length
from lookalike.embedder.face import Face, FaceBox

__all__ = ["BEST", "MISSED", "Look", "Track", "TrackBuilder", "number_strangers", "overlap"]

Floats = npt.NDArray[np.float32]

#: Looks of a track whose vectors a new face is compared with.
RECENT = 5
#: Intersection over union from which two boxes count as one place: SORT's value.
OVERLAP = 0.3
#: The share of a match's distance that a face at another place may be away.
ELSEWHERE = 0.8
#: Frames on end in which a person may be missed: turned aside, or not found.
MISSED = 2
#: Looks whose vectors make a track's own.
BEST = 10


@dataclass(frozen=True, eq=False)
class Look:
    """One face in one frame.

    Attributes:
        frame: the frame's number among those looked at, from 0.
        time: seconds since the video began.
        face: where it is, and how good a picture of a face it is.
        vector: `(d,)` float32.
    """

    frame: int
    time: float
    face: Face
    vector: Floats

    @property
    def quality(self) -> float:
        """In [0, 1]: the face's measured quality; half of it where the face is cut off, or none was measured."""
        score = 1.0 if self.face.quality is None else self.face.quality.score
        return score / 2 if self.face.cut_off or self.face.quality is None else score


@dataclass(eq=False)
class Track:
    """One person from the first look to the last.

    Attributes:
        looks: in the order of time, at least one, at most one in a frame.
    """

    looks: list[Look] = field(default_factory=list)

    @property
    def start(self) -> float:
        """Time of the first look, in seconds."""
        return self.looks[0].time

    @property
    def end(self) -> float:
        """Time of the last look, in seconds."""
        return self.looks[-1].time

    @property
    def best(self) -> Look:
        """The look of best quality; of several, the first."""
        return max(self.looks, key=lambda look: look.quality)

    @property
    def vectors(self) -> Floats:
        """`(n, d)`, of all looks."""
        return np.stack([look.vector for look in self.looks])

    def vector(self, metric: MetricName) -> Floats:
        """The track's own: the mean over its `BEST` looks of best quality, `(d,)`; of unit length under cosine.

        A template of several frames is the mean of their vectors in the protocols of IJB (Whitelam et al., "IARPA Janus
        Benchmark-B", CVPRW 2017). Frames that are blurred or turned aside are left out of it where there are better.
        """
        chosen = sorted(self.looks, key=lambda look: -look.quality)[:BEST]
        mean = np.mean([look.vector for look in chosen], axis=0, dtype=np.float64, keepdims=True)
        vector: Floats = np.asarray(unit_length(mean) if metric == "cosine" else mean, np.float32)[0]
        return vector

    def meets(self, other: Track) -> bool:
        """Whether both are in one frame: then they are two persons."""
        return not {look.frame for look in self.looks}.isdisjoint(look.frame for look in other.looks)


class TrackBuilder:
    """Joins faces, frame by frame. After an interruption anywhere in `add`, `finish` still gives every track once.

    Args:
        metric: of the vectors.
        same: the distance up to which two pictures match.

    Attributes:
        over: the tracks that are over, in the order of their ends.
        current: the tracks that are in the frame that was added last.

    Example:
        >>> builder = TrackBuilder("euclidean", same=0.6)
        >>> builder.add(0, [])
        >>> builder.finish()
        []
    """

    def __init__(self, metric: MetricName, same: float) -> None:
        self._metric, self._same = metric, same
        self._open: list[Track] = []
        self.over: list[Track] = []
        self.current: list[Track] = []

    def add(self, frame: int, looks: Sequence[Look]) -> None:
        """Take the faces of the next frame.

        Args:
            frame: its number, greater than of those before.
            looks: all of its faces, perhaps none.
        """
        missed = [track for track in self._open if frame - track.looks[-1].frame > MISSED + 1]
        self.over += missed
        self._open = [track for track in self._open if track not in missed]
        free = list(looks)
        for track, look in self._pairs(looks):
            if look in free and track.looks[-1].frame != frame:
                track.looks.append(look)
                free.remove(look)
        self._open += [Track([look]) for look in free]
        self.current = [track for track in self._open if track.looks[-1].frame == frame]

    def finish(self) -> list[Track]:
        """No more frames come: every track is over now; returns them all."""
        self.over += [track for track in self._open if track not in self.over]
        self._open = []
        return self.over

    def _pairs(self, looks: Sequence[Look]) -> list[tuple[Track, Look]]:
        """Those that may be joined, the nearest first."""
        if not looks or not self._open:
            return []
        faces = np.stack([look.vector for look in looks])
        found = []
        for track in self._open:
            last = track.looks[-1].face.box
            recent = np.stack([look.vector for look in track.looks[-RECENT:]])
            away = pairwise(recent, faces, self._metric).min(axis=0)
            for look, distance in zip(looks, away, strict=True):
                near = overlap(last, look.face.box) >= OVERLAP
                # Of a negative limit (inner product) a share would be a wider one.
                limit = self._same if near or self._same <= 0 else ELSEWHERE * self._same
                if distance <= limit:
                    found.append((float(distance), track, look))
        found.sort(key=lambda one: one[0])
        return [(track, look) for _, track, look in found]


def overlap(a: FaceBox, b: FaceBox) -> float:
    """Intersection over union of two boxes, in [0, 1].

    Example:
        >>> overlap(FaceBox(0, 0, 10, 10), FaceBox(5, 0, 15, 10))
        0.3333333333333333
    """
    shared = a.shared_area(b)
    union = a.area + b.area - shared
    return shared / union if union else 0.0


def number_strangers(tracks: Sequence[Track], metric: MetricName, same: float) -> list[int]:
    """Which tracks of unknown people show the same one, by their vectors: a number for each, from 1.

    A track, in the order given, is the stranger whose nearest track is nearest to it, if that is within `same` and none
    of that stranger's tracks is in one frame with it; else a new one.

    Args:
        tracks: in the order of their beginnings.
        metric: of the vectors.
        same: the distance up to which two pictures match.

    Example:
        >>> number_strangers([], "euclidean", 0.6)
        []
    """
    numbers: list[int] = []
    known: list[list[Track]] = []
    own = [track.vector(metric) for track in tracks]
    for at, track in enumerate(tracks):
        nearest = 0
        if at:
            away = pairwise(own[at][None], np.stack(own[:at]), metric)[0]
            for before in np.argsort(away, kind="stable"):
                one = numbers[before]
                if away[before] > same:
                    break
                if not any(track.meets(other) for other in known[one - 1]):
                    nearest = one
                    break
        if not nearest:
            known.append([])
            nearest = len(known)
        known[nearest - 1].append(track)
        numbers.append(nearest)
    return numbers
