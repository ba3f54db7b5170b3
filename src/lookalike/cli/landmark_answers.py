"""What `enroll` and `identify` do with landmarks: places from a data set into a gallery, and answers about photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lookalike.cli.existing_gallery import existing_gallery, holds_places
from lookalike.workflows.loaded_model import at_scales

if TYPE_CHECKING:
    from lookalike.datasets import PictureSet
    from lookalike.embedder import Embedder
    from lookalike.landmarks.enrolment import Progress
    from lookalike.landmarks.place import Place
    from lookalike.landmarks.recognition import Recognised

__all__ = ["RECIPE", "at_scales", "chosen_recipe", "enroll_places", "fpr_of", "identify_places", "of_landmarks"]

RECIPE = "landmarks"


def chosen_recipe(recipe: str | None, gallery: str) -> bool:
    """Whether landmarks are meant: said by --recipe, or by a gallery that holds an atlas.

    Raises:
        InputError: there is no such recipe here.
        ArtefactError: the gallery is damaged, of a newer version, or none at all, so nobody knows what it holds.
    """
    return of_landmarks(recipe) or holds_places(gallery) is True


def of_landmarks(recipe: str | None) -> bool:
    """Whether --recipe says that landmarks are meant.

    Raises:
        InputError: there is no such recipe here.
    """
    from lookalike.errors import InputError

    if recipe not in (None, RECIPE):
        raise InputError(f"--recipe is {recipe!r}; give {RECIPE}, or leave it out for people")
    return recipe is not None


def fpr_of(text: str) -> float:
    """The rate in `fpr=0.01`.

    Example:
        >>> fpr_of("fpr=0.01")
        0.01
    """
    from lookalike.errors import InputError

    kind, _, number = text.partition("=")
    try:
        rate = float(number)
    except ValueError:
        rate = -1.0
    if kind.strip() != "fpr" or not 0 < rate < 1:
        raise InputError(
            f"--promise is {text!r}; for landmarks give fpr=RATE, the share of photos without a landmark that may be "
            "named, such as fpr=0.01"
        )
    return rate


def enroll_places(
    data: Sequence[str],
    name: str | None,
    embedder: Embedder,
    gallery: str,
    *,
    non_landmarks: Path | None,
    promise: str | None,
    places: Path | None,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Enroll the places of a data set, or more photos of one place; without data, fit the thresholds anew."""
    import numpy as np

    from lookalike.cli.measuring import embed_set
    from lookalike.cli.terminal import console, escape, note, print_json
    from lookalike.datasets import PictureSet, split_non_landmarks
    from lookalike.gallery import open_gallery
    from lookalike.identity_names import checked_name, look_alike_remarks
    from lookalike.landmarks.recognition import LandmarkRecognizer

    rate = None if promise is None else fpr_of(promise)
    photos, others = split_non_landmarks(_pictures(data, name, non_landmarks))
    # All names are checked before anybody is enrolled, and a gallery of another model is refused before the work.
    photos = PictureSet(photos.paths, tuple(map(checked_name, photos.identities)), photos.notes)
    facts = _facts(data, places, photos)
    others = _unseen(embedder, others)
    _check_before_the_work(gallery, embedder, len(photos), len(others), rate)
    none = np.empty((0, embedder.dimension), np.float32)
    vectors, kept = embed_set(embedder, photos, skip_bad, "Embedding places") if len(photos) else (none, photos)
    strangers = embed_set(embedder, others, skip_bad, "Embedding others")[0] if len(others) else none
    with open_gallery(gallery) as opened, _steps() as progress:
        for line in look_alike_remarks(kept.names, opened.names()):
            note(line)
        found = LandmarkRecognizer(embedder, opened).enroll_vectors(
            vectors,
            kept.identities,
            [str(path.absolute()) for path in kept.paths],
            strangers,
            promise_fpr=rate,
            facts=facts,
            progress=progress,
        )
    if found.promised.note:
        note(found.promised.note)
    if as_json:
        print_json(
            {"gallery": gallery, "enrolled": kept.names, "left_out_unusable": len(photos) - len(kept)} | vars(found)
        )
        return
    console.print(
        f"[green]enrolled[/green] {len(kept)} photo(s) of {len(kept.names)} place(s) ({len(found.new)} new); "
        f"{escape(gallery)} knows {len(found.places)}, by {found.centroids} centroid(s)",
        soft_wrap=True,
    )
    for reason, count in Counter(one.reason for one in found.left_out).items():
        first = next(one for one in found.left_out if one.reason == reason)
        note(f"{count} photo(s) {reason} are left out of centroids; first {first.source} of {first.place}")
    console.print(f"promise: {escape(found.promised.source)}", soft_wrap=True)


def identify_places(
    pictures: Sequence[str],
    embedder: Embedder,
    gallery: str,
    *,
    top: int,
    rerank: bool,
    submission: Path | None,
    as_json: bool,
) -> None:
    """Name the place in every photo, or say that it shows none that is known; folders stand for their photos."""
    from lookalike.cli.terminal import bar, console, escape, note, plain, print_json
    from lookalike.gallery import open_gallery
    from lookalike.landmarks.recognition import LandmarkRecognizer

    photos = _expanded(pictures)
    ids = None if submission is None else _submission_ids(photos)
    with open_gallery(gallery, create=False) as opened, bar("Identifying", len(photos)) as done:
        recognizer = LandmarkRecognizer(embedder, opened)
        if submission is not None:
            _check_ids(recognizer.atlas.places, gallery)
        answers = recognizer.identify_many(photos, k=top, rerank=rerank, progress=done)
    for photo, answer in zip(photos, answers, strict=True):
        for remark in answer.notes:
            note(f"{photo}: {remark}")
    if submission is not None and ids is not None:
        _write_submission(submission, ids, answers)
    if as_json:
        listed = [{"picture": photo} | _document(one) for photo, one in zip(photos, answers, strict=True)]
        print_json({"gallery": gallery, "places": answers[0].places, "answers": plain(listed)})
    elif submission is not None:
        console.print(f"[green]wrote[/green] {len(answers)} answer(s) to {escape(str(submission))}", soft_wrap=True)
    else:
        for photo, answer in zip(photos, answers, strict=True):
            _tell(photo, answer)
        typer.echo(f"gallery: {answers[0].places:,} place(s)")
        typer.echo(f"promise: {answers[0].threshold_source}")


def _pictures(data: Sequence[str], name: str | None, non_landmarks: Path | None) -> PictureSet:
    """What is to be enrolled: photos of one place by name, a data set, or nothing but non-landmarks."""
    from lookalike.datasets import NON_LANDMARK, PictureSet, place_pictures
    from lookalike.datasets.image_folder import pictures_below
    from lookalike.errors import DatasetError, InputError
    from lookalike.identity_names import canonical_name

    if name is not None and canonical_name(name) == NON_LANDMARK:
        raise InputError(f"--name is {name!r}, which no place may bear; give these pictures as --non-landmarks FOLDER")
    if name is None and len(data) == 1:
        return place_pictures(data[0], non_landmarks)
    if name is None and data:
        raise InputError(f"{len(data)} pictures were given without --name; say of which place they are")
    if name is not None and not data:
        raise InputError(f"--name is {name!r}, but no pictures were given; give some of that place")
    if non_landmarks is not None and not non_landmarks.is_dir():
        raise DatasetError(f"{non_landmarks} is no folder; give one that holds pictures without a landmark")
    others = [] if non_landmarks is None else pictures_below(non_landmarks)
    return PictureSet((*map(Path, data), *others), (*([name or ""] * len(data)), *([NON_LANDMARK] * len(others))))


def _unseen(embedder: Embedder, others: PictureSet) -> PictureSet:
    """Without those that the network was trained on: it refuses them better than any it will be asked about."""
    import numpy as np

    from lookalike.cli.terminal import note
    from lookalike.embedder.seen_pictures import seen_among
    from lookalike.errors import DatasetError

    seen = seen_among(embedder.seen_non_landmarks, others.paths)
    if not seen.any():
        return others
    if seen.all():
        raise DatasetError(
            f"all {len(others)} photos without a landmark trained model {embedder.name}, so a promise set on them "
            "would not hold; give others with --non-landmarks"
        )
    note(
        f"{int(seen.sum())} of {len(others)} photos without a landmark trained this model: no threshold is set on them"
    )
    return others.select(np.flatnonzero(~seen))


def _facts(data: Sequence[str], places: Path | None, photos: PictureSet) -> dict[str, Place]:
    """Names and positions, the surer source before the others: --places, the data set's own lists, the photos' EXIF."""
    from lookalike.cli.terminal import note
    from lookalike.datasets import GoogleLandmarks
    from lookalike.datasets.coordinates import header
    from lookalike.errors import DatasetError
    from lookalike.landmarks.atlas import known_better
    from lookalike.landmarks.place import Place
    from lookalike.landmarks.place_facts import photographed_places, read_places

    known = photographed_places(photos)
    sources: list[dict[str, Place]] = []
    if len(data) == 1 and GoogleLandmarks.is_one(Path(data[0])):
        try:
            sources.append({key: Place(key, name) for key, name in GoogleLandmarks(Path(data[0])).names().items()})
        except DatasetError as error:
            note(f"places go by their numbers: {error}")
    if len(data) == 1 and data[0].endswith(".csv") and {"latitude", "longitude"} <= set(header(Path(data[0]))):
        sources.append(read_places(data[0]))
    if places is not None:
        sources.append(read_places(places))
    for source in sources:
        for key, place in source.items():
            known[key] = known_better(known.get(key, Place(key)), place)
    return known


def _check_before_the_work(gallery: str, embedder: Embedder, photos: int, others: int, rate: float | None) -> None:
    """Refuse what an hour of embedding would end in: another model's gallery, or a promise that cannot be made."""
    import numpy as np

    from lookalike.errors import InputError
    from lookalike.landmarks.atlas import AtlasSettings
    from lookalike.landmarks.promised_rate import promised_threshold
    from lookalike.landmarks.recognition import LandmarkRecognizer

    first, empty = True, True
    older = existing_gallery(gallery)
    if older is not None:
        with older:
            LandmarkRecognizer(embedder, older)
            first, empty = older.annex() is None, len(older) == 0
    if empty and not photos:
        raise InputError(f"{gallery} holds no place and no photos were given; give a folder per place, or a CSV")
    if first and not others:
        raise InputError(
            "no photos without a landmark were given, so no false-positive rate can be promised; give a folder of "
            "them (--non-landmarks), of the kind that users will send"
        )
    if first:  # the count alone may be too small for the promise
        settings = AtlasSettings()
        promised_threshold(np.arange(others, dtype=float), rate or settings.promise_fpr, confidence=settings.confidence)


@contextmanager
def _steps() -> Iterator[Progress]:
    """A bar whose text says which step is under way."""
    from lookalike.cli.terminal import progress_bar

    with progress_bar() as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            for task in tasks.values():
                bars.update(task, visible=False)
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=None if total == 1 else total, extra="")
            bars.update(tasks[what], completed=done, visible=True)

        yield show


def _expanded(pictures: Sequence[str]) -> list[str]:
    """Photos, with folders replaced by the photos in them."""
    from lookalike.datasets.image_folder import pictures_below
    from lookalike.errors import DatasetError

    photos: list[str] = []
    for one in pictures:
        if Path(one).is_dir():
            found = [str(path) for path in pictures_below(Path(one))]
            if not found:
                raise DatasetError(f"{one} holds no pictures; give photos, or a folder of them")
            photos += found
        else:
            photos.append(one)
    return photos


def _submission_ids(photos: Sequence[str]) -> list[str]:
    """The ids of Google Landmarks' pictures, which are their files' names; checked before the work."""
    from lookalike.datasets.google_landmarks import checked_id
    from lookalike.errors import DatasetError

    ids = [checked_id(Path(photo).stem, photo) for photo in photos]
    twice = next((one for one, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        raise DatasetError(f"picture {twice} is given twice; a submission has one row for each")
    return ids


def _check_ids(places: Sequence[str], gallery: str) -> None:
    """Refuse, before the work, places that a submission cannot name."""
    from lookalike.datasets.google_landmarks import checked_landmark
    from lookalike.errors import DatasetError

    for place in places:
        try:
            checked_landmark(place, gallery)
        except DatasetError as error:
            raise DatasetError(f"{error}; a submission names places by Google's numbers: enroll them so") from None


def _write_submission(path: Path, ids: Sequence[str], answers: Sequence[Recognised]) -> None:
    """Every picture's first candidate with its confidence, accepted or not: GAP weighs them by their order."""
    from lookalike.datasets.landmark_solutions import write_recognition_submission

    best = [answer.best for answer in answers]
    rows = [None if one is None else (one.place, one.confidence) for one in best]
    write_recognition_submission(path, dict(zip(ids, rows, strict=True)))


def _document(answer: Recognised) -> dict[str, Any]:
    """An answer for JSON: its fields, and what it says of the matched place."""
    keys = ("name", "latitude", "longitude", "map_url", "distance", "threshold", "confidence")
    return vars(answer) | {key: getattr(answer, key) for key in keys}


def _tell(photo: str, answer: Recognised) -> None:
    best = answer.best
    if best is None:
        typer.echo(f"{photo}: the gallery holds no place")
        return
    if answer.decision == "match":
        what = best.name if best.name == best.place else f"{best.name} ({best.place})"
    elif answer.decision == "ambiguous":
        what = f"ambiguous, {best.name} or {answer.candidates[1].name}" if len(answer.candidates) > 1 else "ambiguous"
    else:
        what = "no landmark of this gallery"
    sign = "<=" if best.accepted else ">"
    typer.echo(
        f"{photo}: {what} (distance {best.distance:.4f} {sign} threshold {best.threshold:.4f}), "
        f"confidence {best.confidence:.3f}"
    )
    if answer.decision == "match":
        if best.map_url is not None:
            typer.echo(f"    {best.latitude:.5f}, {best.longitude:.5f}  {best.map_url}")
        for example in best.photos:
            typer.echo(f"    like {example.source or 'an enrolled photo'} (distance {example.distance:.4f})")
    for candidate in answer.candidates:
        typer.echo(f"    {candidate.distance:.4f}  {candidate.name}")
