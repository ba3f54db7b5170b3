"""Who is seen when in a video, or before a camera?"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lookalike.progress import Progress, ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions

if TYPE_CHECKING:
    from lookalike.embedder import Embedder
    from lookalike.embedder.face import Face
    from lookalike.embedder.preprocessing import Prepared
    from lookalike.gallery import Gallery
    from lookalike.recognizer import Recognizer
    from lookalike.tracks import Track
    from lookalike.video_frames import Frame
    from lookalike.workflows.sighting_files import BestFrames
    from lookalike.workflows.sightings import AnsweredTrack, Sighting

__all__ = ["SMALLEST_FACE", "FrameSource", "VideoIdentification", "VideoOptions", "identify_frames", "identify_video"]

#: Frames whose faces are embedded together.
BATCH = 8
#: Side in pixels of the smallest face that is looked for: a person is seen in many frames, and smaller faces take most
#: of the time of each.
SMALLEST_FACE = 64


class FrameSource(Protocol):
    """What frames come from: `VideoFile`, `Camera`, or a class of your own.

    Attributes:
        name: for messages.
        live: frames that are not asked for in time are lost, so none is read ahead.
        duration: in seconds; None where it is not known.
        seen_to: how far it was read, in seconds.
        remarks: on damage; complete when the frames have ended.
    """

    name: str
    live: bool
    duration: float | None
    seen_to: float
    remarks: list[str]

    def count(self, every: float, until: float | None = None) -> int | None:
        """How many frames there will be, about; None where it is not known."""

    def frames(self, every: float, until: float | None = None) -> Generator[Frame, None, None]:
        """Frames at even distances of `every` seconds, up to the time `until`."""


@dataclass(frozen=True, kw_only=True)
class VideoOptions(ModelRunOptions):
    """Which video, which gallery, how often it is looked at, and what decides.

    Attributes:
        video: a video file, `webcam:0`, or a device such as `/dev/video0`.
        model: a model that finds faces: `dlib`, or a model folder trained with its alignment.
        gallery: its address, such as a folder; of people.
        every: how far apart the frames are that are looked at: seconds, or text such as `"0.5s"`, `"2m"`; 0 for all.
        duration: end after so much of the video, in the same form; None for all of it.
        top: how many candidates are reported.
        smallest_face: leave out faces less than so many pixels wide; 0 for none, None for `SMALLEST_FACE`.
        threshold: a distance up to which a face matches, in place of the model's measured one.
        fmr: the threshold measured for this false match rate.
        fpir: name at most this share of strangers, whatever the size of the gallery.
        calibration: a `calibration.json` in place of the model's own.
        template_scoring: how several templates of a person become one distance; None for the rule that the thresholds
            were measured for.
        scales: sizes at which every face is embedded, as at enrolment.
        csv: a file to write, with a row for each sighting.
        draw: a folder to write a picture of each sighting into: its best frame, with box and name.
    """

    video: str | Path
    model: str | Path
    gallery: str | Path = "people.gallery"
    every: str | float = "1s"
    duration: str | float | None = None
    top: int = 3
    smallest_face: int | None = None
    threshold: float | None = None
    fmr: float | None = None
    fpir: float | None = None
    calibration: Path | None = None
    template_scoring: str | None = None
    scales: str | Sequence[float] | None = None
    csv: Path | None = None
    draw: Path | None = None


@dataclass(frozen=True)
class VideoIdentification:
    """Who was seen when.

    Attributes:
        video: as it was given.
        every: seconds between the frames that were looked at; 0 for all frames.
        duration: of the video in seconds, as the file says; None of a camera.
        seen_to: how far it was read, in seconds.
        frames: how many were looked at.
        faces: found in them.
        identities: in the gallery, at the end.
        sightings: in the order of their beginnings.
        interrupted: it was stopped by Ctrl-C.
        seconds: that it took.
        stills: pictures that were written, one for each sighting, where they were asked for.
        notes: remarks, such as on damage.
    """

    video: str
    every: float
    duration: float | None
    seen_to: float
    frames: int
    faces: int
    identities: int
    sightings: tuple[Sighting, ...]
    interrupted: bool
    seconds: float
    stills: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def identify_video(options: VideoOptions, progress: ProgressSink | None = None) -> VideoIdentification:
    """Name who is seen in a video from when to when, and tell those who are nobody in the gallery apart.

    Ctrl-C (`KeyboardInterrupt`) ends it early: the result then says what was found so far.

    Raises:
        VideoError: no video, a damaged one, or a camera that cannot be opened.
        ArtefactError: the model or the gallery is missing, damaged, or they do not belong together.
        InputError: a model that finds no faces, a gallery of landmarks, a time that is none, a promise that cannot be
            kept.
        StorageError: the CSV or the stills cannot be written.
        MissingDependencyError: PyAV is not installed.

    Example:
        >>> found = identify_video(VideoOptions(video="party.mp4", model="dlib"))    # doctest: +SKIP
        >>> [(one.label, one.start, one.end) for one in found.sightings]    # doctest: +SKIP
        [('Ada', 0.0, 12.0), ('nobody 1', 14.0, 31.0)]
    """
    from lookalike.camera_frames import Camera, is_camera
    from lookalike.durations import parse_seconds
    from lookalike.gallery import open_gallery
    from lookalike.video_frames import VideoFile
    from lookalike.workflows.drawn_pictures import check_drawings
    from lookalike.workflows.face_tables import check_table, write_table
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.people_recognizer import people_recognizer
    from lookalike.workflows.sighting_files import sightings_csv

    every = parse_seconds(options.every, "--every")
    until = None if options.duration is None else parse_seconds(options.duration, "--for")
    check_drawings(options.draw)
    check_table(options.csv)
    name, report = str(options.video), Reporter(progress)
    with open_gallery(options.gallery, create=False) as gallery:
        _check_people(gallery, options.gallery)
        with Camera(name) if is_camera(name) else VideoFile(name) as source:  # before the model, which takes longer
            embedder = load_model(options.model, scales=options.scales, calibration=options.calibration, run=options)
            _check_finds_faces(embedder)
            recognizer = people_recognizer(
                embedder, gallery, options.threshold, options.fmr, options.fpir, options.template_scoring
            )
            found = identify_frames(
                recognizer,
                source,
                every=every,
                until=until,
                top=options.top,
                smallest_face=SMALLEST_FACE if options.smallest_face is None else options.smallest_face,
                draw=options.draw,
                progress=report,
            )
    if options.csv is not None:
        write_table(options.csv, sightings_csv(found.sightings, found.stills), report)
    return replace(found, notes=tuple(report.remarks))


def identify_frames(
    recognizer: Recognizer,
    source: FrameSource,
    *,
    every: float = 1.0,
    until: float | None = None,
    top: int = 3,
    smallest_face: int = SMALLEST_FACE,
    draw: Path | None = None,
    progress: ProgressSink | None = None,
) -> VideoIdentification:
    """Ask a recognizer about the frames of an open video or camera.

    Args:
        recognizer: with a gallery of people and a model that finds faces.
        source: what the frames come from.
        every: seconds between the frames that are looked at; 0 for all.
        until: end at this time of the video, in seconds.
        top: how many candidates are reported.
        smallest_face: leave out faces less than so many pixels wide; 0 for none.
        draw: a folder for a picture of each sighting.
        progress: told how far it is.

    Raises:
        as `identify_video`.

    Example:
        >>> with VideoFile("party.mp4") as video:    # doctest: +SKIP
        ...     found = identify_frames(recognizer, video, every=0.5)
    """
    from lookalike.workflows.sighting_files import draw_sightings

    report = Reporter(progress)
    began = time.perf_counter()
    search = _Search(recognizer, top, keep=draw is not None)
    interrupted = _look_at_all(recognizer.embedder, source, (every, until), smallest_face, search, report)
    sightings = search.sightings()
    for remark in source.remarks:
        report.remark(remark)
    stills: tuple[Path, ...] = ()
    if draw is not None and search.best_frames is not None:
        stills = draw_sightings(draw, sightings, search.best_frames, report)
    return VideoIdentification(
        video=source.name,
        every=every,
        duration=source.duration,
        seen_to=source.seen_to,
        frames=search.frames,
        faces=search.faces,
        identities=recognizer.gallery.counts().identities,
        sightings=tuple(sightings),
        interrupted=interrupted,
        seconds=time.perf_counter() - began,
        stills=stills,
        notes=tuple(report.remarks),
    )


def _look_at_all(
    embedder: Embedder,
    source: FrameSource,
    times: tuple[float, float | None],
    smallest: int,
    search: _Search,
    report: Reporter,
) -> bool:
    """Find, embed and join the faces of all frames; returns whether Ctrl-C ended it."""
    total = source.count(*times)
    report(Progress("Looking at frames", 0, total))
    frames = source.frames(*times)
    batches = _batches(embedder, frames, smallest, source.live)
    try:
        for batch in batches:
            chips = [prepared.pixels for _, found in batch for _, prepared in found]
            vectors = iter(embedder.embed_prepared(np.stack(chips)) if chips else ())
            for frame, found in batch:
                search.add(frame, [(face, next(vectors)) for face, _ in found])
            report(Progress("Looking at frames", search.frames, total, f"{search.faces} faces"))
    except KeyboardInterrupt:
        return True
    finally:
        batches.close()
        frames.close()
    return False


_Looked = tuple["Frame", list[tuple["Face", "Prepared"]]]


def _batches(
    embedder: Embedder, frames: Iterator[Frame], smallest: int, live: bool
) -> Generator[list[_Looked], None, None]:
    """Frames and the faces in them; of a file in batches, and threads look at the next frames meanwhile."""
    from lookalike.embedder.preparation import prepare_many

    def look(frame: Frame) -> _Looked:
        return frame, embedder.prepare_faces(frame.rgb, smallest)

    if live:
        for frame in frames:
            yield [look(frame)]
    else:
        for batch in prepare_many(look, frames, BATCH):
            yield [looked for _, looked in batch]


class _Search:
    """Faces become tracks, and tracks that are over are answered."""

    def __init__(self, recognizer: Recognizer, top: int, keep: bool) -> None:
        from lookalike.tracks import TrackBuilder
        from lookalike.workflows.sighting_files import BestFrames

        self._recognizer, self._top = recognizer, top
        self._same = recognizer.pair_threshold.distance
        self._builder = TrackBuilder(recognizer.embedder.metric, self._same)
        self._answered: list[AnsweredTrack] = []
        self.best_frames: BestFrames | None = BestFrames() if keep else None
        self.frames = self.faces = 0

    def add(self, frame: Frame, faces: list[tuple[Face, Any]]) -> None:
        from lookalike.tracks import Look

        looks = [Look(frame.number, frame.time, face, vector) for face, vector in faces]
        self.frames += 1
        self.faces += len(looks)
        self._builder.add(frame.number, looks)
        if self.best_frames is not None:
            self.best_frames.update(self._builder.current, frame.rgb)
        self._answer(self._builder.over)

    def sightings(self) -> list[Sighting]:
        from lookalike.workflows.sightings import put_together

        self._answer(self._builder.finish())
        return put_together(self._answered, self._recognizer.embedder.metric, self._same)

    def _answer(self, over: list[Track]) -> None:
        """Answer those that were not yet; a list that only grows, and so is right after an interruption as well."""
        from lookalike.workflows.sightings import AnsweredTrack

        for track in over[len(self._answered) :]:
            own = track.vector(self._recognizer.embedder.metric)
            answer, *alone = self._recognizer.identify_vectors(np.vstack([own, track.vectors]), k=self._top)
            self._answered.append(AnsweredTrack.of(track, answer, alone))


def _check_people(gallery: Gallery, address: str | Path) -> None:
    from lookalike.errors import InputError
    from lookalike.workflows.gallery_kind import holds_places

    if holds_places(gallery):
        raise InputError(f"{address} is a gallery of landmarks, and a video is searched for people; give one of people")


def _check_finds_faces(embedder: Embedder) -> None:
    from lookalike.errors import InputError

    if not embedder.finds_faces:
        raise InputError(
            f"model {embedder.name} takes a picture as a whole and looks for no faces in it; for a video give one that "
            "does: --model dlib, or a model trained with the alignment dlib-5point"
        )
