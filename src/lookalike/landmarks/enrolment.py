"""Enrolment of places: photos are cleaned and clustered, centroids become templates, thresholds are fitted.

All photos of all places are clustered again at every enrolment, those enrolled before included. So it does not matter
whether places were enrolled one after the other or together, and the promise is about all of them. Nothing is embedded
twice, and what was computed is written in one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.decisions.place_odds import PlaceOdds
from lookalike.decisions.promise import PromisedRate
from lookalike.decisions.rejection import Rejection
from lookalike.distances import MetricName, unit_length
from lookalike.errors import InputError, StorageError, VectorError
from lookalike.evaluation.calibration.rejection import fit_rejection
from lookalike.gallery import AnnexUpdate, Gallery, KeepsAnnex, Model, annex_of
from lookalike.gallery.sources import readable
from lookalike.identity_names import checked_name
from lookalike.index.core.checks import checked_vectors
from lookalike.landmarks.atlas import NO_TEMPLATE, Atlas, AtlasSettings, PlacePhotos, atlas_update, known_better
from lookalike.landmarks.centroids import Centroids
from lookalike.landmarks.held_out_places import PlaceVectors, held_out_odds
from lookalike.landmarks.near_copies import copy_of
from lookalike.landmarks.photo_cleaning import Cleaned, clean_and_recluster
from lookalike.landmarks.place import Place
from lookalike.progress import Progress, ProgressSink

__all__ = ["EnrolledPlaces", "LeftOut", "NewPhotos", "enroll_places"]

Floats = npt.NDArray[np.float32]

#: The identity of pictures without a landmark in data sets, which no place may bear: `datasets.places.NON_LANDMARK`.
RESERVED = "non-landmark"


@dataclass(frozen=True)
class LeftOut:
    """A photo that went into no centroid, and why; where it was only in too small a cluster, that is said."""

    place: str
    source: str
    reason: str


@dataclass(frozen=True)
class EnrolledPlaces:
    """What a gallery of landmarks holds after an enrolment.

    Attributes:
        places: all of them.
        new: those that were not there before.
        photos: of all places.
        centroids: of all places.
        non_landmarks: distinct photos without a landmark.
        left_out: photos that went into no centroid.
        promised: the threshold, and what it promises.
    """

    places: tuple[str, ...]
    new: tuple[str, ...]
    photos: int
    centroids: int
    non_landmarks: int
    left_out: tuple[LeftOut, ...]
    promised: PromisedRate


@dataclass(frozen=True, eq=False, kw_only=True)
class NewPhotos:
    """Photos to be enrolled, as vectors, and what is known of their places.

    Attributes:
        vectors: `(n, d)` of photos of places; one that its place has already, within rounding, is not stored again.
        places: `(n,)` their places' ids.
        sources: `(n,)` where the photos are; None for nowhere.
        non_landmarks: `(m, d)` of photos that show no landmark; None for none.
        facts: of new and older places, by id; those not named keep theirs.
    """

    vectors: npt.ArrayLike
    places: Sequence[str]
    sources: Sequence[str] | None = None
    non_landmarks: npt.ArrayLike | None = None
    facts: Mapping[str, Place] = field(default_factory=dict)


def enroll_places(
    gallery: Gallery,
    new: NewPhotos,
    *,
    promise_fpr: float | None = None,
    settings: AtlasSettings | None = None,
    progress: ProgressSink | None = None,
) -> EnrolledPlaces:
    """Add photos of places, and photos that show none, to what a gallery knows of landmarks; all of it, or nothing.

    Identities that were enrolled as people are, without photos in the atlas, stay and count as places with their
    templates as centroids; where such a one now gets photos, its templates are photos too.

    Args:
        gallery: bound to the model of the vectors.
        new: what is added; maybe nothing, to fit the thresholds anew.
        promise_fpr: the largest share of photos without a landmark that may be accepted; by default as before, at first
            0.01.
        settings: further choices; by default as before.
        progress: told what is being done.

    Raises:
        VectorError: wrong shapes, NaN, or not one place and source per vector.
        InputError: a gallery of people, a name that no place may bear, no place or too few non-landmarks at all.
        StorageError: the disk is full or failing, or somebody else changed the gallery meanwhile; nothing was changed.

    Example:
        >>> enroll_places(gallery, NewPhotos(vectors=x, places=names, non_landmarks=others)).places    # doctest: +SKIP
        ('bridge', 'church')
    """
    model = _model_of(gallery)
    given = _checked(new, model.dimension)
    keeper, since = annex_of(gallery), gallery.change
    held = keeper.annex()
    atlas = None if held is None else Atlas(held)
    chosen = settings or (AtlasSettings() if atlas is None else atlas.settings)
    if promise_fpr is not None:
        chosen = replace(chosen, promise_fpr=promise_fpr)
    names = [_checked_place(place) for place in given.places]
    with keeper.unchanged(since) as still:
        if not still:
            raise StorageError("the gallery was changed by another program meanwhile; enroll once more")
        photos = _together(_held(gallery, keeper, atlas, set(names)), given.vectors, names, given.sources)
    bank = _bank(atlas, given.non_landmarks, model.metric)
    before = dict.fromkeys(gallery.names())  # ordered, and looked up once for each place
    of_templates = _of_templates(gallery, [name for name in before if name not in photos], model.metric)
    if not photos and not len(of_templates):
        raise InputError("no photos of places were given, and the gallery holds none; give photos of at least one")

    known = _known(atlas, new.facts)
    found, cleaned = _clustered(photos, model, chosen, progress)
    _say(progress, "Fitting thresholds", 0)
    together = _merged(found, of_templates)
    rejection = fit_rejection(bank, together, promise_fpr=chosen.promise_fpr, confidence=chosen.confidence)
    first = _first_centroids(found, photos)
    enrolled = _place_vectors(photos, found, first, of_templates)
    odds = held_out_odds(enrolled, rejection, unknown_places=chosen.unknown_places, non_landmarks=chosen.non_landmarks)
    _say(progress, "Fitting thresholds", 1)
    _say(progress, "Writing", 0)
    made = _UpdateMaker(photos, found, first, of_templates.names(), known, rejection, odds, bank, chosen)
    rows = [(name, *_templates(found, first[name], name)) for name in photos]
    keeper.enroll_with_annex(rows, made, since=since)
    _say(progress, "Writing", 1)
    return EnrolledPlaces(
        places=together.names(),
        new=tuple(name for name in photos if name not in before),
        photos=len(found.members),
        centroids=len(together),
        non_landmarks=len(rejection.bank),
        left_out=_left_out(photos, found, cleaned),
        promised=rejection.promised,
    )


def _model_of(gallery: Gallery) -> Model:
    """The model of a gallery that may hold landmarks."""
    if gallery.kind == "people":
        gallery.settle_kind("landmarks")  # refuses, before the work
    if gallery.model is None:
        raise InputError("the gallery belongs to no model yet; bind it to the model of the vectors first")
    return gallery.model


def _bank(atlas: Atlas | None, given: Floats, metric: MetricName) -> Floats:
    """Photos without a landmark, those held and those given, each once."""
    bank = given if atlas is None else np.concatenate([atlas.non_landmarks, given])
    bank = bank[np.unique(copy_of(_directions(bank, metric)))]
    if not len(bank):
        raise InputError(
            "no photos without a landmark were given, so no false-positive rate can be promised; give some hundreds "
            "of the kind that users will send (non_landmarks, or --non-landmarks FOLDER)"
        )
    return bank


@dataclass(frozen=True, eq=False)
class _Given:
    """`NewPhotos` with its vectors as float32 and a source for each."""

    vectors: Floats
    places: Sequence[str]
    sources: Sequence[str]
    non_landmarks: Floats


def _checked(new: NewPhotos, dimension: int) -> _Given:
    vectors = checked_vectors(new.vectors, dimension, "vectors", allow_none=True)
    others = np.empty((0, dimension)) if new.non_landmarks is None else new.non_landmarks
    sources = [""] * len(vectors) if new.sources is None else new.sources
    if isinstance(new.places, str) or isinstance(sources, str) or not len(new.places) == len(sources) == len(vectors):
        raise VectorError(
            f"{_count(new.places)} places and {_count(sources)} sources were given for {len(vectors)} vectors; give "
            "one each"
        )
    return _Given(vectors, new.places, sources, checked_vectors(others, dimension, "non_landmarks", allow_none=True))


def _count(items: Sequence[str]) -> str:
    return "one text as" if isinstance(items, str) else str(len(items))


def _say(progress: ProgressSink | None, stage: str, done: int) -> None:
    """Tell that a stage of a single step has begun (0), or is done (1)."""
    if progress is not None:
        progress(Progress(stage, done, 1))


def _known(atlas: Atlas | None, facts: Mapping[str, Place]) -> dict[str, Place]:
    """What is known of places: from before, and newly."""
    known = {} if atlas is None else {name: atlas.place(name) for name in atlas.places}
    for place in facts:
        name = _checked_place(place)
        known[name] = known_better(known.get(name, Place(name)), facts[place])
    return known


def _first_centroids(found: Centroids, photos: Mapping[str, _Photos]) -> dict[str, int]:
    """Of every place with photos the position of its first centroid."""
    names = sorted(photos)
    firsts = np.searchsorted(np.array(found.places), names) if names else np.empty(0, np.int64)
    return dict(zip(names, firsts.tolist(), strict=True))


def _place_vectors(
    photos: Mapping[str, _Photos], found: Centroids, first: Mapping[str, int], of_templates: Centroids
) -> dict[str, PlaceVectors]:
    """All places as `held_out_places` asks about them."""
    held: dict[str, PlaceVectors] = {}
    at = 0
    for name, one in photos.items():
        members = found.members[at : at + len(one.vectors)]
        at += len(one.vectors)
        looks = np.where(members < 0, -1, members - first[name])
        held[name] = PlaceVectors(_templates(found, first[name], name)[0], one.vectors, looks)
    none = np.empty((0, found.vectors.shape[1]), np.float32), np.empty(0, np.int64)
    parts = np.split(of_templates.vectors, of_templates.starts()[1:])
    held |= {name: PlaceVectors(part, *none) for name, part in zip(of_templates.names(), parts, strict=False)}
    return held


@dataclass(frozen=True, eq=False)
class _UpdateMaker:
    """Makes what is to be kept, once the gallery has numbered the centroids' templates."""

    photos: Mapping[str, _Photos]
    found: Centroids
    first: Mapping[str, int]
    without_photos: Sequence[str]
    known: Mapping[str, Place]
    rejection: Rejection
    odds: PlaceOdds
    bank: Floats
    settings: AtlasSettings

    def __call__(self, ids: Mapping[str, list[int]]) -> AnnexUpdate:
        filled = {name: PlacePhotos(_none(self.bank), (), np.empty(0, np.int64)) for name in self.without_photos}
        at = 0
        for name, one in self.photos.items():
            members = self.found.members[at : at + len(one.vectors)]
            at += len(one.vectors)
            templates = [NO_TEMPLATE if m < 0 else ids[name][m - self.first[name]] for m in members]
            filled[name] = PlacePhotos(one.vectors, one.sources, np.array(templates, np.int64))
        return atlas_update(filled, self.known, self.rejection, self.odds, self.bank, self.settings)


@dataclass(frozen=True, eq=False)
class _Photos:
    """Distinct photos of one place."""

    vectors: Floats
    sources: Sequence[str]


def _checked_place(place: str) -> str:
    name = checked_name(place)
    if name == RESERVED:
        raise InputError(f"{RESERVED!r} is no place; give these pictures as photos without a landmark")
    return name


def _held(gallery: Gallery, keeper: KeepsAnnex, atlas: Atlas | None, more: set[str]) -> list[tuple[str, _Photos]]:
    """What the gallery has of each place that has photos or, being in `more`, will have some."""
    held = []
    late = set(keeper.uncovered())
    for name in sorted(late & more | set(() if atlas is None else atlas.places)):
        vectors, sources, known = np.empty((0, 0), np.float32), list[str](), set[int]()
        if atlas is not None:
            own = atlas.photos(name)
            vectors, sources, known = own.vectors, list(own.sources), set(own.templates.tolist())
        if name in late and (len(vectors) or name in more):
            single = [template for template in gallery.templates(name) if template.id not in known]
            vectors = np.stack([*vectors, *(template.vector for template in single)])
            sources += [template.source for template in single]
        if len(vectors):
            held.append((name, _Photos(vectors, sources)))
    return held


def _together(
    held: Sequence[tuple[str, _Photos]], vectors: Floats, places: Sequence[str], sources: Sequence[str]
) -> dict[str, _Photos]:
    """Photos held and new ones by place, each once, in order of places and then of their numbers."""
    names = np.array([*(name for name, one in held for _ in one.sources), *places], object)
    texts = [*(source for _, one in held for source in one.sources), *map(readable, sources)]
    if not len(names):
        return {}
    x = np.concatenate([*(one.vectors for _, one in held), vectors])
    each, codes = np.unique(names.astype(str), return_inverse=True)
    first = copy_of(x, codes)
    for at in np.flatnonzero(first != np.arange(len(x))):
        # A photo given again has moved, if anything: the newer source is the one to be found.
        texts[first[at]] = texts[at]
    kept = np.flatnonzero(first == np.arange(len(x)))
    # Sorted by their bytes within a place, so that the order of enrolments does not matter.
    kept = kept[np.argsort(np.ascontiguousarray(x[kept]).view(f"V{4 * x.shape[1]}")[:, 0], kind="stable")]
    order = kept[np.argsort(codes[kept], kind="stable")]
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return {str(each[codes[rows[0]]]): _Photos(x[rows], [texts[row] for row in rows]) for rows in groups}


def _directions(vectors: Floats, metric: MetricName) -> Floats:
    return np.asarray(unit_length(vectors), np.float32) if metric == "cosine" and len(vectors) else vectors


def _clustered(
    photos: Mapping[str, _Photos], model: Model, settings: AtlasSettings, progress: ProgressSink | None
) -> tuple[Centroids, Cleaned]:
    if not photos:
        return _no_centroids(model.metric, model.dimension), Cleaned(np.empty(0, bool), (), np.empty(0))
    stage = f"Finding centroids of {len(photos):,} places"
    return clean_and_recluster(
        np.concatenate([one.vectors for one in photos.values()]),
        [name for name, one in photos.items() for _ in one.sources],
        model.metric,  # type: ignore[arg-type]  # inner_product is refused by name
        rounds=3 if settings.clean else 0,
        progress=None if progress is None else lambda done, total: progress(Progress(stage, done, total)),
        max_centroids=settings.max_centroids,
    )


def _no_centroids(metric: MetricName, dimension: int) -> Centroids:
    none = np.empty(0, np.float32)
    counts = np.empty(0, np.int64)
    return Centroids(np.empty((0, dimension), np.float32), (), counts, none, none, none, counts, metric)


def _of_templates(gallery: Gallery, names: Sequence[str], metric: MetricName) -> Centroids:
    """Places that were enrolled without photos: their templates are centroids of one photo each."""
    templates = [template for name in names for template in gallery.templates(name)]
    if not templates:
        return _no_centroids(metric, 0)
    vectors = np.stack([template.vector for template in templates])
    zeros = np.zeros(len(templates), np.float32)
    return Centroids(
        _directions(vectors, metric),
        tuple(template.identity for template in templates),
        np.ones(len(templates), np.int64),
        zeros,
        zeros,
        zeros,
        np.empty(0, np.int64),
        metric,
    )


def _merged(a: Centroids, b: Centroids) -> Centroids:
    """Both, in order of places; `members` is the first one's and refers to it."""
    if not len(a) or not len(b):
        return a if len(a) else b
    places = np.array([*a.places, *b.places])
    order = np.argsort(places, kind="stable")
    names = ("sizes", "spread_mean", "spread_max", "spread_deviation")
    return Centroids(
        vectors=np.concatenate([a.vectors, b.vectors])[order],
        places=tuple(places[order].tolist()),
        members=a.members,
        metric=a.metric,
        **{name: np.concatenate([getattr(a, name), getattr(b, name)])[order] for name in names},
    )


def _templates(found: Centroids, first: int, name: str) -> tuple[Floats, list[str]]:
    """A place's centroids, and what people read about each."""
    last = first
    while last < len(found) and found.places[last] == name:
        last += 1
    return found.vectors[first:last], [
        f"centroid of {how_many(size, 'photo')}" for size in found.sizes[first:last].tolist()
    ]


def _left_out(photos: Mapping[str, _Photos], found: Centroids, cleaned: Cleaned) -> tuple[LeftOut, ...]:
    flat = [(name, source) for name, one in photos.items() for source in one.sources]
    return tuple(
        LeftOut(name, source, cleaned.reasons[at] or "in too small a cluster")
        for at, (name, source) in enumerate(flat)
        if found.members[at] < 0
    )


def _none(bank: Floats) -> Floats:
    return np.empty((0, bank.shape[1]), np.float32)
