"""Recognition: an embedder, a gallery and a policy answer who or what it is, or nobody.

>>> with Recognizer("dlib", "people.gallery") as recognizer:    # doctest: +SKIP
...     recognizer.enroll("Ada", "ada.jpg")
...     recognizer.identify("somebody.jpg").identity
'Ada'

People and places are recognised by one `Recognizer`; the gallery's kind says how distances become an answer. Of people
it is a threshold (`lookalike.decisions.policies`), of places open-set rejection (`lookalike.landmarks.recognition`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

import numpy as np
import numpy.typing as npt

from lookalike.answers import Enrolled, Identified, IdentifiedFace, Verified
from lookalike.counted_nouns import how_many
from lookalike.decisions.calibration import Calibration
from lookalike.decisions.odds import DEFAULT_MATED_SHARE
from lookalike.decisions.policies import (
    Decision,
    FixedThreshold,
    Limits,
    PromisePolicy,
    RivalRule,
    ThresholdPolicy,
    decide,
    given_threshold,
    measured_threshold,
)
from lookalike.decisions.promise import Promise
from lookalike.decisions.scoring_rule import TemplateScoring, checked_scoring
from lookalike.distances import pairwise
from lookalike.embedder import Embedder, Threshold
from lookalike.embedder.embedded_pictures import Unusable, embed_pictures, located
from lookalike.errors import InputError
from lookalike.face_answers import BATCH, answer_faces, answer_pictures
from lookalike.gallery import Counts, Enrolment, Filter, Gallery, Kind, Tags, open_gallery
from lookalike.gallery.kept_pictures import encoded
from lookalike.gallery.model_upgrade import Upgradable, upgradable
from lookalike.gallery.scored_search import search_scored
from lookalike.identity_names import checked_name
from lookalike.images import Picture, one_or_several, source_of
from lookalike.index.core.checks import checked_k, checked_vectors
from lookalike.landmarks.reranking import PHOTOS

if TYPE_CHECKING:
    from lookalike.embedder.face import Face
    from lookalike.embedder.preprocessing import Prepared
    from lookalike.landmarks.recognition import PlaceRecognition

__all__ = ["Decision", "Enrolled", "Identified", "IdentifiedFace", "Recognizer", "Verified", "sources_of"]

Floats = npt.NDArray[np.float32]

#: Odds that call no measured pair so likely a match come from too few identities, or from a model that cannot tell.
WEAK_BELOW = 0.99
#: So many times more or fewer templates an identity than a calibration of `mean` or `set` was measured on: a remark.
MANY_MORE = 2


class Recognizer:
    """Enroll, verify (1:1) and identify (1:N, or nobody), in a gallery of people or of landmarks.

    With a promise per search, such as ``promise="fpir=0.001"``, the threshold follows the gallery: it is computed from
    the number of templates at every identification. A gallery of landmarks has thresholds of its own, promised when its
    places were enrolled (`lookalike.LandmarkRecognizer`).

    Args:
        embedder: turns pictures into vectors; or what `Embedder.load` takes, such as `"dlib"` or a model folder.
        gallery: who or what is known; or its address, such as `"people.gallery"`, which is opened, and made where it
            is not there. Not needed to verify. Whoever opened a gallery closes it: the recognizer only one that it was
            given the address of, at the end of a `with` or by `close`.
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
        template_scoring: how several templates of a person become one distance: `nearest`, `mean` or `set`
            (`lookalike.decisions.template_scoring`); by default the rule that the calibration found best. A threshold
            holds for the rule that it was measured with, so without a threshold of your own the calibration must have
            measured it. `verify` compares two pictures, whatever the rule.

    Raises:
        FingerprintError: the gallery was made by another model.
        InputError: a number out of range, more than one of threshold, rate and promise, or one of them for a gallery
            of landmarks; a rule that no threshold was measured with; or no embedder.
        ArtefactError: there is no model or gallery at the address, or it is damaged.
    """

    #: What the gallery has to hold; None for either.
    _wanted: Kind | None = None

    def __init__(
        self,
        embedder: Embedder | str | PathLike[str],
        gallery: Gallery | str | PathLike[str] | None = None,
        threshold: float | None = None,
        target_fmr: float | None = None,
        *,
        promise: Promise | str | None = None,
        margin: float | None = None,
        mated_share: float = DEFAULT_MATED_SHARE,
        template_scoring: TemplateScoring | None = None,
    ) -> None:
        if threshold is not None and target_fmr is not None:
            raise InputError("both a threshold and a false match rate were given; give one of them")
        if promise is not None and not (threshold is None and target_fmr is None):
            raise InputError("both a promise and a threshold or false match rate were given; give one of them")
        if margin is not None and not 0 <= margin < math.inf:
            raise InputError(f"margin is {margin}; expected a difference of distances of at least 0, such as 0.02")
        if not 0 < mated_share < 1:
            raise InputError(f"mated_share is {mated_share}; expected above 0 and below 1, such as 0.5")
        self.embedder = _loaded(embedder)
        self._gallery: Gallery | None = None
        self._threshold = None if threshold is None else given_threshold(threshold, self.embedder.metric)
        self._target_fmr, self._margin, self._mated_share = target_fmr, margin, mated_share
        self._asked = Promise.parse(promise) if isinstance(promise, str) else promise
        self._asked_scoring = None if template_scoring is None else checked_scoring(template_scoring)
        people_only = (threshold, target_fmr, promise, margin, template_scoring)
        self._for_people = any(one is not None for one in people_only)
        self._places: PlaceRecognition | None = None
        #: What decides about people: a calibration that was chosen, the one that the gallery keeps of this model since
        #: its upgrade, or the model's own; None where there is none.
        self.calibration = self.embedder.calibration
        with ExitStack() as opened:
            if gallery is not None:
                self._gallery = _opened(gallery, opened)
                self.place_recognition()  # refuses a gallery of the other kind
                self.calibration = _calibration_in(self._gallery, self.embedder)
            if self._asked is not None or target_fmr is not None or template_scoring not in (None, "nearest"):
                self._policy(self.template_scoring)  # what cannot be kept is refused now, before pictures are embedded
            if self._gallery is not None:
                model = self.embedder
                self._gallery.bind(model.fingerprint, model.name, model.metric, model.dimension)
            self._opened = opened.pop_all()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.embedder!r}, {self._gallery!r})"

    def close(self) -> None:
        """Close the gallery, where this recognizer was given its address; a second call does nothing."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the gallery --------------------------------------------------------------------------------------

    @property
    def gallery(self) -> Gallery:
        """The gallery, or an `InputError` where there is none."""
        if self._gallery is None:
            raise InputError('this recognizer has no gallery; give it one: Recognizer("dlib", "people.gallery")')
        return self._gallery

    def place_recognition(self) -> PlaceRecognition | None:
        """What answers about places, where the gallery holds landmarks; None where it holds people, or nothing yet."""
        if self._places is None:
            held = self.gallery.kind
            if held is not None and self._wanted not in (None, held):
                raise InputError(
                    f"the gallery holds {held}, and {self._wanted} were asked for; give a gallery of {self._wanted}, "
                    "or a new one"
                )
            if "landmarks" in (held, self._wanted):
                if self._for_people:
                    raise InputError(
                        "a gallery of landmarks has thresholds of its own, set when its places were enrolled "
                        "(promise_fpr); leave out threshold, target_fmr, promise, margin and template_scoring"
                    )
                from lookalike.landmarks.recognition import PlaceRecognition  # people do without it

                self._places = PlaceRecognition(self.gallery)
        return self._places

    # --- the threshold of people --------------------------------------------------------------------------

    @property
    def template_scoring(self) -> TemplateScoring:
        """How several templates of a person become one distance: as asked for, or by the calibration."""
        if self._asked_scoring is not None:
            return self._asked_scoring
        calibration = self.calibration
        return "nearest" if calibration is None else calibration.answering_scoring

    @property
    def threshold(self) -> Threshold:
        """The distance that decides about people, for the gallery as it is now.

        Raises:
            InputError: none was given or measured, or the promise is too far beyond what was measured.
        """
        return self.limits.threshold

    @property
    def limits(self) -> Limits:
        """The same with the promise in numbers, and with the distance at which ambiguity ends.

        Raises:
            InputError: as `threshold`.
        """
        scoring = self.template_scoring
        policy = self._policy(scoring)
        follows = isinstance(policy, PromisePolicy) and policy.promise.kind == "fpir" and self._gallery is not None
        return policy.limits(self.gallery.counts().compared(scoring) if follows else 1)

    @property
    def pair_threshold(self) -> Threshold:
        """The distance up to which two pictures match, whatever is enrolled: what `verify` decides by.

        Raises:
            InputError: as `threshold`.
        """
        return self._policy("nearest").limits(1).threshold

    def _measured(self, scoring: TemplateScoring) -> Calibration | None:
        """What was measured with a rule; with a threshold of the user's own, None where nothing was."""
        calibration = self.calibration
        if calibration is None or (self._threshold is not None and scoring not in calibration.scorings):
            return None
        return calibration.for_scoring(scoring)

    def _policy(self, scoring: TemplateScoring) -> ThresholdPolicy:
        """What was asked for, or the calibration's own promise, or the embedder's own threshold."""
        calibration, target = self._measured(scoring), self._target_fmr
        if self._threshold is not None:
            return FixedThreshold(self._threshold)
        if self._asked is not None:
            self._asked.comparison_rate(1)  # refuses a promise that is not about people
            if calibration is None:
                raise InputError(
                    f"model {self.embedder.name} has no calibration, so {self._asked} cannot be promised; run "
                    "`lookalike evaluate DATA --model MODEL` and give its calibration.json (--calibration, or "
                    "`Embedder.use_calibration`), or give a distance"
                )
            return PromisePolicy(calibration, self._asked)
        if target is not None and calibration is not None and calibration.tail and not calibration.is_measured(target):
            return PromisePolicy(calibration, Promise("fmr", target))
        if target is None and calibration is not None and calibration.promise is not None:
            return PromisePolicy(calibration, calibration.promise)
        if calibration is not None:
            return FixedThreshold(measured_threshold(calibration, target))
        if scoring == "nearest":
            return FixedThreshold(self.embedder.threshold(target))
        raise InputError(
            f"model {self.embedder.name} has no calibration, and thresholds of template scoring {scoring} have to "
            f"be measured; run `lookalike evaluate DATA --model MODEL --enrolled 5 --template-scoring {scoring}` "
            "and give its calibration.json (--calibration, or `Embedder.use_calibration`), or give a distance"
        )

    def _rivals(self, calibration: Calibration | None) -> RivalRule:
        bounded = self.embedder.metric != "inner_product"
        odds = None if calibration is None else calibration.odds
        return RivalRule(self._margin, self._threshold is not None, odds, bounded)

    # --- enroll and verify --------------------------------------------------------------------------------

    def enroll(
        self,
        identity: str,
        pictures: Picture | Iterable[Picture],
        *,
        keep_pictures: bool = False,
        tags: Tags | None = None,
        replace: bool = False,
        key: str | None = None,
    ) -> Enrolled:
        """Store one or more pictures under a name: all of them or, on any error, none.

        In a gallery of landmarks they are photos of a place: its centroids and all thresholds are found anew.

        Args:
            identity: the name.
            pictures: of that person or place.
            keep_pictures: of people: let the gallery keep the pictures, too, so that another model can embed them one
                day; without metadata and at most 1,600 pixels wide or high.
            tags: of people: added to those that the person has.
            replace: of people: the person has these templates only; others are deleted.
            key: of people: an idempotency key, as of `Gallery.enroll`.

        Raises:
            ImageError: a picture cannot be used; `NoFaceError` where there is no face.
            InputError: the name is empty or too long, a first place without photos that show none, a gallery that
                keeps no pictures, or what is for people and was given with a gallery of landmarks.
            StorageError: the disk is full or failing; what was stored before is unharmed.
        """
        name = checked_name(identity)  # before the pictures are embedded, which takes longer
        several = list(one_or_several(pictures))
        seen = embed_pictures(self.embedder, several)
        vectors, notes = seen.vectors, tuple(located(several, seen.remarks))
        if self.place_recognition() is not None:
            if keep_pictures or tags or replace or key is not None:
                raise InputError(
                    "keep_pictures, tags, replace and key are for people, and the gallery holds landmarks; leave "
                    "them out"
                )
            from lookalike.landmarks.enrolment import NewPhotos, enroll_places

            enroll_places(
                self.gallery, NewPhotos(vectors=vectors, places=[name] * len(several), sources=sources_of(several))
            )
            return Enrolled(name, tuple(one.id for one in self.gallery.templates(name)), notes)
        kept = None
        if keep_pictures:
            upgradable(self.gallery)  # one that keeps none is refused
            kept = [encoded(picture) for picture in several]
        one = Enrolment(name, vectors, sources_of(several), tags, pictures=kept)
        (ids,) = self.gallery.enroll_many([one], replace, key=key).values()
        return Enrolled(name, tuple(ids), notes)

    def verify(self, a: Picture, b: Picture) -> Verified:
        """Do two pictures show the same identity?

        Raises:
            ImageError: a picture cannot be used.
            InputError: there is no threshold.
        """
        limits, calibration = self._policy("nearest").limits(1), self._measured("nearest")
        odds = None if calibration is None else calibration.odds
        seen = embed_pictures(self.embedder, [a, b])
        distance = float(pairwise(seen.vectors[:1], seen.vectors[1:], self.embedder.metric)[0, 0])
        return Verified(
            distance <= limits.threshold.distance,
            distance,
            limits.threshold.distance,
            limits.threshold.source,
            tuple(located([a, b], seen.remarks)),
            decide([distance], limits, self._rivals(calibration)),
            None if odds is None else odds.probability(distance),
            limits.promised,
            _weakness(calibration),
            tuple(own[0] for own in seen.faces if own),
        )

    # --- identify -----------------------------------------------------------------------------------------

    def identify(
        self, picture: Picture, k: int = 5, rerank: bool = True, photos: int = PHOTOS, *, where: Filter | None = None
    ) -> Identified:
        """Whose picture is this, of all in the gallery, or nobody's? Which place does it show, or none?

        Args:
            picture: asked about.
            k: candidates reported.
            rerank: of places: let the nearest enrolled photos of the candidates have a say in which place it is.
                Whether it is one is decided by the centroids alone, so the promise holds either way.
            photos: of places: example photos named of each candidate, and counted in re-ranking.
            where: of people: only those with these tags are looked for, as `Gallery.search` takes it. A promise per
                search is kept for as many as these are.

        Raises:
            ImageError: the picture cannot be used.
            InputError: no gallery or threshold; or the gallery has outgrown what its promise was measured for, the
                message then says how many templates it may have; or a gallery of landmarks has no atlas.
        """
        return self.identify_many([picture], k, rerank, photos, where=where)[0]

    def identify_many(
        self,
        pictures: Picture | Iterable[Picture],
        k: int = 5,
        rerank: bool = True,
        photos: int = PHOTOS,
        progress: Callable[[int], None] | None = None,
        unusable: Unusable | None = None,
        *,
        where: Filter | None = None,
    ) -> list[Identified]:
        """The same for many pictures: embedded in batches, and the gallery is searched once for each batch.

        Args:
            pictures: asked about; one alone is answered in a list of one.
            k: candidates reported of each.
            rerank: as `identify`.
            photos: as `identify`.
            progress: called with the number answered since the last call.
            unusable: called with position and error of a picture that cannot be used; it then has no answer. Without
                it, the first such error is raised.
            where: as `identify`.

        Returns:
            an answer for each picture that can be used, the same as `identify` gives.

        Raises:
            ImageError: a picture cannot be used; the message names it.
            InputError: as `identify`.

        Example:
            >>> [answer.identity for answer in recognizer.identify_many(["a.jpg", "b.jpg"])]    # doctest: +SKIP
            ['Ada', None]
        """
        answers: list[Identified] = []
        wanted, asked = checked_k(k), list(one_or_several(pictures))
        for start in range(0, len(asked), BATCH):
            batch = asked[start : start + BATCH]
            began = time.perf_counter()
            seen = embed_pictures(self.embedder, batch, start, unusable=unusable)
            embedded = time.perf_counter()
            found = self._answers(seen.vectors, wanted, rerank, photos, where) if len(seen.vectors) else []
            searching = (time.perf_counter() - embedded) / len(batch)
            embedding = (embedded - began) / len(batch)
            for at, answer in zip(seen.positions, found, strict=True):
                # An answer about people says which picture a remark is about, one about places does not.
                about = answer.kind == "people" and seen.remarks[at]
                own = located(batch[at : at + 1], seen.remarks[at : at + 1], start + at) if about else seen.remarks[at]
                answers.append(
                    replace(
                        answer,
                        notes=tuple(own),
                        faces=seen.faces[at],
                        seconds_embedding=embedding,
                        seconds_search=searching,
                    )
                )
            if progress:
                progress(len(batch))
        return answers

    def identify_vectors(
        self,
        vectors: npt.ArrayLike,
        k: int = 5,
        rerank: bool = True,
        photos: int = PHOTOS,
        *,
        where: Filter | None = None,
    ) -> list[Identified]:
        """The same for pictures that are embedded already, `(q, d)`; the gallery is searched once.

        Raises:
            VectorError: a wrong shape, or NaN.
            InputError: as `identify`.
        """
        x = checked_vectors(vectors, self.embedder.dimension, "vectors", allow_none=True)
        wanted = checked_k(k)
        began = time.perf_counter()
        found = self._answers(x, wanted, rerank, photos, where)
        seconds = (time.perf_counter() - began) / max(1, len(x))
        return [replace(answer, seconds_search=seconds) for answer in found]

    # --- every face of a picture --------------------------------------------------------------------------

    def identify_all(
        self, picture: Picture, k: int = 5, smallest_face: int = 0, *, where: Filter | None = None
    ) -> list[IdentifiedFace]:
        """Whose is each face in a picture? Most likely subject first; [] where there is no face.

        Args:
            picture: asked about.
            k: candidates reported of each face.
            smallest_face: leave out faces less than so many pixels wide.
            where: only people with these tags are looked for, as `identify`.

        Raises:
            ImageError: the picture cannot be used.
            InputError: as `identify`, or the model does not look for faces, or the gallery holds landmarks.

        Example:
            >>> [one.answer.identity for one in recognizer.identify_all("group.jpg")]    # doctest: +SKIP
            ['Ada', None, 'Grace']
        """
        return self.identify_all_many([picture], k, smallest_face, where=where)[0]

    def identify_all_many(
        self,
        pictures: Sequence[Picture],
        k: int = 5,
        smallest_face: int = 0,
        progress: Callable[[int], None] | None = None,
        unusable: Unusable | None = None,
        *,
        where: Filter | None = None,
    ) -> list[list[IdentifiedFace]]:
        """The same for many pictures, whose faces are embedded and searched for together.

        Args:
            pictures: asked about.
            k: candidates reported of each face.
            smallest_face: as `identify_all`.
            progress: called with the number of pictures answered since the last call.
            unusable: called with position and error of a picture that cannot be used; it then has no list of faces.
                Without it, the first such error is raised.
            where: as `identify_all`.

        Returns:
            the faces of each picture that can be used. Answers are those that `identify_faces` gives for each face.

        Raises:
            ImageError: a picture cannot be used; the message names it.
            InputError: as `identify_all`.
        """
        answer = self._about_faces(k, where)
        return answer_pictures(
            self.embedder, pictures, answer, smallest=smallest_face, progress=progress, unusable=unusable
        )

    def identify_faces(
        self, faces: Sequence[tuple[Face, Prepared]], k: int = 5, *, where: Filter | None = None
    ) -> list[IdentifiedFace]:
        """Whose are faces that are found and aligned already (`Embedder.prepare_faces`), of any pictures?

        An answer's `seconds_embedding` is then from aligned face to vector. Notes do not name pictures.

        Raises:
            InputError: as `identify_all`.
        """
        return answer_faces(self.embedder, faces, self._about_faces(k, where))

    def _about_faces(self, k: int, where: Filter | None) -> Callable[[Floats], list[Identified]]:
        """What answers vectors of faces."""
        if not self.embedder.finds_faces:
            raise InputError(
                f"model {self.embedder.name} looks for no faces, and every face was asked for; use dlib or a model "
                "trained with the alignment dlib-5point, or ask about whole pictures"
            )
        if self.place_recognition() is not None:
            raise InputError("every face was asked for, and the gallery holds landmarks; give a gallery of people")
        wanted = checked_k(k)
        return lambda vectors: self._people(vectors, wanted, where)

    def _answers(self, vectors: Floats, k: int, rerank: bool, photos: int, where: Filter | None) -> list[Identified]:
        places = self.place_recognition()
        if places is None:
            return self._people(vectors, k, where)
        if where:
            raise InputError(
                "a filter by tags was given, and the gallery holds landmarks, whose thresholds are promised for all of "
                "them; leave it out"
            )
        return places.identify(vectors, k, rerank, photos)

    def _people(self, vectors: Floats, k: int, where: Filter | None) -> list[Identified]:
        scoring = self.template_scoring
        calibration = self._measured(scoring)
        rivals = self._rivals(calibration)
        odds, tail = (None, None) if calibration is None else (calibration.odds, calibration.tail)
        # The second identity is looked at, whether it is reported or not. Candidates, threshold and sizes are of one
        # state of the gallery.
        searched = search_scored(self.gallery, vectors, max(k, 2), self.embedder.metric, scoring, where)
        counts = searched.counts
        compared = counts.compared(scoring)
        limits = self._policy(scoring).limits(compared)
        threshold, weakness = limits.threshold, _weakness(calibration, counts)
        bound = None if tail is None else tail.upper_fpir(threshold.distance, compared)
        answers = []
        for candidates in searched.candidates:
            found = tuple(candidates)
            distances = [candidate.distance for candidate in found]
            decision = decide(distances, limits, rivals)
            probability = None
            if odds is not None and found:
                probability = odds.among(distances, counts.identities, self._mated_share)[0]
            answers.append(
                Identified(
                    identity=found[0].identity if decision == "match" else None,
                    distance=distances[0] if found else math.inf,
                    threshold=threshold.distance,
                    threshold_source=threshold.source,
                    candidates=found[:k],
                    decision=decision,
                    probability=probability,
                    margin=distances[1] - distances[0] if len(found) > 1 else math.inf,
                    identities=counts.identities,
                    templates=counts.templates,
                    promised=limits.promised,
                    fpir_bound=bound,
                    weakness=weakness,
                )
            )
        return answers


def _weakness(calibration: Calibration | None, counts: Counts | None = None) -> str:
    """An answer's remark on a weak calibration, or on one of identities with another number of templates."""
    if calibration is None:
        return ""
    remarks = []
    most = 1.0 if calibration.odds is None else calibration.odds.probability(calibration.odds.distances[0])
    if most < WEAK_BELOW:
        remarks.append(
            f"the calibration is weak: on {calibration.source}, no pair was more than {most:.0%} likely "
            "a match; calibrate on more identities (`lookalike evaluate DATA --model MODEL --calibrate`)"
        )
    if counts is not None and counts.identities and calibration.template_scoring != "nearest":
        each, measured = counts.templates / counts.identities, calibration.templates_each
        if not measured / MANY_MORE <= each <= measured * MANY_MORE:
            remarks.append(
                f"thresholds were measured on {how_many(measured, 'template')} an identity, and the gallery has "
                f"{each:.2g}; calibrate with `lookalike evaluate --enrolled {max(2, round(each))}`"
            )
    return "; ".join(remarks)


def _loaded(embedder: object) -> Embedder:
    if isinstance(embedder, str | PathLike):
        return Embedder.load(fspath(embedder))
    if not hasattr(embedder, "fingerprint"):
        kind = type(embedder).__name__
        raise InputError(
            f'{kind} is no embedder; give a model\'s name or folder, such as "dlib", or Embedder.load(...)'
        )
    return cast(Embedder, embedder)


def _calibration_in(gallery: Gallery, embedder: Embedder) -> Calibration | None:
    """The calibration that decides about the people of a gallery: one that the user chose goes first."""
    if embedder.calibration_chosen or not isinstance(gallery, Upgradable):
        return embedder.calibration
    kept = gallery.upgrade.calibration(embedder.fingerprint)
    return embedder.calibration if kept is None else Calibration.from_json(kept, f"the calibration in {gallery!r}")


def _opened(gallery: Gallery | str | PathLike[str], stack: ExitStack) -> Gallery:
    """The gallery; one that is opened here is closed with the stack."""
    if isinstance(gallery, str | PathLike):
        return stack.enter_context(open_gallery(fspath(gallery)))
    if not hasattr(gallery, "search_counted"):
        kind = type(gallery).__name__
        raise InputError(f'{kind} is no gallery; give its address, such as "people.gallery", or open_gallery(...)')
    return gallery


def sources_of(pictures: Sequence[Picture]) -> list[str]:
    """Where pictures are, as a gallery keeps it: their paths; empty of those that are none."""
    return [source_of(picture) for picture in pictures]
