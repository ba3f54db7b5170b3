"""`lookalike enroll`: put people, or places, into a gallery."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, ClassesAt, Cropped, GalleryPath, Model, Recipe, Scales, SkipBad
from lookalike.workflows.enroll import EnrollOptions, PeopleEnrolled, PlacesEnrolled
from lookalike.workflows.enroll import enroll as run

__all__ = ["enroll"]


@options_from(
    EnrollOptions,
    model=Model,
    pictures=Annotated[
        list[str] | None,
        typer.Argument(help="With --name: pictures of one person. Without: a folder per identity, or a CSV."),
    ],
    classes_at=ClassesAt,
    gallery=GalleryPath,
    name=Annotated[str | None, typer.Option("--name", "-n", help="Whose pictures these are.")],
    recipe=Recipe,
    non_landmarks=Annotated[
        Path | None,
        typer.Option("--non-landmarks", help="Landmarks: a folder of photos that show none, of the kind users send."),
    ],
    promise=Annotated[
        str | None,
        typer.Option("--promise", help="Landmarks: fpr=RATE, the share of such photos that may be named; fpr=0.01."),
    ],
    places=Annotated[
        Path | None,
        typer.Option("--places", help="Landmarks: a CSV of identity,name,latitude,longitude."),
    ],
    scales=Scales,
    cropped=Cropped,
    skip_bad=SkipBad,
)
def enroll(options: EnrollOptions, as_json: AsJson = False) -> None:
    """Enroll pictures of one person (--name), or of everybody in a folder per identity; or places (--recipe landmarks).

    What was reported as enrolled is on the disk: it survives a killed process and a power cut.

    With --recipe landmarks, photos are cleaned and clustered, several centroids stand for each place, and thresholds
    keep a promise about photos without a landmark. Without pictures they are fitted anew, say to another --promise.
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

    console.print(
        f"[green]enrolled[/green] {done.pictures} picture(s) of {len(done.enrolled)} person(s) "
        f"({len(done.new)} new); {escape(gallery)} knows {done.identities}",
        soft_wrap=True,
    )
    if done.fpir_bound is not None:
        note(
            f"among {done.templates:,} templates up to {done.fpir_bound:.2g} of strangers' searches may be named at "
            "the model's own threshold; `lookalike identify --fpir RATE` keeps a rate as the gallery grows"
        )


def _print_places(gallery: str, done: PlacesEnrolled) -> None:
    from lookalike.cli.terminal import console, escape, note

    console.print(
        f"[green]enrolled[/green] {done.pictures} photo(s) of {len(done.enrolled)} place(s) ({len(done.new)} new); "
        f"{escape(gallery)} knows {len(done.places)}, by {done.centroids} centroid(s)",
        soft_wrap=True,
    )
    for reason, count in Counter(one.reason for one in done.left_out).items():
        first = next(one for one in done.left_out if one.reason == reason)
        note(f"{count} photo(s) {reason} are left out of centroids; first {first.source} of {first.place}")
    console.print(f"promise: {escape(done.promised.source)}", soft_wrap=True)
