"""Who, or which place, do pictures show, of all in a gallery, or none of them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions
from lookalike.workflows.unusable_pictures import UnusablePicture, UnusablePictures

if TYPE_CHECKING:
    from lookalike.answers import Identified, IdentifiedFace
    from lookalike.embedder import Embedder
    from lookalike.gallery import Filter, Gallery, Kind
    from lookalike.images import Picture
    from lookalike.picture_inputs import GivenPictures
    from lookalike.recognizer import Recognizer

__all__ = ["Identification", "IdentifyOptions", "identify", "identify_with"]

#: Options of people only, and of places only.
_PEOPLE = ("threshold", "fmr", "fpir", "calibration", "where", "template_scoring")
_PLACES = ("submission", "rerank")


@dataclass(frozen=True, kw_only=True)
class IdentifyOptions(ModelRunOptions):
    """Which pictures, which gallery, and what decides.

    Attributes:
        pictures: one or more; as `given_pictures` takes them: files, folders, patterns, `"-"` for standard input.
        model: a model folder, or a pretrained model's name.
        gallery: its address, such as a folder.
        top: how many candidates are reported.
        all_faces: of people: an answer for every face of every picture, not only for the most likely subject.
        smallest_face: with `all_faces`: leave out faces less than so many pixels wide; None for none.
        threshold: of people: a distance up to which a picture matches, in place of the model's measured one.
        fmr: of people: the threshold measured for this false match rate.
        fpir: of people: name at most this share of strangers, whatever the size of the gallery.
        calibration: of people: a `calibration.json` in place of the model's own.
        where: of people: only those with these tags are looked for, as `Gallery.search` takes it; or texts, such as
            `site=Berlin`. `fpir` is kept for as many as these are.
        template_scoring: of people: how several templates of one become one distance: `nearest`, `mean` or `set`; None
            for the rule that the thresholds were measured for.
        recipe: `"landmarks"` for places; the gallery says it as well.
        rerank: of places: whether the nearest enrolled photos help to tell which place it is; they do by default.
        submission: of places: a file to write, with id,landmarks as Google Landmarks v2 wants it.
        csv: a file to write, with a row for each picture, or for each face.
        draw: a folder for copies of the pictures with boxes and names.
        scales: sizes at which every picture is embedded, as at enrolment.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        skip_bad: leave out pictures that cannot be used, in place of an error.
    """

    pictures: str | Path | Sequence[str | Path]
    model: str | Path
    gallery: str | Path = "people.gallery"
    top: int = 3
    all_faces: bool = False
    smallest_face: int | None = None
    threshold: float | None = None
    fmr: float | None = None
    fpir: float | None = None
    calibration: Path | None = None
    where: Mapping[str, str | Sequence[str]] | Sequence[str] | None = None
    template_scoring: str | None = None
    recipe: str | None = None
    rerank: bool | None = None
    submission: Path | None = None
    csv: Path | None = None
    draw: Path | None = None
    scales: str | Sequence[float] | None = None
    cropped: bool = False
    skip_bad: bool = False


@dataclass(frozen=True)
class Identification:
    """An answer for each picture, or for each face of each picture.

    Attributes:
        kind: of the gallery: `people` or `landmarks`.
        identities: in the gallery, when the last picture was searched for.
        pictures: those that can be used, as they were given, folders and patterns replaced by the pictures in them;
            empty texts for pictures in memory.
        answers: one for each of `pictures`; none where every face was asked about.
        notes: remarks on the pictures, with their names.
        faces: where every face was asked about, those of each of `pictures`, the most likely subject first; else none.
        unusable: pictures that could not be used, with the reason.
        drawn: paths of the copies with boxes and names, one for each of `pictures`.
    """

    kind: Kind
    identities: int
    pictures: tuple[str, ...]
    answers: tuple[Identified, ...]
    notes: tuple[str, ...] = ()
    faces: tuple[tuple[IdentifiedFace, ...], ...] = ()
    unusable: tuple[UnusablePicture, ...] = ()
    drawn: tuple[str, ...] = ()


def identify(options: IdentifyOptions, progress: ProgressSink | None = None) -> Identification:
    """Name whom or what each picture shows, or say that it is nobody in the gallery, or that it cannot be told (1:N).

    With a model that is loaded and a gallery that is open, `identify_with` does the same.

    Raises:
        ArtefactError: the model or the gallery is missing, damaged, or they do not belong together.
        InputError: no pictures, options that would do nothing, a threshold that is no distance, or a promise that
            cannot be kept.
        ImageError: a picture cannot be used and `skip_bad` is false; the message names it.
        DatasetError: a folder or pattern without pictures, or no picture that can be used.
        StorageError: the disk of the gallery or of what is written is failing.

    Example:
        >>> found = identify(IdentifyOptions(pictures=["who.jpg"], model="dlib"))    # doctest: +SKIP
        >>> found.answers[0].identity    # doctest: +SKIP
        'Ada'
    """
    from lookalike.errors import InputError
    from lookalike.gallery import open_gallery
    from lookalike.workflows.gallery_kind import asks_for_places, holds_places, refuse_options

    if options.smallest_face and not options.all_faces:
        raise InputError(
            f"--smallest-face {options.smallest_face} goes with --all-faces: of one face, the most likely subject is "
            "taken; leave it out, or ask about all"
        )
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
            if options.all_faces:
                raise InputError("--all-faces is for people; a photo of a place is asked about as a whole")
        else:
            why = f"is for landmarks, and {options.gallery} holds none; leave it out, or enroll with --recipe landmarks"
            refuse_options(options, *_PLACES, why=why)
        return _identified(options, gallery, of_places, Reporter(progress))


def identify_with(
    recognizer: Recognizer,
    pictures: Sequence[Picture],
    *,
    top: int = 3,
    all_faces: bool = False,
    rerank: bool = True,
    skip_bad: bool = False,
    progress: ProgressSink | None = None,
) -> Identification:
    """Ask a recognizer about pictures, in batches.

    Args:
        recognizer: with a gallery of people or of places.
        pictures: paths, bytes, arrays or Pillow images; at least one.
        top: how many candidates are reported of each.
        all_faces: of people: an answer for every face of every picture.
        rerank: of places: whether the nearest enrolled photos help to tell which place it is.
        skip_bad: leave out pictures that cannot be used, in place of an error.
        progress: told how far it is.

    Raises:
        ImageError: a picture cannot be used and `skip_bad` is false; the message names it.
        DatasetError: none can be used.
        InputError: no pictures, or a promise that cannot be kept.

    Example:
        >>> identify_with(recognizer, [picture.read_bytes()]).answers[0].decision    # doctest: +SKIP
        'match'
    """
    from lookalike.errors import InputError
    from lookalike.images import source_of
    from lookalike.picture_inputs import GivenPictures

    if not len(pictures):
        raise InputError("no pictures were given; give at least one")
    given = GivenPictures(tuple(pictures), tuple(map(source_of, pictures)))
    report = Reporter(progress)
    question = _Question(given, UnusablePictures(given.names, skip_bad), top, all_faces, rerank)
    return replace(_ask(recognizer, question, report), notes=tuple(report.remarks))


@dataclass(frozen=True)
class _Question:
    """What a recognizer is asked; those of the pictures that cannot be used are known when it has answered."""

    given: GivenPictures
    bad: UnusablePictures
    top: int
    all_faces: bool
    rerank: bool
    smallest_face: int = 0
    where: Filter | None = None


def _ask(recognizer: Recognizer, question: _Question, report: Reporter) -> Identification:
    """The answers; remarks stay with the report."""
    from lookalike.images import picture_name

    pictures, bad = question.given.pictures, question.bad
    done = report.counted("Identifying", len(pictures))
    answers: list[Identified] = []
    faces: list[list[IdentifiedFace]] = []
    if question.all_faces:
        faces = recognizer.identify_all_many(
            pictures,
            k=question.top,
            smallest_face=question.smallest_face,
            progress=done,
            unusable=bad,
            where=question.where,
        )
        last = [one.answer for own in faces for one in own][-1:]
    else:
        answers = recognizer.identify_many(
            pictures,
            k=question.top,
            rerank=question.rerank,
            progress=done,
            unusable=bad,
            where=question.where,
        )
        last = answers[-1:]
    bad.report(report)  # refuses pictures none of which can be used
    kept = bad.kept()
    _remark([picture_name(pictures[position], position) for position in kept], answers, faces, report)
    return Identification(
        kind="people" if recognizer.place_recognition() is None else "landmarks",
        identities=last[0].identities if last else recognizer.gallery.counts().identities,
        pictures=tuple(question.given.names[position] for position in kept),
        answers=tuple(answers),
        faces=tuple(map(tuple, faces)),
        unusable=bad.listed(),
    )


def _remark(
    names: Sequence[str],
    answers: Sequence[Identified],
    faces: Sequence[Sequence[IdentifiedFace]],
    report: Reporter,
) -> None:
    """Report the remarks on answers about pictures of these names."""
    for name, answer in zip(names, answers, strict=False):
        for remark in answer.notes:
            # An answer about a person names the picture in its remarks, one about a place does not.
            report.remark(remark if answer.kind == "people" else f"{name}: {remark}")
    for name, own in zip(names, faces, strict=False):
        about_picture = [f"{name}: {remark}" for one in own for remark in one.notes]
        # What is said of two faces is said once.
        for remark in dict.fromkeys([remark for one in own for remark in one.answer.notes] + about_picture):
            report.remark(remark)


def _identified(options: IdentifyOptions, gallery: Gallery, of_places: bool, report: Reporter) -> Identification:
    from lookalike.picture_inputs import given_pictures
    from lookalike.workflows.drawn_pictures import check_drawings
    from lookalike.workflows.face_tables import check_table
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.people_recognizer import people_recognizer
    from lookalike.workflows.picture_headers import check_pictures
    from lookalike.workflows.place_submission import submission_ids
    from lookalike.workflows.tag_texts import given_filter

    where = given_filter(options.where)
    given = given_pictures(options.pictures, skip_missing=options.skip_bad)
    for line in given.notes:
        report.remark(line)
    check_drawings(options.draw)
    check_table(options.csv)
    # Names that no submission can have are refused before the work.
    ids = () if options.submission is None else submission_ids(given.names)
    bad = UnusablePictures(given.names, options.skip_bad)
    if not options.skip_bad:
        check_pictures(given.pictures, bad)
    embedder = load_model(
        options.model, cropped=options.cropped, scales=options.scales, calibration=options.calibration, run=options
    )
    question = _Question(
        given, bad, options.top, options.all_faces, options.rerank is not False, options.smallest_face or 0, where
    )
    if of_places:
        found = _about_places(options, embedder, gallery, question, ids, report)
    else:
        recognizer = people_recognizer(
            embedder, gallery, options.threshold, options.fmr, options.fpir, options.template_scoring
        )
        found = _ask(recognizer, question, report)
    found = _written(options, found, [given.pictures[position] for position in bad.kept()], report)
    return replace(found, notes=tuple(report.remarks))


def _about_places(
    options: IdentifyOptions,
    embedder: Embedder,
    gallery: Gallery,
    question: _Question,
    ids: Sequence[str],
    report: Reporter,
) -> Identification:
    """The answers, and the submission of pictures with these ids, where one was asked for."""
    from lookalike.landmark_recognizer import LandmarkRecognizer

    recognizer = LandmarkRecognizer(embedder, gallery)
    if options.submission is None:
        return _ask(recognizer, question, report)
    from lookalike.workflows.place_submission import check_places, write_submission

    check_places(recognizer.atlas.places, str(options.gallery))
    found = _ask(recognizer, question, report)
    answers: list[Identified | None] = [None] * len(ids)
    for position, answer in zip(question.bad.kept(), found.answers, strict=True):
        answers[position] = answer
    write_submission(options.submission, ids, answers)
    return found


def _written(
    options: IdentifyOptions, found: Identification, pictures: Sequence[Picture], report: Reporter
) -> Identification:
    """Write the copies with boxes and the CSV, where they were asked for."""
    if options.draw is not None:
        from lookalike.workflows.answer_marks import answer_marks, answered_face_marks
        from lookalike.workflows.drawn_pictures import draw_pictures

        marks = (
            [answered_face_marks(own) for own in found.faces]
            if options.all_faces
            else [answer_marks(answer) for answer in found.answers]
        )
        found = replace(found, drawn=draw_pictures(options.draw, pictures, found.pictures, marks, report))
    if options.csv is not None:
        from lookalike.workflows.face_tables import identification_csv, write_table

        write_table(options.csv, identification_csv(found), report)
    return found
