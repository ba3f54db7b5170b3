"""`lookalike identify`: whose picture is this, or nobody's?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.options import (
    AsJson,
    CalibrationFile,
    Cropped,
    GalleryPath,
    Model,
    Recipe,
    Rerank,
    Scales,
    TargetFmr,
    ThresholdDistance,
    refuse_given,
)

if TYPE_CHECKING:
    from lookalike.recognizer import Identified

__all__ = ["identify"]


def identify(
    context: typer.Context,
    pictures: Annotated[list[str], typer.Argument(help="One or more pictures.")],
    model: Model,
    gallery: GalleryPath = "people.gallery",
    top: Annotated[int, typer.Option(min=1, help="How many candidates are shown.")] = 3,
    threshold: ThresholdDistance = None,
    fmr: TargetFmr = None,
    fpir: Annotated[
        float | None,
        typer.Option(
            "--fpir",
            help="Name at most this share of strangers, whatever the size of the gallery (needs a calibration).",
        ),
    ] = None,
    calibration: CalibrationFile = None,
    recipe: Recipe = None,
    rerank: Rerank = True,
    submission: Annotated[
        Path | None,
        typer.Option("--submission", help="Landmarks: write id,landmarks as Google Landmarks v2 wants it."),
    ] = None,
    scales: Scales = None,
    cropped: Cropped = False,
    as_json: AsJson = False,
) -> None:
    """Name the person in a picture (1:N), or say that it is nobody in the gallery, or that it cannot be told.

    In a gallery of landmarks: name the place, with a link to a map and the enrolled photos that decided it, or say that
    no known landmark is seen. The threshold is the one promised at enrolment.
    """
    from lookalike.cli.landmark_answers import at_scales, chosen_recipe, identify_places
    from lookalike.cli.terminal import note, plain, print_json
    from lookalike.decisions.promise import Promise
    from lookalike.embedder import Embedder
    from lookalike.gallery import open_gallery
    from lookalike.recognizer import Recognizer

    if chosen_recipe(recipe, gallery):
        refuse_given(
            context,
            "threshold",
            "fmr",
            "fpir",
            "calibration",
            why="is for people; a gallery of landmarks has thresholds of its own, set by "
            "`lookalike enroll --recipe landmarks --promise fpr=RATE`",
        )
        embedder = at_scales(Embedder.load(model, cropped or None), scales)
        identify_places(pictures, embedder, gallery, top=top, rerank=rerank, submission=submission, as_json=as_json)
        return
    with open_gallery(gallery, create=False) as people:
        refuse_given(
            context,
            "submission",
            "rerank",
            why=f"is for landmarks, and {gallery} holds none; leave it out, or enroll with --recipe landmarks",
        )
        embedder = at_scales(Embedder.load(model, cropped or None), scales)
        if calibration is not None:
            embedder.use_calibration(calibration)
        recognizer = Recognizer(
            embedder,
            people,
            threshold,
            fmr,
            promise=None if fpir is None else Promise("fpir", fpir),
        )
        answers: list[dict[str, Any]] = []
        for picture in pictures:
            answer = recognizer.identify(picture, k=top)
            answers.append({"picture": picture} | plain(answer.to_json()))
            if as_json:
                continue
            for line in answer.notes:
                note(line)
            typer.echo(f"{picture}: {_told(answer)}")
            for candidate in answer.candidates:
                typer.echo(f"    {candidate.distance:.4f}  {candidate.identity}")
        if as_json:
            print_json({"gallery": gallery, "identities": len(people), "answers": answers})
        else:
            _tell_promise(answer)


def _told(answer: Identified) -> str:
    """The answer in one line."""
    sign = "<=" if answer.distance <= answer.threshold else ">"
    if answer.decision == "match":
        who = str(answer.identity)
    elif answer.decision == "unknown":
        who = "nobody in the gallery"
    elif sign == "<=":
        who = f"ambiguous, {answer.candidates[0].identity} and another within {answer.margin:.4f}"
    else:
        who = f"ambiguous, perhaps {answer.candidates[0].identity}"
    likely = "" if answer.probability is None else f", probability {answer.probability:.3f}"
    return f"{who} (distance {answer.distance:.4f} {sign} threshold {answer.threshold:.4f}){likely}"


def _tell_promise(answer: Identified) -> None:
    """What the threshold rests on, and what it means in a gallery of this size."""
    from lookalike.cli.terminal import note
    from lookalike.decisions.promise import PromisedThreshold

    size = f"{answer.identities:,} people ({answer.templates:,} templates)"
    if isinstance(answer.promised, PromisedThreshold):
        missed = answer.promised
        typer.echo(
            f"gallery: {size}; at this threshold {missed.fnmr:.1%} of genuine pairs are missed "
            f"({missed.fnmr_low:.1%} to {missed.fnmr_high:.1%})"
        )
    elif answer.fpir_bound is not None:
        typer.echo(f"gallery: {size}; of strangers' searches up to {answer.fpir_bound:.1%} may be named: see --fpir")
    else:
        typer.echo(f"gallery: {size}")
    typer.echo(f"threshold: {answer.threshold_source}")
    if answer.weakness:
        note(answer.weakness)
