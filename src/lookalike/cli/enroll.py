"""`lookalike enroll`: put people, or places, into a gallery."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import (
    AsJson,
    ClassesAt,
    Cropped,
    Detector,
    Device,
    GalleryPath,
    Model,
    Precision,
    Recipe,
    Scales,
    SkipBad,
    Tag,
)
from lookalike.cli.verb_help import FOR_PEOPLE, FOR_PLACES, in_panel
from lookalike.counted_nouns import how_many
from lookalike.workflows.enroll import EnrollOptions, PeopleEnrolled, PlacesEnrolled
from lookalike.workflows.enroll import enroll as run

__all__ = ["enroll"]


@options_from(
    EnrollOptions,
    model=Model,
    pictures=Annotated[
        list[str] | None,
        typer.Argument(
            help="With --name: pictures of one person, or folders of them. Without: one folder with a subfolder per "
            "person, or a CSV of path,identity.",
        ),
    ],
    classes_at=ClassesAt,
    gallery=GalleryPath,
    name=Annotated[str | None, typer.Option("--name", "-n", metavar="NAME", help="Whose pictures these are.")],
    tag=in_panel(FOR_PEOPLE, Tag),
    recipe=in_panel(FOR_PLACES, Recipe),
    non_landmarks=Annotated[
        Path | None,
        typer.Option(
            "--non-landmarks",
            metavar="FOLDER",
            rich_help_panel=FOR_PLACES,
            help="Photos that show no place, of the kind people will send: thresholds rest on them.",
        ),
    ],
    promise=Annotated[
        str | None,
        typer.Option(
            "--promise",
            metavar="fpr=RATE",
            rich_help_panel=FOR_PLACES,
            help="The share of photos without a place that may be named; fpr=0.01 at first, then as before.",
        ),
    ],
    places=Annotated[
        Path | None,
        typer.Option(
            "--places",
            metavar="CSV",
            rich_help_panel=FOR_PLACES,
            help="Names and positions: identity,name,latitude,longitude.",
        ),
    ],
    scales=in_panel(FOR_PLACES, Scales),
    keep_pictures=Annotated[
        bool,
        typer.Option(
            "--keep-pictures",
            rich_help_panel=FOR_PEOPLE,
            help="Keep the pictures in the gallery, without metadata, so that it can change its model one day.",
        ),
    ],
    cropped=Cropped,
    device=Device,
    precision=Precision,
    detector=Detector,
    skip_bad=SkipBad,
)
def enroll(options: EnrollOptions, as_json: AsJson = False) -> None:
    """Enroll pictures of one person (--name), or of everybody in a folder per identity; or places (--recipe landmarks).

    What was reported as enrolled is on the disk: it survives a killed process and a power cut.

    With --recipe landmarks, photos are cleaned and clustered, several centroids stand for each place, and thresholds
    keep a promise about photos without a landmark. Without pictures, these are set anew, for example for another
    --promise.
    """
    from lookalike.cli.terminal import print_json, show_progress, without_notes

    with show_progress() as progress:
        done = run(options, progress)
    gallery = str(options.gallery)
    if as_json:
        print_json({"gallery": gallery} | without_notes(done))
    elif isinstance(done, PeopleEnrolled):
        _print_people(gallery, done)
    else:
        _print_places(gallery, done)


def _print_people(gallery: str, done: PeopleEnrolled) -> None:
    from lookalike.cli.terminal import console, escape, note

    people = how_many(len(done.enrolled), "person", "people")
    if done.already_known == done.pictures:
        said = f"[green]already known[/green]: {how_many(done.pictures, 'picture')} of {people}"
    else:
        said = f"[green]enrolled[/green] {how_many(done.pictures - done.already_known, 'picture')} of {people} "
        said += _how_many_new(len(done.new), len(done.enrolled))
        if done.already_known:
            said += f", {how_many(done.already_known, 'more picture was', 'more pictures were')} already known"
    known = how_many(done.identities, "person", "people")
    console.print(f"{said}; {escape(gallery)} knows {known}", soft_wrap=True)
    if done.fpir_bound is not None:
        note(
            f"among {how_many(done.templates, 'template')} up to {done.fpir_bound:.2g} of strangers' searches may be "
            "named at the model's own threshold; `lookalike identify --fpir RATE` keeps a rate as the gallery grows"
        )


def _print_places(gallery: str, done: PlacesEnrolled) -> None:
    from lookalike.cli.terminal import console, escape, note

    places = how_many(len(done.enrolled), "place")
    enrolled = f"{how_many(done.pictures, 'photo')} of {places} {_how_many_new(len(done.new), len(done.enrolled))}"
    known = f"{how_many(len(done.places), 'place')}, by {how_many(done.centroids, 'centroid')}"
    console.print(f"[green]enrolled[/green] {enrolled}; {escape(gallery)} knows {known}", soft_wrap=True)
    for reason, count in Counter(one.reason for one in done.left_out).items():
        first = next(one for one in done.left_out if one.reason == reason)
        photos = how_many(count, "photo")
        note(f"left out of centroids: {photos} {reason}; first {first.source} of {first.place}")
    console.print(f"promise: {escape(done.promised.source)}", soft_wrap=True)


def _how_many_new(new: int, enrolled: int) -> str:
    """Of those whose pictures were enrolled, how many were not there before, and how many were."""
    known = f"{enrolled - new:,} already known" if 0 < new < enrolled else "already known"
    return f"({known})" if new == 0 else f"({new:,} new)" if new == enrolled else f"({new:,} new, {known})"
