"""`lookalike demo landmarks`: places learned, enrolled with a promise, recognised from viewpoints never seen."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lookalike.cli.demo_steps import step, timed, usable_output

if TYPE_CHECKING:
    from lookalike.landmarks.comparison import Compared
    from lookalike.landmarks.photo_splits import PhotoSplits
    from lookalike.landmarks.place import Place
    from lookalike.landmarks.recognition import Recognised
    from lookalike.samples.buildings import SyntheticLandmarks

__all__ = ["FOLDERS", "demo_landmarks"]

#: Compared, and the one whose answers are shown.
_METHODS = ("pretrained", "center loss")
_FEATURED = ("center loss", "several")
_MODEL = "center"
#: Folders it writes into `--output`, and the file that makes each of them one that may be written again.
FOLDERS = {_MODEL: "model.toml"} | {
    f"{model}-{centroids}.gallery": "gallery.sqlite3"
    for model in ("efficientnet_lite0", _MODEL)
    for centroids in (1, 8)
}
_SYNTHETIC = (
    "All pictures are synthetic: procedural buildings rendered in 3-D. They show that the machinery works, not how "
    "well real places are recognised."
)


@dataclass(frozen=True)
class _Set:
    """How many pictures are rendered, and what they can promise."""

    places: int
    non_landmarks: tuple[int, int, int]
    promise: float


def _set_of(places: int | None) -> _Set:
    """The whole set, or as much as goes with fewer places: fewer non-landmarks can carry a looser promise only."""
    if places is None or places >= 48:
        return _Set(places or 48, (200, 600, 400), 0.01)
    return _Set(places, (max(40, 200 * places // 48), 100, 100), 0.05)


def demo_landmarks(output: Path, seed: int, epochs: int | None, places: int | None, as_json: bool) -> None:
    """Render, learn, enroll, measure, ask, report.

    Args:
        output: folder for the model, galleries, report and metrics.
        seed: of the buildings, the photos and the network.
        epochs: fewer than the recipe's, for a quick look.
        places: fewer buildings than 48, with fewer photos that show none, and a promise that these can carry.
        as_json: print the metrics on stdout, and no table.
    """
    import json

    from lookalike.atomic_files import write_atomically
    from lookalike.cli.terminal import console, escape, note, plain, print_json
    from lookalike.landmarks.photo_splits import read_azimuths, read_splits
    from lookalike.landmarks.place_facts import read_places

    seconds: dict[str, float] = {}
    began = _cpu_seconds()
    wanted = _set_of(places)
    usable_output(output, FOLDERS)

    step(1, f"{wanted.places} buildings, photographed from many sides, by day and night (synthetic)")
    console.print(f"   {_SYNTHETIC}", soft_wrap=True)
    with timed(seconds, "render"):
        rendered = _render(wanted, seed)
    photos, facts = read_splits(rendered.photos_csv), read_places(rendered.places_csv)
    console.print(
        f"   {len(photos.places)} photos of them to learn from and enroll, {len(photos.test)} to ask about, from other "
        f"sides: {rendered.azimuth_gap:.0f}° or more away\n"
        f"   of no landmark: {len(photos.learn_others)} to learn from, {len(photos.calibration)} to set thresholds on, "
        f"{len(photos.test_others)} to ask about",
        soft_wrap=True,
    )

    step(2, "Learn, enroll and compare")
    with timed(seconds, "train, embed, enroll and ask"):
        compared = _compare(photos, facts, output, wanted, seed, epochs)
    featured = next(one for one in compared if (one.method, one.centroids) == _FEATURED)
    if featured.enrolled.promised.note:
        note(featured.enrolled.promised.note)

    step(3, "What they are worth, on photos that none of them has seen")
    if not as_json:
        _print_table(compared)

    step(4, "Questions")
    with timed(seconds, "identify"):
        answers = _ask(featured, photos)
    if not as_json:
        for question in answers["questions"]:
            for line in _told(f"{question['what']} ({question['name']})", question["answer"]):
                typer.echo(f"   {line}")
        typer.echo(f"   promise: {answers['promise']}")

    step(5, "The report")
    with timed(seconds, "report"):
        report = _write_report(compared, featured, photos, read_azimuths(rendered.photos_csv), facts, answers, output)
        metrics = {
            "synthetic": True,
            "seed": seed,
            "places": wanted.places,
            "pictures": rendered.folder,
            "azimuth_gap": rendered.azimuth_gap,
            "photos": {name: len(part) for name, part in vars(photos).items() if not name.startswith("_")},
            "methods": {one.name: one.to_json() for one in compared},
            "answers": answers,
        }
        write_atomically(output / "metrics.json", (json.dumps(plain(metrics), indent=2) + "\n").encode())
    times = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    cpu = _cpu_seconds() - began
    console.print(
        f"   {times}; {sum(seconds.values()):.0f} s in all, {cpu:.0f} s of them computing on one core\n"
        f"   [green]open {escape(str(report))}[/green]",
        soft_wrap=True,
    )
    model, gallery = (shlex.quote(str(path)) for path in (output / _MODEL, featured.gallery))
    console.print(
        "\nNow yours:  lookalike train PLACES/ --recipe landmarks --non-landmarks OTHERS/ --output model/\n"
        f"      or:  lookalike identify {escape(shlex.quote(str(photos.test.paths[-1])))} --model {escape(model)} "
        f"--gallery {escape(gallery)}",
        soft_wrap=True,
    )
    if as_json:
        print_json(metrics | {"report": report, "seconds": seconds, "cpu_seconds": cpu})


def _cpu_seconds() -> float:
    """Of this process and of those it waited for."""
    return sum(os.times()[:4])


def _render(wanted: _Set, seed: int) -> SyntheticLandmarks:
    """The set of this seed, rendered once and kept for the next time."""
    # torch before VTK: where the last few pictures are rendered in this very process, loading it afterwards crashes it.
    import lookalike.training  # noqa: F401
    from lookalike.cli.terminal import show_progress
    from lookalike.samples.buildings import PhotoSetOptions, render_landmarks

    options = PhotoSetOptions(landmarks=wanted.places, non_landmarks=wanted.non_landmarks, seed=seed)
    with show_progress() as progress:
        return render_landmarks(options, progress=progress)


def _compare(
    photos: PhotoSplits, facts: Mapping[str, Place], output: Path, wanted: _Set, seed: int, epochs: int | None
) -> list[Compared]:
    """Run the methods under one progress bar."""
    from lookalike.cli.terminal import progress_bar
    from lookalike.landmarks.atlas import AtlasSettings
    from lookalike.landmarks.comparison import compare_methods
    from lookalike.progress import Progress

    compared = []
    with progress_bar() as bars:
        tasks = {name: bars.add_task(name, total=None, start=False, extra="waiting") for name in _METHODS}

        def show(name: str, p: Progress) -> None:
            bars.start_task(tasks[name])
            bars.update(tasks[name], completed=p.done, total=p.total, extra=p.detail or p.stage)

        settings = AtlasSettings(promise_fpr=wanted.promise)
        for one in compare_methods(
            photos, output, seed, _METHODS, epochs=epochs, settings=settings, facts=facts, progress=show
        ):
            compared.append(one)
            bars.update(tasks[one.method], extra=f"top-1 {one.measured.measures.top_1:.3f}")
    return compared


def _print_table(compared: Sequence[Compared]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from lookalike.cli.terminal import print_table

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
            f"{m.gap:.3f}{_interval(m.gap_interval)}",
            f"{m.top_1:.3f}{_interval(m.top_1_interval)}",
            f"{m.right_answers:.3f}{_interval(m.right_answers_interval)}",
            "–" if m.false_positives is None else f"{m.false_positives.value:.4f}{_interval(m.false_positives)}",
        )
    print_table(table)


def _interval(interval: Any) -> str:
    return "" if interval is None else f"\n[dim]{interval.low:.3f}–{interval.high:.3f}[/dim]"


def _ask(featured: Compared, photos: PhotoSplits) -> dict[str, Any]:
    """Ask as a user would, by file: about the surest photo, the first one that was not chosen, and one of no place."""
    from lookalike import Embedder, open_gallery
    from lookalike.landmarks.recognition import LandmarkRecognizer

    right = featured.measured.photos("right")
    asked = {"the surest unseen photo": right[0]} if right else {}
    asked |= {"the first unseen photo": 0, "a photo of no landmark": len(photos.test)}
    found: list[dict[str, Any]] = []
    with open_gallery(featured.gallery, create=False) as gallery:
        recognizer = LandmarkRecognizer(Embedder.load(featured.model), gallery)
        for what, at in asked.items():
            truth, path = photos.truth[at], photos.questions[at]
            name = "no landmark" if truth is None else recognizer.atlas.place(truth).name
            answer = recognizer.identify(path)
            found.append({"what": what, "picture": str(path), "truth": truth, "name": name, "answer": answer})
    return {"questions": found, "promise": found[0]["answer"].threshold_source}


def _told(what: str, answer: Recognised) -> list[str]:
    best = answer.best
    if best is None:
        return [f"identify {what}: the gallery holds no place"]
    said = {"match": best.name, "ambiguous": "ambiguous", "unknown": "no known landmark"}[answer.decision]
    sign = "<=" if best.accepted else ">"
    lines = [
        f"identify {what}: {said} (distance {best.distance:.3f} {sign} threshold {best.threshold:.3f}, "
        f"nearest {best.name}, {1000 * (answer.seconds_embedding + answer.seconds_search):.0f} ms)"
    ]
    if answer.decision == "match":
        if best.map_url is not None:
            lines.append(f"    on a made-up spot, {best.map_url}")
        lines += [f"    like {one.source} (distance {one.distance:.3f})" for one in best.photos[:1]]
    return lines


def _write_report(
    compared: Sequence[Compared],
    featured: Compared,
    photos: PhotoSplits,
    azimuths: Mapping[str, float],
    facts: Mapping[str, Place],
    answers: Mapping[str, Any],
    output: Path,
) -> Path:
    from lookalike.evaluation.report.page import PicturePairs, Section, write_report
    from lookalike.landmarks.answer_pictures import answer_pictures
    from lookalike.landmarks.report import landmark_report

    asked = []
    for question in answers["questions"]:
        answer = question["answer"]
        good = answer.place == question["truth"] and answer.decision != "ambiguous"
        asked.append(answer_pictures(question["picture"], f"asked: {question['name']}", answer, good))
    shown = ", ".join(question["what"] for question in answers["questions"])
    section = Section(
        "Asking, as a user would",
        (f"By file, of {featured.name}: {shown}. Only the first was chosen for its answer.",)
        if len(asked) > 2
        else (f"By file, of {featured.name}: {shown}.",),
        (PicturePairs(tuple(asked)),),
    )
    report = landmark_report(
        compared,
        photos,
        featured,
        azimuths,
        title="Lookalike on places, from sides it has never seen",
        lead=f"{_SYNTHETIC} A small network that ImageNet taught learned {len(photos.places.names)} buildings from "
        f"{len(photos.places):,} photos; here it meets them from other sides, among photos that show none of them.",
        places=facts,
        sections=(section,),
        footer="All pictures are synthetic, rendered by Lookalike with VTK.",
    )
    write_report(output / "report.html", report)
    return output / "report.html"
