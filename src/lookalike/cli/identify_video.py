"""`lookalike identify` of a video or a camera: who was seen when?"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.counted_nouns import how_many
from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.workflows.identify import IdentifyOptions
    from lookalike.workflows.identify_video import VideoIdentification, VideoOptions

__all__ = ["Every", "For", "identify_video", "video_options"]

Every = Annotated[
    str | None,
    typer.Option(
        "--every", help="Of a video or webcam:0: look at a frame every 0.5s, 1s, 2m; 0 for all. By default 1s."
    ),
]
For = Annotated[str | None, typer.Option("--for", help="Of a video or webcam:0: end after so much of it, such as 30s.")]
#: Options of `identify` that mean the same of a video, and those that a video fulfils without being asked.
_SHARED = (
    "model", "gallery", "top", "smallest_face", "threshold", "fmr", "fpir", "calibration", "template_scoring", "scales",
    "csv", "draw", "device", "precision", "detector",
)  # fmt: skip
_ANYWAY = ("pictures", "all_faces")


def video_options(options: IdentifyOptions, every: str | None, duration: str | None) -> VideoOptions | None:
    """What is asked of a video or a camera, where one was given; None where pictures were.

    Raises:
        InputError: a video among others or among pictures, or an option that would do nothing.
    """
    from lookalike.camera_frames import is_camera
    from lookalike.video_frames import is_video
    from lookalike.workflows.identify_video import VideoOptions

    pictures = options.pictures
    given = [str(one) for one in ([pictures] if isinstance(pictures, str | Path) else pictures)]
    videos = [one for one in given if is_camera(one) or is_video(one)]
    if not videos:
        for option, value in (("--every", every), ("--for", duration)):
            if value is not None:
                raise InputError(f"{option} is for a video or a camera, and pictures were given; leave it out")
        return None
    if len(given) > 1:
        raise InputError(
            f"{videos[0]} is a video, and {len(given)} inputs were given; give one video, or only pictures"
        )
    for field in fields(options):
        if field.name not in (*_SHARED, *_ANYWAY) and getattr(options, field.name) != field.default:
            raise InputError(
                f"--{field.name.replace('_', '-')} is for pictures, and {videos[0]} is a video; leave it out"
            )
    shared = {name: getattr(options, name) for name in _SHARED}
    return VideoOptions(video=videos[0], every="1s" if every is None else every, duration=duration, **shared)


def identify_video(options: VideoOptions, as_json: bool) -> None:
    """Run it, and print who was seen when; a file that Ctrl-C cut short ends with code 130."""
    from lookalike.camera_frames import is_camera
    from lookalike.cli.csv_option import csv_file, print_csv, say_written
    from lookalike.cli.terminal import note, print_json, show_progress
    from lookalike.workflows.identify_video import identify_video as run
    from lookalike.workflows.sighting_files import sightings_csv

    csv = csv_file(options.csv, as_json)
    with show_progress() as progress:
        found = run(replace(options, csv=csv), progress)
    if as_json:
        print_json(_document(str(options.gallery), found))
    elif options.csv is None:
        _print(found)
    elif csv is None:
        print_csv(sightings_csv(found.sightings, found.stills))
    if csv is not None and not as_json:
        say_written(how_many(len(found.sightings), "sighting"), csv)
    if found.stills:
        say_written(how_many(len(found.stills), "still"), options.draw)
    if found.interrupted and not is_camera(found.video):
        note(f"interrupted: this is what was found in the first {found.seen_to:.1f} s")
        raise typer.Exit(130)


def _document(gallery: str, found: VideoIdentification) -> dict[str, object]:
    listed: list[dict[str, object]] = [one.to_json() for one in found.sightings]
    for one, still in zip(listed, found.stills, strict=False):
        one["still"] = still
    head = ("video", "every", "duration", "seen_to", "frames", "faces", "identities", "interrupted", "seconds", "notes")
    return {"gallery": gallery} | {key: getattr(found, key) for key in head} | {"sightings": listed}


def _print(found: VideoIdentification) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from lookalike.cli.answer_lines import promise_lines
    from lookalike.cli.terminal import escape, note, print_table
    from lookalike.durations import clock_text

    of = "" if found.duration is None else f" of {clock_text(found.duration)}"
    speed = f"{found.frames / max(found.seconds, 1e-9):.1f} frames per second"
    counts = f"{found.frames} frames looked at, {found.faces} faces"
    typer.echo(f"{found.video}: {clock_text(found.seen_to)}{of} seen, {counts} ({speed})")
    if not found.sightings:
        typer.echo("nobody was seen")
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Who", overflow="fold")
    for heading in ("From", "To", "Looks", "Agree", "Distance"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Decision", no_wrap=True)
    for one in found.sightings:
        table.add_row(
            escape(one.label),
            clock_text(one.start),
            clock_text(one.end),
            str(one.looks),
            f"{one.agreement:.0%}",
            f"{one.distance:.4f}",
            one.decision,
        )
    print_table(table)
    last = found.sightings[-1].answer
    for line in promise_lines(last):
        typer.echo(line)
    if last.weakness:
        note(last.weakness)
