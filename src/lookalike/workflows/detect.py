"""Which faces do pictures show? No gallery is asked, and nothing is embedded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions
from lookalike.workflows.unusable_pictures import UnusablePicture, UnusablePictures

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.embedder.face import Face
    from lookalike.errors import ImageError
    from lookalike.images import RGBArray
    from lookalike.picture_inputs import GivenPictures

__all__ = ["DetectOptions", "Detection", "PictureFaces", "detect"]

#: Pictures whose faces are looked for together, in threads.
_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class DetectOptions(ModelRunOptions):
    """Which pictures, and where results go.

    Attributes:
        pictures: one or more; as `given_pictures` takes them: files, folders, patterns, `"-"` for standard input.
        model: whose detector looks: `"dlib"`, of which the detector alone is loaded, or a model that finds faces. An
            ONNX file as `detector` looks in place of dlib's, and is all that is loaded then, or of an ONNX model's.
        draw: a folder for copies of the pictures with the faces marked.
        csv: a file for a row for each face.
        smallest_face: leave out faces less than so many pixels wide; large pictures are then looked at faster.
        skip_bad: leave out pictures that cannot be used, in place of an error.
    """

    pictures: str | Path | Sequence[str | Path]
    model: str | Path = "dlib"
    draw: Path | None = None
    csv: Path | None = None
    smallest_face: int = 0
    skip_bad: bool = False


@dataclass(frozen=True)
class PictureFaces:
    """The faces of one picture.

    Attributes:
        picture: as it was given, or the path in the folder that was.
        width: pixels of the upright picture.
        height: pixels of the upright picture.
        faces: the most likely subject first; none where no face was found.
    """

    picture: str
    width: int
    height: int
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Detection:
    """What was found.

    Attributes:
        pictures: those that can be used, in the order given.
        unusable: those that could not be used, with the reason.
        drawn: paths of the copies with marks, one for each of `pictures`.
        notes: remarks.
    """

    pictures: tuple[PictureFaces, ...]
    unusable: tuple[UnusablePicture, ...] = ()
    drawn: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def detect(options: DetectOptions, progress: ProgressSink | None = None) -> Detection:
    """Find every face of every picture: its box, landmarks and quality.

    Raises:
        ArtefactError: there is no such model.
        InputError: no pictures, a model that looks for no faces, or a CSV that cannot be written.
        ImageError: a picture cannot be used and `skip_bad` is false; the message names it.
        DatasetError: a folder or pattern without pictures, or no picture that can be used.
        StorageError: the disk is full or failing.

    Example:
        >>> detect(DetectOptions(pictures="photos/")).pictures[0].faces[0].box    # doctest: +SKIP
        FaceBox(left=68, top=83, right=176, bottom=190)
    """
    from lookalike.picture_inputs import given_pictures
    from lookalike.workflows.answer_marks import found_face_marks
    from lookalike.workflows.drawn_pictures import check_drawings, draw_pictures
    from lookalike.workflows.face_tables import check_table, detection_csv, write_table

    report = Reporter(progress)
    given = given_pictures(options.pictures, skip_missing=options.skip_bad)
    for line in given.notes:
        report.remark(line)
    check_drawings(options.draw)
    check_table(options.csv)
    bad = UnusablePictures(given.names, options.skip_bad)
    find = _finder(options)
    pictures = _found(lambda rgb: find(rgb, options.smallest_face), given, bad, report)
    bad.report(report)
    drawn: tuple[str, ...] = ()
    if options.draw is not None:
        usable = [given.pictures[position] for position in bad.kept()]
        marks = [found_face_marks(one.faces) for one in pictures]
        drawn = draw_pictures(options.draw, usable, [one.picture for one in pictures], marks, report)
    found = Detection(pictures, bad.listed(), drawn)
    if options.csv is not None:
        write_table(options.csv, detection_csv(found), report)
    return replace(found, notes=tuple(report.remarks))


def _finder(options: DetectOptions) -> Callable[[RGBArray, int], list[Face]]:
    """What finds faces: of dlib the detector alone, for its network would be loaded for nothing."""
    from lookalike.embedder.load_options import LoadOptions

    if str(options.model) == "dlib":
        from lookalike.embedder.face_finder import face_finder

        how = LoadOptions(device=options.device, precision=options.precision)
        if options.detector is None:
            how.refuse_device("dlib's faces")
        return face_finder(options.detector, how.device).find_faces
    from lookalike.errors import InputError
    from lookalike.workflows.loaded_model import load_model

    embedder = load_model(options.model, run=options)
    if not embedder.finds_faces:
        raise InputError(f"model {embedder.name} looks for no faces; give one that does, or leave out --model")
    return embedder.faces


def _found(
    find: Callable[[RGBArray], list[Face]], given: GivenPictures, bad: UnusablePictures, report: Reporter
) -> tuple[PictureFaces, ...]:
    from lookalike.embedder.embedded_pictures import report_unusable
    from lookalike.embedder.preparation import prepare_many
    from lookalike.images import Picture, read_picture

    def seen(picture: Picture) -> tuple[int, int, tuple[Face, ...]]:
        rgb = read_picture(picture)
        return rgb.shape[1], rgb.shape[0], tuple(find(rgb))

    def refuse(position: int, error: ImageError) -> None:
        report_unusable(given.pictures[position], position, error, bad)

    done = report.counted("Finding faces", len(given.pictures))
    found: list[PictureFaces] = []
    for batch in prepare_many(seen, given.pictures, _BATCH, refuse):
        for position, (width, height, faces) in batch:
            found.append(PictureFaces(given.names[position], width, height, faces))
        done(len(batch))
    return tuple(found)
