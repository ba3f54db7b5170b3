"""`lookalike identify`: whose picture is this, or nobody's?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lookalike.cli.options import AsJson, Cropped, GalleryPath, Model, TargetFmr, ThresholdDistance

__all__ = ["identify"]


def identify(
    pictures: Annotated[list[str], typer.Argument(help="One or more pictures.")],
    model: Model,
    gallery: GalleryPath = "people.gallery",
    top: Annotated[int, typer.Option(min=1, help="How many candidates are shown.")] = 3,
    threshold: ThresholdDistance = None,
    fmr: TargetFmr = None,
    cropped: Cropped = False,
    as_json: AsJson = False,
) -> None:
    """Name the person in a picture (1:N), or say that it is nobody in the gallery."""
    from lookalike.cli.terminal import note, plain, print_json
    from lookalike.embedder import Embedder
    from lookalike.gallery import open_gallery
    from lookalike.recognizer import Recognizer

    with open_gallery(gallery, create=False) as people:
        recognizer = Recognizer(Embedder.load(model, cropped or None), people, threshold, fmr)
        answers: list[dict[str, Any]] = []
        for picture in pictures:
            answer = recognizer.identify(picture, k=top)
            answers.append({"picture": picture} | plain(answer))
            if as_json:
                continue
            for line in answer.notes:
                note(line)
            sign = "<=" if answer.identity is not None else ">"
            typer.echo(
                f"{picture}: {answer.identity or 'nobody in the gallery'} "
                f"(distance {answer.distance:.4f} {sign} threshold {answer.threshold:.4f})"
            )
            for candidate in answer.candidates:
                typer.echo(f"    {candidate.distance:.4f}  {candidate.identity}")
        if as_json:
            print_json({"gallery": gallery, "identities": len(people), "answers": answers})
        else:
            typer.echo(f"threshold: {recognizer.threshold.source}")
