"""`lookalike demo`: the whole product in a few minutes, with a report to look at: on real faces, or on landmarks."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import AsJson
from lookalike.workflows.demo_faces import FacesDemoOptions, GalleryAnswers, MethodsMeasured, PeopleDivided, demo_faces
from lookalike.workflows.demo_landmarks import LandmarksDemoOptions

if TYPE_CHECKING:
    from lookalike.recognizer import Verified
    from lookalike.workflows.demo_faces import Question

__all__ = ["demo"]


def demo(
    what: Annotated[
        str,
        typer.Argument(metavar="faces|landmarks", help="faces: real ones; landmarks: synthetic ones, rendered here."),
    ] = "faces",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for models, gallery and report; by default demo, or demo-landmarks.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides who is held out, and every other random choice.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Fewer than the recipe's, for a quick look at the machinery.")
    ] = None,
    places: Annotated[
        int | None, typer.Option(min=2, rich_help_panel="Landmarks", help="Fewer than 48 buildings, for a quick look.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Learn, prove it on what was never seen, and answer questions: offline, in a few minutes.

    faces: trains three small networks on 24 people of the ORL faces, sets the threshold on 6 more, compares six methods
    on the 10 people left, fills a gallery, asks it, and writes report.html.

    landmarks: renders 48 buildings in 3-D (synthetic, and kept for the next time), trains a network on photos of them,
    enrolls them with a promise about photos that show none, compares it with pretrained features on viewpoints never
    seen, asks two questions, and writes report.html with maps of what was found.
    """
    from lookalike.errors import InputError

    if what == "faces":
        if places is not None:
            raise InputError("--places is for landmarks; leave it out, or run `lookalike demo landmarks`")
        _faces(FacesDemoOptions(output=output or FacesDemoOptions.output, seed=seed, epochs=epochs), as_json)
    elif what == "landmarks":
        from lookalike.cli.demo_landmarks import show_landmarks

        defaults = LandmarksDemoOptions
        show_landmarks(
            LandmarksDemoOptions(
                output=output or defaults.output, seed=seed, epochs=epochs, places=places or defaults.places
            ),
            as_json,
        )
    else:
        raise InputError(f"there is no demo of {what!r}; choose faces or landmarks")


def _faces(options: FacesDemoOptions, as_json: bool) -> None:
    from lookalike.cli.demo_steps import StepDisplay
    from lookalike.cli.tables import print_summary
    from lookalike.cli.terminal import console, escape, print_json

    def show(part: PeopleDivided | MethodsMeasured | GalleryAnswers) -> None:
        display.end_bars()
        if isinstance(part, PeopleDivided):
            console.print(
                f"   {len(part.learn)} people to learn from, {len(part.measure)} to set thresholds on, "
                f"{len(part.unseen)} never seen: {', '.join(part.unseen)}",
                soft_wrap=True,
            )
        elif isinstance(part, MethodsMeasured) and not as_json:
            print_summary(part.summaries)
        elif isinstance(part, GalleryAnswers) and not as_json:
            for line in _lines(part):
                typer.echo(f"   {line}")

    with StepDisplay() as display:
        done = demo_faces(options, display, show)
    times = ", ".join(f"{name} {value:.0f} s" for name, value in done.seconds.items())
    console.print(
        f"   {times}; {sum(done.seconds.values()):.0f} s in all\n   [green]open {escape(str(done.report))}[/green]",
        soft_wrap=True,
    )
    model, gallery = (shlex.quote(str(path)) for path in (options.output / "arcface", done.answers.gallery))
    console.print(
        "\nNow yours:  lookalike train YOUR_PHOTOS/ --output model/\n"
        f"      or:  lookalike identify CROP.jpg --model {escape(model)} --gallery {escape(gallery)}",
        soft_wrap=True,
    )
    if as_json:
        print_json({**done.metrics, "report": done.report, "seconds": done.seconds})


def _lines(answers: GalleryAnswers) -> list[str]:
    first, second = answers.unseen
    return [
        f"an HNSW index of {answers.templates} vectors, and a gallery of {answers.people} people",
        _verified(f"two pictures of {first} (unseen)", answers.verify_same),
        _verified(f"{first} and {second} (unseen)", answers.verify_different),
        _identified(f"another picture of {answers.known.truth} (enrolled)", answers.known),
        _identified(f"a picture of {first} (a stranger)", answers.stranger),
        f"threshold: {answers.threshold_source}",
    ]


def _verified(what: str, answer: Verified) -> str:
    verdict, sign = ("same person", "<=") if answer.match else ("different people", ">")
    return f"verify {what}: {verdict} (distance {answer.distance:.3f} {sign} threshold {answer.threshold:.3f})"


def _identified(what: str, question: Question) -> str:
    answer = question.answer
    distance, threshold, nearest = answer.distance, answer.threshold, answer.candidates[0].identity
    sign = "<=" if distance <= threshold else ">"
    return (
        f"identify {what}: {question.answer_in_words} "
        f"(distance {distance:.3f} {sign} threshold {threshold:.3f}, nearest {nearest})"
    )
