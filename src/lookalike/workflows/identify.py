"""Who, or which place, do pictures show, of all in a gallery, or none of them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import ProgressSink, Reporter

if TYPE_CHECKING:
    from lookalike.answers import Identified
    from lookalike.embedder import Embedder
    from lookalike.gallery import Gallery, Kind
    from lookalike.images import Picture
    from lookalike.recognizer import Recognizer

__all__ = ["Identification", "IdentifyOptions", "identify", "identify_with"]

#: Options of people only, and of places only.
_PEOPLE = ("threshold", "fmr", "fpir", "calibration")
_PLACES = ("submission", "rerank")


@dataclass(frozen=True, kw_only=True)
class IdentifyOptions:
    """Which pictures, which gallery, and what decides.

    Attributes:
        pictures: one or more; a folder stands for the pictures in it and below.
        model: a model folder, or a pretrained model's name.
        gallery: its address, such as a folder.
        top: how many candidates are reported.
        threshold: of people: a distance up to which a picture matches, in place of the model's measured one.
        fmr: of people: the threshold measured for this false match rate.
        fpir: of people: name at most this share of strangers, whatever the size of the gallery.
        calibration: of people: a `calibration.json` in place of the model's own.
        recipe: `"landmarks"` for places; the gallery says it as well.
        rerank: of places: whether the nearest enrolled photos help to tell which place it is; they do by default.
        submission: of places: a file to write, with id,landmarks as Google Landmarks v2 wants it.
        scales: sizes at which every picture is embedded, as at enrolment.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
    """

    pictures: str | Path | Sequence[str | Path]
    model: str | Path
    gallery: str | Path = "people.gallery"
    top: int = 3
    threshold: float | None = None
    fmr: float | None = None
    fpir: float | None = None
    calibration: Path | None = None
    recipe: str | None = None
    rerank: bool | None = None
    submission: Path | None = None
    scales: str | Sequence[float] | None = None
    cropped: bool = False


@dataclass(frozen=True)
class Identification:
    """An answer for each picture.

    Attributes:
        kind: of the gallery: `people` or `landmarks`.
        identities: in the gallery, when the last picture was searched for.
        pictures: as they were given, folders replaced by the pictures in them; empty texts for pictures in memory.
        answers: one for each.
        notes: remarks on the pictures, with their names.
    """

    kind: Kind
    identities: int
    pictures: tuple[str, ...]
    answers: tuple[Identified, ...]
    notes: tuple[str, ...] = ()


def identify(options: IdentifyOptions, progress: ProgressSink | None = None) -> Identification:
    """Name whom or what each picture shows, or say that it is nobody in the gallery, or that it cannot be told (1:N).

    With a model that is loaded and a gallery that is open, `identify_with` does the same.

    Raises:
        ArtefactError: the model or the gallery is missing, damaged, or they do not belong together.
        InputError: no pictures, options that would do nothing, a threshold that is no distance, or a promise that
            cannot be kept.
        ImageError: a picture cannot be used; the message names it.
        StorageError: the gallery or the submission's disk is failing.

    Example:
        >>> found = identify(IdentifyOptions(pictures=["who.jpg"], model="dlib"))    # doctest: +SKIP
        >>> found.answers[0].identity    # doctest: +SKIP
        'Ada'
    """
    from lookalike.gallery import open_gallery
    from lookalike.workflows.gallery_kind import asks_for_places, holds_places, refuse_options

    of_places = asks_for_places(options.recipe)
    with open_gallery(options.gallery, create=False) as gallery:
        of_places = of_places or holds_places(gallery)
        if of_places:
            refuse_options(
                options,
                *_PEOPLE,
                why="is for people; a gallery of landmarks has thresholds of its own, set by "
                "`lookalike enroll --recipe landmarks --promise fpr=RATE`",
            )
        else:
            why = f"is for landmarks, and {options.gallery} holds none; leave it out, or enroll with --recipe landmarks"
            refuse_options(options, *_PLACES, why=why)
        return _identified(options, gallery, of_places, progress)


def identify_with(
    recognizer: Recognizer,
    pictures: Sequence[Picture],
    *,
    top: int = 3,
    rerank: bool = True,
    progress: ProgressSink | None = None,
) -> Identification:
    """Ask a recognizer about pictures, in batches.

    Args:
        recognizer: with a gallery of people or of places.
        pictures: paths, bytes, arrays or Pillow images; at least one.
        top: how many candidates are reported of each.
        rerank: of places: whether the nearest enrolled photos help to tell which place it is.
        progress: told how far it is.

    Raises:
        ImageError: a picture cannot be used; the message names it.
        InputError: no pictures, or a promise that cannot be kept.

    Example:
        >>> identify_with(recognizer, [picture.read_bytes()]).answers[0].decision    # doctest: +SKIP
        'match'
    """
    from lookalike.errors import InputError
    from lookalike.images import picture_name, source_of

    if not len(pictures):
        raise InputError("no pictures were given; give at least one")
    report = Reporter(progress)
    done = report.counted("Identifying", len(pictures))
    answers = recognizer.identify_many(pictures, k=top, rerank=rerank, progress=done)
    sources = [source_of(picture) for picture in pictures]
    for position, answer in enumerate(answers):
        for remark in answer.notes:
            # An answer about a person names the picture in its remarks, one about a place does not.
            name = picture_name(pictures[position], position)
            report.remark(remark if answer.kind == "people" else f"{name}: {remark}")
    last = answers[-1]
    return Identification(last.kind, last.identities, tuple(sources), tuple(answers), tuple(report.remarks))


def _identified(
    options: IdentifyOptions, gallery: Gallery, of_places: bool, progress: ProgressSink | None
) -> Identification:
    from lookalike.workflows.loaded_model import load_model

    pictures = _expanded(options.pictures)
    embedder = load_model(
        options.model, cropped=options.cropped, scales=options.scales, calibration=options.calibration
    )
    if not of_places:
        return identify_with(_for_people(options, embedder, gallery), pictures, top=options.top, progress=progress)
    from lookalike.landmark_recognizer import LandmarkRecognizer

    recognizer, rerank = LandmarkRecognizer(embedder, gallery), options.rerank is not False
    if options.submission is None:
        return identify_with(recognizer, pictures, top=options.top, rerank=rerank, progress=progress)
    from lookalike.workflows.place_submission import check_places, submission_ids, write_submission

    ids = submission_ids(pictures)
    check_places(recognizer.atlas.places, str(options.gallery))
    found = identify_with(recognizer, pictures, top=options.top, rerank=rerank, progress=progress)
    write_submission(options.submission, ids, found.answers)
    return found


def _for_people(options: IdentifyOptions, embedder: Embedder, gallery: Gallery) -> Recognizer:
    from lookalike.decisions.promise import Promise
    from lookalike.recognizer import Recognizer

    promise = None if options.fpir is None else Promise("fpir", options.fpir)
    recognizer = Recognizer(embedder, gallery, options.threshold, options.fmr, promise=promise)
    _ = recognizer.threshold  # one that was never measured is refused before a picture is embedded
    return recognizer


def _expanded(given: str | Path | Sequence[str | Path]) -> list[str]:
    """Pictures, with folders replaced by the pictures in them."""
    pictures: list[str] = []
    for one in [given] if isinstance(given, str | Path) else given:
        if Path(one).is_dir():
            from lookalike.datasets.image_folder import pictures_below
            from lookalike.errors import DatasetError

            found = [str(path) for path in pictures_below(Path(one))]
            if not found:
                raise DatasetError(f"{one} holds no pictures; give photos, or a folder of them")
            pictures += found
        else:
            pictures.append(str(one))
    return pictures
