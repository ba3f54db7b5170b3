"""Pictures that appear in a folder are identified as they arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import ImageError, InputError
from lookalike.progress import ProgressSink, counted
from lookalike.workflows.model_run_options import ModelRunOptions

if TYPE_CHECKING:
    from lookalike.answers import Identified, IdentifiedFace
    from lookalike.folder_arrivals import FolderArrivals
    from lookalike.recognizer import Recognizer

__all__ = ["ArrivedPicture", "WatchOptions", "watch", "watch_with"]

#: Pictures that arrived together and are asked about together.
BATCH = 16


@dataclass(frozen=True, kw_only=True)
class WatchOptions(ModelRunOptions):
    """Which folder, which gallery, and what decides.

    Attributes:
        folder: into which pictures come; those in folders below it are passed over.
        model: a model folder, or a pretrained model's name.
        gallery: its address, such as a folder; of people or of places.
        existing: begin with the pictures that are there.
        all_faces: of people: an answer for every face of a picture, not only for the most likely subject.
        top: how many candidates are reported.
        threshold: of people: a distance up to which a picture matches, in place of the model's measured one.
        fmr: of people: the threshold measured for this false match rate.
        fpir: of people: name at most this share of strangers, whatever the size of the gallery.
        calibration: of people: a `calibration.json` in place of the model's own.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        settle: seconds for which a file must stay the same before it is read.
        interval: seconds between two looks at the folder.
    """

    folder: str | Path
    model: str | Path
    gallery: str | Path = "people.gallery"
    existing: bool = False
    all_faces: bool = False
    top: int = 3
    threshold: float | None = None
    fmr: float | None = None
    fpir: float | None = None
    calibration: Path | None = None
    cropped: bool = False
    settle: float = 1.0
    interval: float = 0.5


@dataclass(frozen=True)
class ArrivedPicture:
    """A picture, and what it was answered with.

    Attributes:
        path: in the folder.
        answer: about the picture; None where every face was asked about, or it cannot be used.
        faces: where every face was asked about, the answers, the most likely subject first.
        error: what is wrong with a picture that cannot be used; else None.
    """

    path: Path
    answer: Identified | None = None
    faces: tuple[IdentifiedFace, ...] = ()
    error: ImageError | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields for JSON: `picture`, and the answer's keys, or `faces`, or `error` and `message`."""
        head: dict[str, Any] = {"picture": str(self.path)}
        if self.error is not None:
            return head | {"error": type(self.error).__name__, "message": str(self.error)}
        if self.answer is not None:
            return head | self.answer.to_json()
        return head | {"faces": [one.to_json() for one in self.faces]}


def watch(options: WatchOptions, progress: ProgressSink | None = None) -> Iterator[ArrivedPicture]:
    """Yield an answer for each picture that appears in a folder, until the caller stops; a picture's error is one, too.

    Args:
        options: which folder, and what decides.
        progress: told when it begins to look, and after each picture.

    Raises:
        ArtefactError: the model or the gallery is missing, damaged, or they do not belong together.
        InputError: options that do not fit the gallery or the model.
        StorageError: there is no such folder, or it has disappeared.

    Example:
        >>> for one in watch(WatchOptions(folder="inbox/", model="dlib")):    # doctest: +SKIP
        ...     print(one.path, one.answer and one.answer.identity)
    """
    from lookalike.folder_arrivals import FolderArrivals
    from lookalike.gallery import open_gallery
    from lookalike.landmark_recognizer import LandmarkRecognizer
    from lookalike.workflows.gallery_kind import holds_places, refuse_options
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.people_recognizer import people_recognizer

    arrivals = FolderArrivals(options.folder, options.existing, options.settle)
    with open_gallery(options.gallery, create=False) as gallery:
        places = holds_places(gallery)
        if places:
            why = f"is for people, and {options.gallery} holds landmarks; leave it out"
            refuse_options(options, "threshold", "fmr", "fpir", "calibration", why=why)
            if options.all_faces:
                raise InputError(f"--all-faces {why}")
        embedder = load_model(options.model, cropped=options.cropped, calibration=options.calibration, run=options)
        recognizer: Recognizer
        if places:
            recognizer = LandmarkRecognizer(embedder, gallery)
        else:
            recognizer = people_recognizer(embedder, gallery, options.threshold, options.fmr, options.fpir)
            _ = recognizer.threshold  # a model without one is refused now, not when the first picture comes
        done = counted(progress, "Watching", None)
        done(0)
        while True:
            for one in watch_with(recognizer, arrivals, top=options.top, all_faces=options.all_faces):
                yield one
                done(1)
            time.sleep(options.interval)


def watch_with(
    recognizer: Recognizer, arrivals: FolderArrivals, *, top: int = 3, all_faces: bool = False
) -> Iterator[ArrivedPicture]:
    """Look at the folder once, and yield an answer for each picture that has arrived since the last time.

    Args:
        recognizer: with a gallery of people or of places.
        arrivals: of the folder; remembers what was answered.
        top: how many candidates are reported.
        all_faces: of people: an answer for every face.

    Raises:
        StorageError: the folder has disappeared.

    Example:
        >>> list(watch_with(recognizer, FolderArrivals("inbox/", existing=True)))    # doctest: +SKIP
        []
    """
    paths = arrivals.poll(time.monotonic())
    for start in range(0, len(paths), BATCH):
        for one in _answered(recognizer, paths[start : start + BATCH], top, all_faces):
            if not arrivals.changed(one.path):  # else it comes again
                yield one


def _answered(recognizer: Recognizer, paths: list[Path], top: int, all_faces: bool) -> Iterator[ArrivedPicture]:
    bad: dict[int, ImageError] = {}
    if all_faces:
        faces = iter(recognizer.identify_all_many(paths, k=top, unusable=bad.__setitem__))
        for at, path in enumerate(paths):
            yield ArrivedPicture(path, error=bad[at]) if at in bad else ArrivedPicture(path, faces=tuple(next(faces)))
    else:
        answers = iter(recognizer.identify_many(paths, k=top, unusable=bad.__setitem__))
        for at, path in enumerate(paths):
            yield ArrivedPicture(path, error=bad[at]) if at in bad else ArrivedPicture(path, next(answers))
