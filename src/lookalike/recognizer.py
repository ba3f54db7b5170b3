"""Recognition: an embedder, a gallery and a threshold answer who it is, or nobody.

>>> recognizer = Recognizer(Embedder.load("dlib"), open_gallery("people.gallery"))    # doctest: +SKIP
>>> recognizer.enroll("Ada", "ada.jpg")    # doctest: +SKIP
>>> recognizer.identify("somebody.jpg").identity    # doctest: +SKIP
'Ada'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from lookalike.decisions.odds import DEFAULT_MATED_SHARE, MatchOdds
from lookalike.decisions.promise import Promise, PromisedThreshold
from lookalike.distances import pairwise
from lookalike.embedder import Embedder, Threshold
from lookalike.embedder.preparation import named
from lookalike.errors import ImageError, InputError
from lookalike.gallery import Candidate, Gallery
from lookalike.identity_names import checked_name
from lookalike.images import Picture

__all__ = ["Decision", "Enrolled", "Identified", "Recognizer", "Verified"]

#: `unknown` is nobody in the gallery or, of two pictures, different identities.
Decision = Literal["match", "ambiguous", "unknown"]

#: Natural logarithm of how many times likelier than the second identity the first has to be, where both are within the
#: threshold: nine to one.
CLEARLY_LIKELIER = math.log(9)
#: In place of that where no odds were measured: the second has to be farther by this share of the threshold.
MARGIN_SHARE = 0.05
#: Farther by this share of the threshold, the second is never a rival. Odds measured on some forty identities or more
#: say so by themselves; those of fewer people say too little of any two distances.
CLEAR_SHARE = 0.5
#: Nor where the first is so many times nearer (or at distance 0): that is an enrolled picture itself, or all but it,
#: and the odds of ordinary pairs of pictures have no say.
MANY_TIMES_NEARER = 20
#: Odds that call no measured pair so likely a match come from too few identities, or from a model that cannot tell.
WEAK_BELOW = 0.99
#: Distances of equal vectors differ by so much in float32: whose threshold is the user's own, only they are ambiguous.
ROUNDING = 1e-6

#: Sequences that are one encoded picture or its path, not several pictures.
_ONE_PICTURE = (str, bytes, bytearray, memoryview)


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


@dataclass(frozen=True)
class Identified:
    """Who a picture shows: `identity`, or None for nobody in the gallery, and the nearest candidates.

    Attributes:
        identity: the name, where the decision is `match`; None otherwise, the candidates then say who it may be.
        distance: the nearest candidate's; infinite where the gallery is empty.
        threshold: a match is a distance of at most this.
        threshold_source: the promise the threshold rests on, in words.
        candidates: nearest first.
        notes: remarks on the picture.
        decision: `match`; `unknown`: nobody in the gallery; or `ambiguous`: two identities within the threshold of
            which neither is clearly likelier, or one a little too far to be promised.
        probability: that the nearest candidate is the right one, given all of them, the size of the gallery and the
            share of mated searches; None where no odds were measured or the gallery is empty.
        margin: how much farther than the first the second identity is; infinite where there is none.
        identities: in the gallery at the time of the search.
        templates: in the gallery at that time; the threshold of a promise per search follows it.
        promised: the promise in numbers; None where the threshold was measured, documented or given.
        fpir_bound: upper 95% bound of the share of strangers' searches of this gallery that such a threshold names;
            None where it is not known.
        weakness: says so where the odds were measured on too few identities to say much, and what to do; else empty.
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
    promised: PromisedThreshold | None = None
    fpir_bound: float | None = None
    weakness: str = ""


class Recognizer:
    """Enroll, verify (1:1) and identify (1:N, or nobody).

    With a promise per search, such as ``promise="fpir=0.001"``, the threshold follows the gallery: it is computed from
    the number of templates at every identification.

    Args:
        embedder: turns pictures into vectors.
        gallery: who is known; not needed to verify.
        threshold: a distance up to which two pictures match, in place of the embedder's measured one.
        target_fmr: the measured threshold of this false match rate, in place of the calibration's default; where it
            was not measured, the one that the fitted tail promises.
        promise: a false alarm rate to keep, per search (`fpir`) or comparison (`fmr`), in place of these; by default
            the calibration's own, where `lookalike evaluate --promise` gave it one.
        margin: of two identities within the threshold the second must be farther by more than this, or the answer
            is `ambiguous`. By default the first must be nine times likelier by the measured odds, or nearer by half of
            the threshold, or twenty times nearer; without odds, nearer by a twentieth of the threshold; and with a
            threshold of your own, nearer at all.
        mated_share: share of searches expected to be of somebody enrolled; of the probability only.

    Raises:
        FingerprintError: the gallery was made by another model.
        InputError: a number out of range, or more than one of threshold, rate and promise.
    """

    def __init__(
        self,
        embedder: Embedder,
        gallery: Gallery | None = None,
        threshold: float | None = None,
        target_fmr: float | None = None,
        *,
        promise: Promise | str | None = None,
        margin: float | None = None,
        mated_share: float = DEFAULT_MATED_SHARE,
    ) -> None:
        if threshold is not None and target_fmr is not None:
            raise InputError("both a threshold and a false match rate were given; give one of them")
        if promise is not None and not (threshold is None and target_fmr is None):
            raise InputError("both a promise and a threshold or false match rate were given; give one of them")
        if threshold is not None and not math.isfinite(threshold):
            raise InputError(f"threshold is {threshold}; expected a distance, such as 0.5")
        if margin is not None and not 0 <= margin < math.inf:
            raise InputError(f"margin is {margin}; expected a difference of distances of at least 0, such as 0.02")
        if not 0 < mated_share < 1:
            raise InputError(f"mated_share is {mated_share}; expected above 0 and below 1, such as 0.5")
        self.embedder, self._gallery = embedder, gallery
        self._threshold = Threshold(threshold, "given by the user") if threshold is not None else None
        self._target_fmr, self._margin, self._mated_share = target_fmr, margin, mated_share
        self._promise = Promise.parse(promise) if isinstance(promise, str) else promise
        calibration = embedder.calibration
        if (
            target_fmr is not None
            and calibration is not None
            and calibration.tail is not None
            and not calibration.is_measured(target_fmr)
        ):
            self._promise = Promise("fmr", target_fmr)
        if calibration is not None and threshold is None and target_fmr is None and self._promise is None:
            self._promise = calibration.promise
        if self._promise is not None and calibration is None:
            raise InputError(
                f"model {embedder.name} has no calibration, so {self._promise} cannot be promised; run "
                "`lookalike evaluate DATA --model MODEL` and give its calibration.json (--calibration, or "
                "`Embedder.use_calibration`), or give a distance"
            )
        if gallery is not None:
            gallery.bind(embedder.fingerprint, embedder.name, embedder.metric, embedder.dimension)

    @property
    def gallery(self) -> Gallery:
        """The gallery, or an `InputError` where there is none."""
        if self._gallery is None:
            raise InputError("this recognizer has no gallery; give it one: Recognizer(embedder, open_gallery(path))")
        return self._gallery

    @property
    def threshold(self) -> Threshold:
        """The distance that decides, for the gallery as it is now.

        Raises:
            InputError: none was given or measured, or the promise is too far beyond what was measured.
        """
        return self._line(self.gallery.counts().templates if self._follows_gallery else 1).threshold

    @property
    def _follows_gallery(self) -> bool:
        return self._promise is not None and self._promise.kind == "fpir" and self._gallery is not None

    def _line(self, templates: int) -> _Line:
        """Where matches end, for a search among so many templates."""
        if self._promise is None:
            threshold = self._threshold or self.embedder.threshold(self._target_fmr)
            return _Line(threshold, threshold.distance, None)
        assert self.embedder.calibration is not None
        promised = self.embedder.calibration.promised(self._promise, templates)
        return _Line(Threshold(promised.threshold, promised.source), promised.likely, promised)

    @property
    def _odds(self) -> MatchOdds | None:
        return self.embedder.calibration.odds if self.embedder.calibration is not None else None

    def enroll(self, identity: str, pictures: Picture | Sequence[Picture]) -> Enrolled:
        """Store templates of one or more pictures under a name: all of them or, on any error, none.

        Raises:
            ImageError: a picture cannot be used; `NoFaceError` where there is no face.
            InputError: the name is empty or too long.
            StorageError: the disk is full or failing; what was stored before is unharmed.
        """
        name = checked_name(identity)  # before the pictures are embedded, which takes longer
        one = not isinstance(pictures, Sequence) or isinstance(pictures, _ONE_PICTURE)
        several: list[Picture] = [cast(Picture, pictures)] if one else list(cast(Sequence[Picture], pictures))
        vectors, notes = self._embed(several)
        sources = [fspath(picture) if isinstance(picture, str | PathLike) else "" for picture in several]
        return Enrolled(name, tuple(self.gallery.enroll(name, vectors, sources)), notes)

    def verify(self, a: Picture, b: Picture) -> Verified:
        """Do two pictures show the same identity?"""
        line = self._line(1)
        vectors, notes = self._embed([a, b])
        distance = float(pairwise(vectors[:1], vectors[1:], self.embedder.metric)[0, 0])
        decision: Decision = "unknown"
        if distance <= line.likely:
            decision = "match" if distance <= line.threshold.distance else "ambiguous"
        return Verified(
            distance <= line.threshold.distance,
            distance,
            line.threshold.distance,
            line.threshold.source,
            notes,
            decision,
            None if self._odds is None else self._odds.probability(distance),
            line.promised,
            self._weakness(),
        )

    def identify(self, picture: Picture, k: int = 5) -> Identified:
        """Whose picture is this, of all in the gallery, or nobody's? `k` candidates are reported.

        Raises:
            ImageError: the picture cannot be used.
            InputError: no gallery or threshold, or the gallery has outgrown what its promise was measured for; the
                message says how many templates it may have.
        """
        calibration = self.embedder.calibration
        tail = None if calibration is None else calibration.tail
        vectors, notes = self._embed([picture])
        # The second identity is looked at, whether it is reported or not. Candidates, threshold and sizes are of one
        # state of the gallery.
        searched = self.gallery.search_counted(vectors, k=max(k, 2) if k >= 1 else k)
        found, counts = tuple(searched.candidates[0]), searched.counts
        line = self._line(counts.templates)
        distances = [candidate.distance for candidate in found]
        decision = self._decide(distances, line)
        probability = None
        if self._odds is not None and found:
            probability = self._odds.among(distances, counts.identities, self._mated_share)[0]
        return Identified(
            found[0].identity if decision == "match" else None,
            distances[0] if found else math.inf,
            line.threshold.distance,
            line.threshold.source,
            found[:k],
            notes,
            decision,
            probability,
            distances[1] - distances[0] if len(found) > 1 else math.inf,
            counts.identities,
            counts.templates,
            line.promised,
            None if tail is None else tail.upper_fpir(line.threshold.distance, counts.templates),
            self._weakness(),
        )

    def _decide(self, distances: Sequence[float], line: _Line) -> Decision:
        """The three-way answer to a search, from the distances of the nearest identities."""
        if not distances or distances[0] > line.likely:
            return "unknown"
        if distances[0] > line.threshold.distance:
            return "ambiguous"
        # A second identity that the promise refuses anyway is no rival.
        rival = distances[1] if len(distances) > 1 else math.inf
        if rival <= line.threshold.distance and not self._is_clear(distances[0], rival, line):
            return "ambiguous"
        return "match"

    def _is_clear(self, first: float, second: float, line: _Line) -> bool:
        """Whether the first of two identities within the threshold is plainly the nearer one.

        With the second where it is, a nearer first is never less clear: each of the rules holds at a distance wherever
        it holds at a larger one, and which of them apply does not depend on the first.
        """
        apart = second - first
        if self._margin is not None:
            return apart > self._margin
        if self._threshold is not None:
            return apart > ROUNDING * max(1.0, abs(first))
        limit = abs(line.threshold.distance)
        if self._odds is None:
            return apart > MARGIN_SHARE * limit
        # Inner products have no nearest distance, which only equal pictures reach.
        if (
            self.embedder.metric != "inner_product"
            and MANY_TIMES_NEARER * first <= second
            and apart > MARGIN_SHARE * limit
        ):
            return True
        likelier = self._odds.log_ratio(first) - self._odds.log_ratio(second)
        return apart > CLEAR_SHARE * limit or likelier >= CLEARLY_LIKELIER

    def _weakness(self) -> str:
        """The answer's remark on a weak calibration."""
        if self._odds is None:
            return ""
        assert self.embedder.calibration is not None
        most = self._odds.probability(self._odds.distances[0])
        if most >= WEAK_BELOW:
            return ""
        return (
            f"the calibration is weak: on {self.embedder.calibration.source}, no pair was more than {most:.0%} likely "
            "a match; calibrate on more identities (`lookalike evaluate DATA --model MODEL --calibrate`)"
        )

    def _embed(self, pictures: Sequence[Picture]) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
        notes: list[str] = []

        def where(position: int) -> str:
            one = pictures[position]
            return fspath(one) if isinstance(one, str | PathLike) else f"picture {position + 1}"

        def refuse(position: int, error: ImageError) -> None:
            raise named(error, where(position))

        vectors = self.embedder.embed(
            pictures, notes=lambda position, note: notes.append(f"{where(position)}: {note}"), unusable=refuse
        )
        return vectors, tuple(notes)


@dataclass(frozen=True)
class _Line:
    """Where matches end, where ambiguity does, and the promise behind them."""

    threshold: Threshold
    likely: float
    promised: PromisedThreshold | None
