"""`lookalike enroll`: put people into a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import AsJson, Cropped, GalleryPath, Model, Recipe, Scales, SkipBad

__all__ = ["enroll"]


def enroll(
    model: Model,
    pictures: Annotated[
        list[str] | None,
        typer.Argument(help="With --name: pictures of one person. Without: a folder per identity, or a CSV."),
    ] = None,
    gallery: GalleryPath = "people.gallery",
    name: Annotated[str | None, typer.Option("--name", "-n", help="Whose pictures these are.")] = None,
    recipe: Recipe = None,
    non_landmarks: Annotated[
        Path | None,
        typer.Option("--non-landmarks", help="Landmarks: a folder of photos that show none, of the kind users send."),
    ] = None,
    promise: Annotated[
        str | None,
        typer.Option("--promise", help="Landmarks: fpr=RATE, the share of such photos that may be named; fpr=0.01."),
    ] = None,
    places: Annotated[
        Path | None,
        typer.Option("--places", help="Landmarks: a CSV of identity,name,latitude,longitude."),
    ] = None,
    scales: Scales = None,
    cropped: Cropped = False,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Enroll pictures of one person (--name), or of everybody in a folder per identity; or places (--recipe landmarks).

    What was reported as enrolled is on the disk: it survives a killed process and a power cut.

    With --recipe landmarks, photos are cleaned and clustered, several centroids stand for each place, and thresholds
    keep a promise about photos without a landmark. Without pictures they are fitted anew, say to another --promise.
    """
    from lookalike.cli.landmark_answers import at_scales, chosen_recipe, enroll_places
    from lookalike.cli.measuring import embed_set
    from lookalike.cli.terminal import bar, console, escape, note, print_json
    from lookalike.datasets import PictureSet, read_pictures
    from lookalike.embedder import Embedder
    from lookalike.errors import ArtefactError, InputError, StorageError
    from lookalike.gallery import open_gallery
    from lookalike.identity_names import checked_name, look_alike_remarks
    from lookalike.recognizer import Recognizer

    given = pictures or []
    if chosen_recipe(recipe, gallery):
        enroll_places(
            given,
            name,
            at_scales(Embedder.load(model, cropped or None), scales),
            gallery,
            non_landmarks=non_landmarks,
            promise=promise,
            places=places,
            skip_bad=skip_bad,
            as_json=as_json,
        )
        return
    for option, value in (("--non-landmarks", non_landmarks), ("--promise", promise), ("--places", places)):
        if value is not None:
            raise InputError(f"{option} was given, and {gallery} holds people; give --recipe landmarks with it")
    if name is not None and given:
        chosen = PictureSet(tuple(Path(p) for p in given), (name,) * len(given))
    elif not given:
        raise InputError("no pictures were given; give a folder per identity, a CSV, or pictures and --name")
    elif len(given) == 1:
        chosen = read_pictures(given[0])
    else:
        raise InputError(f"{len(given)} pictures were given without --name; say whose they are")
    # All names are checked before anybody is enrolled, and a gallery of another model is refused before the work.
    chosen = PictureSet(chosen.paths, tuple(map(checked_name, chosen.identities)), chosen.notes)
    embedder = at_scales(Embedder.load(model, cropped or None), scales)
    try:
        older = open_gallery(gallery, create=False)
    except ArtefactError:
        pass  # there is none yet, or it is damaged: opening it to write says so
    else:
        with older:
            Recognizer(embedder, older)
    vectors, kept = embed_set(embedder, chosen, skip_bad)
    # Made after the pictures have proved usable: a refused picture leaves no empty gallery behind.
    with open_gallery(gallery) as people:
        Recognizer(embedder, people)
        before = len(people)
        for line in look_alike_remarks(kept.names, people.names()):
            note(line)
        with bar("Enrolling", len(kept.names)) as done:
            for number, (identity, mine) in enumerate(kept.groups()):
                try:
                    people.enroll(identity, vectors[mine], [str(kept.paths[i]) for i in mine])
                except StorageError as error:
                    raise StorageError(
                        f"{error}; {number} of {len(kept.names)} people are enrolled: "
                        "the same command goes on, and enrolls nothing twice"
                    ) from None
                done(1)
        counts = people.counts()
    # The default threshold is a promise per comparison: what it is worth to strangers falls as a gallery grows.
    tail = embedder.calibration.tail if embedder.calibration is not None else None
    bound = None if tail is None else tail.upper_fpir(embedder.threshold().distance, counts.templates)
    if as_json:
        print_json(
            {
                "gallery": gallery,
                "enrolled": kept.names,
                "pictures": len(kept),
                "left_out": len(chosen) - len(kept),
                "identities": counts.identities,
                "templates": counts.templates,
                "fpir_bound": bound,
            }
        )
    else:
        console.print(
            f"[green]enrolled[/green] {len(kept)} picture(s) of {len(kept.names)} person(s) "
            f"({counts.identities - before} new); {escape(gallery)} knows {counts.identities}",
            soft_wrap=True,
        )
        if bound is not None:
            note(
                f"among {counts.templates:,} templates up to {bound:.2g} of strangers' searches may be named at the "
                "model's own threshold; `lookalike identify --fpir RATE` keeps a rate as the gallery grows"
            )
