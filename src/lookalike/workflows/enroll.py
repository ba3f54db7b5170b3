"""Pictures of people, or of places, into a gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions
from lookalike.workflows.people_enrolment import PeopleEnrolled, embed_people, enroll_people, store_people
from lookalike.workflows.place_enrolment import PlacesEnrolled, embed_places, enroll_places, fpr_of, store_places

if TYPE_CHECKING:
    from lookalike.datasets import PictureSet
    from lookalike.gallery import Gallery

__all__ = ["EnrollOptions", "PeopleEnrolled", "PlacesEnrolled", "enroll", "enroll_people", "enroll_places"]

#: Options of places only.
_PLACES = ("non_landmarks", "promise", "places")


@dataclass(frozen=True, kw_only=True)
class EnrollOptions(ModelRunOptions):
    """What to enroll, and where.

    Attributes:
        model: a model folder, or a pretrained model's name.
        pictures: with `name`, pictures of that person or place, or folders of them; without, one folder per identity,
            or one CSV of path,identity. Of places also a folder of Google Landmarks, or none: thresholds are then
            fitted anew.
        classes_at: of a folder per identity: at which depth the identities' folders lie, such as 2.
        gallery: its address, such as a folder; made where there is none yet.
        name: whose pictures these are.
        tag: of people: added to the tags of everybody enrolled: values by key, or texts, such as `site=Berlin`.
        recipe: `"landmarks"` for places; a gallery that is there already says what it holds.
        non_landmarks: of places: a folder of photos that show none, of the kind users send.
        promise: of places: `"fpr=RATE"`, the share of such photos that may be named.
        places: of places: a CSV of identity,name,latitude,longitude.
        scales: sizes at which every picture is embedded, such as `"0.7,1,1.4"`; the same whenever the gallery is used.
        keep_pictures: of people: the gallery keeps the pictures, too, so that another model can embed them one day.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        skip_bad: leave out pictures that cannot be used, in place of an error.
    """

    model: str | Path
    pictures: str | Path | Sequence[str | Path] | None = None
    classes_at: int | None = None
    gallery: str | Path = "people.gallery"
    name: str | None = None
    tag: Mapping[str, str] | Sequence[str] | None = None
    recipe: str | None = None
    non_landmarks: Path | None = None
    promise: str | None = None
    places: Path | None = None
    scales: str | Sequence[float] | None = None
    keep_pictures: bool = False
    cropped: bool = False
    skip_bad: bool = False


def enroll(options: EnrollOptions, progress: ProgressSink | None = None) -> PeopleEnrolled | PlacesEnrolled:
    """Enroll pictures of one person or place, or of all in a data set; what was enrolled is on the disk.

    Everything that can be refused is refused before anybody is enrolled; a gallery is made only when there is something
    to write. With a model that is loaded and a gallery that is open, `enroll_people` and `enroll_places` do the same.

    Raises:
        ArtefactError: the model or the gallery is missing, damaged, or they do not belong together.
        InputError: pictures without a name, a name that nobody can bear, options that would do nothing, or a promise
            that cannot be made.
        DatasetError: the data cannot be read, or some pictures cannot be used and `skip_bad` is false.
        StorageError: the disk is full or failing; says how many people are enrolled. Of places it is all or none.

    Example:
        >>> enroll(EnrollOptions(model="dlib", pictures=["faces/"])).identities    # doctest: +SKIP
        40
    """
    from lookalike.errors import InputError
    from lookalike.gallery import open_gallery
    from lookalike.gallery.existing import open_existing
    from lookalike.workflows.gallery_kind import asks_for_places, holds_places, refuse_options
    from lookalike.workflows.output_folder import check_writable

    if options.name is not None:
        refuse_options(options, "classes_at", why="is for a folder per identity; leave it out with --name")
    of_places = asks_for_places(options.recipe)
    on_a_server = "://" in str(options.gallery)
    with ExitStack() as stack:
        if of_places and on_a_server:
            open_gallery(options.gallery, create=False, kind="landmarks")  # refuses it before the work
        held = open_existing(options.gallery)
        if held is None and on_a_server:
            pass  # made when there is something to enroll
        elif held is None:
            check_writable(Path(options.gallery).expanduser())
        else:
            stack.enter_context(held)
        if holds_places(held) or of_places:
            if options.keep_pictures:
                raise InputError("--keep-pictures is for people: a gallery of landmarks cannot change its model")
            refuse_options(options, "tag", why="is for people; a gallery of landmarks has no tags")
            return _places(options, held, stack, Reporter(progress))
        why = f"is for landmarks, and {options.gallery} holds none; give --recipe landmarks with it"
        refuse_options(options, *_PLACES, why=why)
        return _people(options, held, stack, Reporter(progress))


def _people(options: EnrollOptions, held: Gallery | None, stack: ExitStack, report: Reporter) -> PeopleEnrolled:
    from lookalike.gallery.identity_tags import checked_tags
    from lookalike.gallery.model_upgrade import upgradable
    from lookalike.recognizer import Recognizer
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.people_enrolment import checked_names
    from lookalike.workflows.picture_headers import check_headers
    from lookalike.workflows.tag_texts import given_tags

    chosen = _pictures_of_people(_data(options), options.name, options.classes_at)
    checked_names(chosen.paths, chosen.identities)
    tags = {key: value for key, value in checked_tags(given_tags(options.tag)).items() if value is not None}
    check_headers(chosen.paths, report, skip_bad=options.skip_bad)
    embedder = load_model(options.model, cropped=options.cropped, scales=options.scales, run=options)
    if held is not None:
        Recognizer(embedder, held)  # a gallery of another model is refused before the work
        if options.keep_pictures:
            upgradable(held)
    for line in chosen.notes:
        report.remark(line)
    people = embed_people(embedder, chosen.paths, chosen.identities, report, options.skip_bad)
    recognizer = Recognizer(embedder, _made(options, held, stack))
    return store_people(recognizer, people, report, tags, options.keep_pictures)


def _places(options: EnrollOptions, held: Gallery | None, stack: ExitStack, report: Reporter) -> PlacesEnrolled:
    from lookalike.landmark_recognizer import LandmarkRecognizer
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.picture_headers import check_headers
    from lookalike.workflows.place_enrolment import check_promise
    from lookalike.workflows.place_pictures import PlaceSources, read_place_pictures

    promise = None if options.promise is None else fpr_of(options.promise)
    sources = PlaceSources(_data(options), options.name, options.non_landmarks, options.places, options.classes_at)
    pictures = read_place_pictures(sources, report)
    check_promise(held, len(pictures.photos), len(pictures.non_landmarks), promise)  # by their count alone
    for given in (pictures.photos, pictures.non_landmarks):
        check_headers([Path(str(one)) for one in given], report, skip_bad=options.skip_bad)
    embedder = load_model(options.model, cropped=options.cropped, scales=options.scales, run=options)
    if held is not None:
        LandmarkRecognizer(embedder, held)
    places = embed_places(embedder, held, pictures, promise, report, skip_bad=options.skip_bad)
    return store_places(LandmarkRecognizer(embedder, _made(options, held, stack)), places, promise, report)


def _made(options: EnrollOptions, held: Gallery | None, stack: ExitStack) -> Gallery:
    """The gallery; made where there was none, after the pictures have proved usable: none that is empty is left."""
    from lookalike.gallery import open_gallery

    return stack.enter_context(open_gallery(options.gallery)) if held is None else held


def _data(options: EnrollOptions) -> list[str]:
    given = options.pictures
    return [str(given)] if isinstance(given, str | Path) else [str(one) for one in given or ()]


def _pictures_of_people(data: Sequence[str], name: str | None, classes_at: int | None) -> PictureSet:
    from lookalike.datasets import read_pictures
    from lookalike.datasets.image_folder import pictures_of_one
    from lookalike.errors import InputError

    if not data:
        raise InputError("no pictures were given; give a folder per identity, a CSV, or pictures and --name")
    if name is not None:
        return pictures_of_one(data, name)
    if len(data) > 1:
        raise InputError(f"{len(data)} pictures were given without --name; say whose they are")
    return read_pictures(data[0], classes_at)
