"""`lookalike demo landmarks`: what the demo of places prints."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from lookalike.cli.demo_steps import StepDisplay
from lookalike.cli.tables import ends_below
from lookalike.cli.terminal import console, escape, print_json, print_table
from lookalike.workflows.demo_landmarks import (
    SYNTHETIC,
    LandmarkAnswers,
    LandmarkQuestion,
    LandmarksDemoOptions,
    LandmarksMeasured,
    PhotosRendered,
    demo_landmarks,
)

if TYPE_CHECKING:
    from lookalike.landmarks.comparison import Compared

__all__ = ["show_landmarks"]


def show_landmarks(options: LandmarksDemoOptions, as_json: bool) -> None:
    """Run the demo; with `as_json` its metrics go to stdout, and no table."""

    def show(part: PhotosRendered | LandmarksMeasured | LandmarkAnswers) -> None:
        display.end_bars()
        if isinstance(part, PhotosRendered):
            _print_photos(part)
        elif isinstance(part, LandmarksMeasured) and not as_json:
            _print_table(part.methods)
        elif isinstance(part, LandmarkAnswers) and not as_json:
            for question in part.questions:
                for line in _lines(question):
                    typer.echo(f"   {line}")
            typer.echo(f"   promise: {part.promise}")

    with StepDisplay() as display:
        done = demo_landmarks(options, display, show)
    times = ", ".join(f"{name} {value:.0f} s" for name, value in done.seconds.items())
    console.print(
        f"   {times}; {sum(done.seconds.values()):.0f} s in all, {done.cpu_seconds:.0f} s of them computing on one "
        f"core\n   [green]open {escape(str(done.report))}[/green]",
        soft_wrap=True,
    )
    photo, model, gallery = (escape(shlex.quote(str(path))) for path in (done.asked_last, done.model, done.gallery))
    console.print(
        "\nNow yours:  lookalike train PLACES/ --recipe landmarks --non-landmarks OTHERS/ --output model/\n"
        f"      or:  lookalike identify {photo} --model {model} --gallery {gallery}",
        soft_wrap=True,
    )
    if as_json:
        print_json({
            **done.metrics, "report": done.report, "seconds": done.seconds, "cpu_seconds": done.cpu_seconds,
        })  # fmt: skip


def _print_photos(part: PhotosRendered) -> None:
    count = part.counts
    console.print(
        f"   {SYNTHETIC}\n"
        f"   {count['places']} photos of them to learn from and enroll, {count['test']} to ask about, from other "
        f"sides: {part.azimuth_gap:.0f}° or more away\n"
        f"   of no landmark: {count['learn_others']} to learn from, {count['calibration']} to set thresholds on, "
        f"{count['test_others']} to ask about",
        soft_wrap=True,
    )


def _print_table(compared: Sequence[Compared]) -> None:
    one = compared[0].measured.measures
    promise = compared[0].enrolled.promised.promise
    table = Table(
        title=f"{one.landmarks} photos of {one.places} places, and {one.non_landmarks} without a landmark",
        title_justify="left",
        caption="95% intervals, over places by bootstrap; of false acceptances by Wilson",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("Network, centroids", min_width=12)
    for heading in ("GAP", "Top-1", "Answered\nand right", f"Falsely accepted\n(promise {promise:g})"):
        table.add_column(heading, no_wrap=True)
    for each in compared:
        m = each.measured.measures
        table.add_row(
            f"{escape(each.name)}\n[dim]{each.enrolled.centroids} centroids[/dim]",
            f"{m.gap:.3f}{ends_below(m.gap_interval)}",
            f"{m.top_1:.3f}{ends_below(m.top_1_interval)}",
            f"{m.right_answers:.3f}{ends_below(m.right_answers_interval)}",
            "–" if m.false_positives is None else f"{m.false_positives.value:.4f}{ends_below(m.false_positives)}",
        )
    print_table(table)


def _lines(question: LandmarkQuestion) -> list[str]:
    what, answer = f"{question.what} ({question.name})", question.answer
    best = answer.best
    if best is None:
        return [f"identify {what}: the gallery holds no place"]
    decision = {"match": best.name, "ambiguous": "ambiguous", "unknown": "no known landmark"}[answer.decision]
    sign = "<=" if best.accepted else ">"
    lines = [
        f"identify {what}: {decision} (distance {best.distance:.3f} {sign} threshold {best.threshold:.3f}, "
        f"nearest {best.name}, {1000 * (answer.seconds_embedding + answer.seconds_search):.0f} ms)"
    ]
    if answer.decision == "match":
        if best.map_url is not None:
            lines.append(f"    on a made-up spot, {best.map_url}")
        lines += [f"    like {one.source} (distance {one.distance:.3f})" for one in best.photos[:1]]
    return lines
