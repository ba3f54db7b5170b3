"""Recognition of places, from vectors to answers: what `Recognizer` uses for a gallery of landmarks.

The candidates come from the gallery's search over centroids. The enrolled photos of the candidates have a say in
*which* place it is (`reranking.py`); *whether* it is one, only the thresholds decide that were promised for the
distance to centroids (`lookalike.decisions.rejection`). How probable an answer is, places held out have measured
(`lookalike.decisions.place_odds`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.answers import ExamplePhoto, Identified, PlaceCandidate
from lookalike.decisions.place_odds import PlaceOdds
from lookalike.errors import InputError, StorageError
from lookalike.gallery import Candidate, Gallery, Searched, annex_of
from lookalike.landmarks.atlas import Atlas
from lookalike.landmarks.reranking import CANDIDATES, PHOTOS, RankedPlace, rerank

__all__ = ["PlaceRecognition"]

Floats = npt.NDArray[np.float32]

#: Photos that are asked about together: who forgets a place waits for their answers.
_TOGETHER = 128
#: Searches repeated because somebody enrolled or forgot during them.
ATTEMPTS = 5


@dataclass(frozen=True)
class _Held:
    """The atlas and its odds, and the gallery's change that was the last one before it was read."""

    change: int
    atlas: Atlas
    odds: PlaceOdds


class PlaceRecognition:
    """Answers about places, of one gallery.

    Args:
        gallery: holds each place as an identity, its centroids as templates, and the atlas as its annex; bound to the
            model of the vectors.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery, self._keeper = gallery, annex_of(gallery)
        self._held: _Held | None = None

    @property
    def atlas(self) -> Atlas:
        """What the gallery keeps beside its centroids, as it is now.

        Raises:
            InputError: there is none yet, or identities were enrolled that its thresholds know nothing of.
            ArtefactError: it is damaged.
        """
        return self._current().atlas

    @property
    def odds(self) -> PlaceOdds:
        """How probable answers are, of the same state; raises as `atlas`."""
        return self._current().odds

    def _current(self) -> _Held:
        change, held = self._gallery.change, self._held
        if held is None or held.change != change:
            annex = self._keeper.annex()
            if annex is None:
                raise InputError(
                    "the gallery has no atlas of landmarks; enroll places and photos without a landmark first: "
                    "`lookalike enroll DATA --recipe landmarks --non-landmarks FOLDER`"
                )
            unknown = self._keeper.uncovered()
            if unknown:
                raise InputError(
                    f"{len(unknown)} identities, such as {unknown[0]!r}, were enrolled as people are, so no threshold "
                    "was fitted to them; run `lookalike enroll --recipe landmarks` on this gallery (refit()), or "
                    "forget them"
                )
            atlas = Atlas(annex)
            self._held = held = _Held(change, atlas, atlas.odds or self._measured(atlas, change))
        return held

    def _measured(self, atlas: Atlas, change: int) -> PlaceOdds:
        """The odds of an atlas of an earlier version, which stored none; stored for the next time where that can be."""
        from lookalike.landmarks.older_atlas import complete

        return complete(self._gallery, atlas, change)

    def identify(self, vectors: Floats, k: int = 5, by_photos: bool = True, photos: int = PHOTOS) -> list[Identified]:
        """Which place does each of some photos show, if any? They are searched together, some at a time.

        Args:
            vectors: `(q, d)` float32, checked.
            k: candidates reported, at least 1.
            by_photos: let the nearest enrolled photos of the candidates have a say in which place it is.
            photos: example photos named of each candidate, and counted in re-ranking.

        Raises:
            InputError: the gallery has no atlas, or one that does not fit its templates; says what to do.
            StorageError: the gallery kept changing.
        """
        asked = [vectors[at : at + _TOGETHER] for at in range(0, max(1, len(vectors)), _TOGETHER)]
        return [one for some in asked for one in self._answers(some, k, by_photos, photos)]

    def _answers(self, vectors: Floats, k: int, by_photos: bool, photos: int) -> list[Identified]:
        """Answers from one state of the gallery."""
        for _ in range(ATTEMPTS):
            # The atlas must fit the very state of the gallery in which candidates are found, and no photo of theirs may
            # be overwritten while it is compared.
            held = self._current()
            searched = self._gallery.search_counted(vectors, max(k, CANDIDATES))
            densities = held.atlas.rejection.density(vectors).tolist() if len(vectors) else []
            with self._keeper.unchanged(held.change) as still:
                if still and searched.counts.change == held.change:
                    asked = _Asked(held.atlas, held.odds, searched.counts.templates, k, by_photos, photos)
                    return asked.answers(vectors, densities, searched)
        raise StorageError(f"the gallery changed during each of {ATTEMPTS} searches; ask again when it is at rest")


@dataclass(frozen=True)
class _Asked:
    """What the answers of one search have in common."""

    atlas: Atlas
    odds: PlaceOdds
    templates: int
    k: int
    by_photos: bool
    photos: int

    def answers(self, vectors: Floats, densities: Sequence[float], searched: Searched) -> list[Identified]:
        """The answers about all photos."""
        probes = zip(vectors, densities, searched.candidates, strict=True)
        return [self.answer(vector, density, found) for vector, density, found in probes]

    def answer(self, vector: Floats, density: float, found: Sequence[Candidate]) -> Identified:
        """The answer about one photo, from the nearest places."""
        atlas, rejection = self.atlas, self.atlas.rejection
        names = [one.identity for one in found]
        ranked = rerank(
            vector,
            names,
            [one.distance for one in found],
            lambda place: _used(atlas, place),
            rejection.metric,
            photos=self.photos,
            by_photos=self.by_photos,
            offsets=[rejection.rule.offset_of(name) for name in names],
        )
        decided = rejection.rule.decide(
            [one.place for one in ranked], [one.distance for one in ranked], [one.ranking for one in ranked], density
        )
        sure = self.odds.among([rejection.margin(one.ranking, density) for one in ranked])
        templates = {one.identity: one.template_id for one in found}
        candidates = tuple(
            _candidate(atlas, ranked[at], decided.limits[at], sure[at], templates[ranked[at].place])
            for at in decided.order[: self.k]
        )
        return Identified(
            identity=candidates[0].place if decided.decision == "match" else None,
            distance=candidates[0].distance if candidates else math.inf,
            threshold=candidates[0].threshold if candidates else -math.inf,
            threshold_source=rejection.promised.source,
            candidates=candidates,
            decision=decided.decision,
            identities=len(atlas.annex.entries),
            templates=self.templates,
            promised=rejection.promised,
            kind="landmarks",
        )


def _candidate(atlas: Atlas, ranked: RankedPlace, threshold: float, confidence: float, template: int) -> PlaceCandidate:
    facts, own = atlas.place(ranked.place), _sources(atlas, ranked.place)
    return PlaceCandidate(
        identity=ranked.place,
        distance=ranked.distance,
        template_id=template,
        name=facts.name,
        latitude=facts.latitude,
        longitude=facts.longitude,
        map_url=facts.map_url,
        threshold=threshold,
        confidence=confidence,
        ranking=ranked.ranking,
        photos=tuple(ExamplePhoto(own[at], far) for at, far in zip(ranked.photos, ranked.photo_distances, strict=True)),
    )


def _used(atlas: Atlas, place: str) -> Floats:
    """The vectors of a place's photos that went into its centroids."""
    photos = atlas.photos(place)
    return photos.vectors[photos.templates >= 0]


def _sources(atlas: Atlas, place: str) -> list[str]:
    photos = atlas.photos(place)
    return [photos.sources[at] for at in np.flatnonzero(photos.templates >= 0).tolist()]
