"""`lookalike demo`: the whole product in a few minutes, with a report to look at: on real faces, or on landmarks."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.demo_steps import step, timed, usable_output
from lookalike.cli.options import AsJson

if TYPE_CHECKING:
    from lookalike.datasets import PictureSet
    from lookalike.embedder import Embedder
    from lookalike.evaluation.report.summary import MethodResult
    from lookalike.faces.comparison import Method

__all__ = ["demo"]

#: Folders it writes into `--output`, and the file that makes each of them one that may be written again.
_FOLDERS = {
    "softmax": "model.toml",
    "triplet": "model.toml",
    "arcface": "model.toml",
    "people.index": "index.toml",
    "people.gallery": "gallery.sqlite3",
}


def demo(
    what: Annotated[str, typer.Argument(help="faces: real ones; landmarks: synthetic ones, rendered here.")] = "faces",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for models, gallery, report; demo, or demo-landmarks.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides who is unseen, and every other random choice.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Fewer than the recipe's, for a quick look at the machinery.")
    ] = None,
    places: Annotated[
        int | None, typer.Option(min=2, help="Landmarks: fewer than 48 buildings, for a quick look.")
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
        _faces(output or Path("demo"), seed, epochs, as_json)
    elif what == "landmarks":
        from lookalike.cli.demo_landmarks import demo_landmarks

        demo_landmarks(output or Path("demo-landmarks"), seed, epochs, places, as_json)
    else:
        raise InputError(f"there is no demo of {what!r}; choose faces or landmarks")


def _faces(output: Path, seed: int, epochs: int | None, as_json: bool) -> None:
    import json

    from lookalike.atomic_files import write_atomically
    from lookalike.cli.tables import print_summary
    from lookalike.cli.terminal import console, escape, note, plain, print_json
    from lookalike.embedder import Embedder
    from lookalike.evaluation.report import summary
    from lookalike.faces.comparison import divide_people
    from lookalike.samples.orl_faces import orl_faces

    seconds: dict[str, float] = {}
    usable_output(output, _FOLDERS)

    step(1, "Faces of 40 people, 10 pictures each (ORL)")
    pictures = orl_faces()
    learn, measure, unseen = divide_people(pictures, seed)
    seen = pictures.of([*learn.names, *measure.names])
    console.print(
        f"   {len(learn.names)} people to learn from, {len(measure.names)} to set thresholds on, "
        f"{len(unseen.names)} never seen: {', '.join(unseen.names)}",
        soft_wrap=True,
    )

    step(2, "Learn, and compare on the unseen people")
    with timed(seconds, "train, embed and compare"):
        results, compared = _compare(learn, measure, unseen, output, seed, epochs)
    for method in compared:
        for line in method.notes[:3]:
            note(f"{method.name}: {line}")

    step(3, "What they are worth, on people none of them has seen")
    with timed(seconds, "evaluate"):
        summaries = {name: summary.summarise(result, seed=seed) for name, result in results.items()}
    if not as_json:
        print_summary(summaries)

    step(4, "A gallery, and two questions")
    with timed(seconds, "enroll, verify, identify"):
        embedder = Embedder.load(output / "arcface")
        answers = _ask(embedder, seen, unseen, output)
    if not as_json:
        for line in answers["lines"]:
            typer.echo(f"   {line}")

    step(5, "The report")
    with timed(seconds, "report"):
        report = _write_report(results, compared, embedder, unseen, answers, output, seed)
        metrics = summary.metrics_json(results, seed=seed)
        metrics["answers"] = {key: value for key, value in answers.items() if key != "lines"}
        write_atomically(output / "metrics.json", (json.dumps(plain(metrics), indent=2) + "\n").encode())
    times = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    console.print(
        f"   {times}; {sum(seconds.values()):.0f} s in all\n   [green]open {escape(str(report))}[/green]",
        soft_wrap=True,
    )
    model, gallery = (shlex.quote(str(output / name)) for name in ("arcface", "people.gallery"))
    console.print(
        "\nNow yours:  lookalike train YOUR_PHOTOS/ --output model/\n"
        f"      or:  lookalike identify CROP.jpg --model {escape(model)} --gallery {escape(gallery)}",
        soft_wrap=True,
    )
    if as_json:
        print_json(metrics | {"report": report, "seconds": seconds})


def _compare(
    learn: PictureSet, measure: PictureSet, unseen: PictureSet, output: Path, seed: int, epochs: int | None
) -> tuple[dict[str, MethodResult], list[Method]]:
    """Run all methods under one progress bar; measure the trained ones' thresholds on the people kept for that."""
    from lookalike.cli.terminal import progress_bar
    from lookalike.embedder import Embedder
    from lookalike.evaluation.calibration import thresholds
    from lookalike.evaluation.identification.enrolment_trials import identify_trials
    from lookalike.evaluation.report.summary import MethodResult
    from lookalike.evaluation.verification.all_pairs import verify_all_pairs
    from lookalike.faces.comparison import METHODS, compare_methods
    from lookalike.progress import Progress

    compared: list[Method] = []
    results: dict[str, MethodResult] = {}
    with progress_bar() as bars:
        tasks = {name: bars.add_task(name, total=None, start=False, extra="waiting") for name in METHODS}

        def show(name: str, p: Progress) -> None:
            bars.start_task(tasks[name])
            bars.update(tasks[name], completed=p.done, total=p.total, extra=p.detail or p.stage)

        for method in compare_methods(learn, unseen, output, seed, epochs=epochs, progress=show):
            compared.append(method)
            threshold = None
            if method.folder is not None:
                embedder = Embedder.load(method.folder)
                measured = verify_all_pairs(embedder.embed(measure.paths), measure.identities, embedder.metric)
                calibration = thresholds.calibrate(
                    measured,
                    fingerprint=embedder.fingerprint,
                    metric=embedder.metric,
                    source=f"{len(measure.names)} ORL people that it never saw",
                    seed=seed,
                )
                calibration.save(method.folder / "calibration.json")
                threshold = calibration.threshold()
            elif method.name.startswith("dlib"):
                documented = Embedder.load("dlib").documented_threshold
                threshold = documented.distance if documented else None
            results[method.name] = MethodResult(
                verify_all_pairs(None, unseen.identities, distances=method.distances),
                identify_trials(None, unseen.identities, distances=method.distances, threshold=threshold, seed=seed),
                threshold=threshold,
            )
            eer = results[method.name].verification.eer
            bars.start_task(tasks[method.name])
            total = bars.tasks[tasks[method.name]].total or 1
            bars.update(tasks[method.name], total=total, completed=total, extra=f"EER {eer:.3f}")
    return results, compared


def _ask(embedder: Embedder, seen: PictureSet, unseen: PictureSet, output: Path) -> dict[str, Any]:
    """Index and enroll the seen people, verify two pictures, identify a known and an unknown person."""
    import shutil

    from lookalike.gallery import open_gallery
    from lookalike.index import build_index
    from lookalike.recognizer import Recognizer

    # Half of every seen person's pictures are enrolled; the others can be asked about.
    enrolled = seen.select([i for i in range(len(seen)) if i % 2 == 0])
    asked = seen.select([i for i in range(len(seen)) if i % 2 == 1])
    vectors = embedder.embed(enrolled.paths)
    index = build_index(vectors, "hnsw", metric=embedder.metric, fingerprint=embedder.fingerprint)
    shutil.rmtree(output / "people.index", ignore_errors=True)
    index.save(output / "people.index")

    shutil.rmtree(output / "people.gallery", ignore_errors=True)
    with open_gallery(output / "people.gallery") as gallery:
        recognizer = Recognizer(embedder, gallery)
        for name, mine in enrolled.groups():
            gallery.enroll(name, vectors[mine], [str(enrolled.paths[i]) for i in mine])
        people = len(gallery)
        a, b = unseen.paths[0], unseen.paths[1]
        same, other = recognizer.verify(a, b), recognizer.verify(a, unseen.of(unseen.names[1:2]).paths[0])
        known, stranger = recognizer.identify(asked.paths[0]), recognizer.identify(a)

    def identified(who: str, answer: Any) -> str:
        sign = "<=" if answer.distance <= answer.threshold else ">"
        said = answer.identity or ("ambiguous" if answer.decision == "ambiguous" else "nobody")
        return (
            f"identify {who}: {said} "
            f"(distance {answer.distance:.3f} {sign} threshold {answer.threshold:.3f}, "
            f"nearest {answer.candidates[0].identity})"
        )

    def verified(who: str, answer: Any) -> str:
        verdict, sign = ("same person", "<=") if answer.match else ("different people", ">")
        return f"verify {who}: {verdict} (distance {answer.distance:.3f} {sign} threshold {answer.threshold:.3f})"

    first, second = unseen.names[0], unseen.names[1]
    return {
        "gallery": str(output / "people.gallery"),
        "index": str(output / "people.index"),
        "people": people,
        "templates": len(index),
        "verify_same": same,
        "verify_different": other,
        "identify_known": {"truth": asked.identities[0], "answer": known},
        "identify_stranger": {"truth": None, "answer": stranger},
        "pictures": {"known": str(asked.paths[0]), "stranger": str(a)},
        "lines": [
            f"an HNSW index of {len(index)} vectors, and a gallery of {people} people",
            verified(f"two pictures of {first} (unseen)", same),
            verified(f"{first} and {second} (unseen)", other),
            identified(f"another picture of {asked.identities[0]} (enrolled)", known),
            identified(f"a picture of {first} (a stranger)", stranger),
            f"threshold: {recognizer.threshold.source}",
        ],
    }


def _write_report(
    results: dict[str, MethodResult],
    compared: list[Method],
    embedder: Embedder,
    unseen: PictureSet,
    answers: dict[str, Any],
    output: Path,
    seed: int,
) -> Path:
    from lookalike.evaluation.report.compared_methods import ComparedMethods
    from lookalike.evaluation.report.comparison_report import comparison_report
    from lookalike.evaluation.report.page import PicturePair, PicturePairs, Section, write_report
    from lookalike.faces.comparison import RECIPE, untrained_embeddings
    from lookalike.faces.recipe import face_recipe
    from lookalike.images import read_picture

    arcface = next(method for method in compared if method.name == "ArcFace")
    before = untrained_embeddings(face_recipe(RECIPE, "arcface", seed=seed), unseen)
    known, stranger = answers["identify_known"], answers["identify_stranger"]
    asked = []
    for question, picture in ((known, answers["pictures"]["known"]), (stranger, answers["pictures"]["stranger"])):
        answer, nearest = question["answer"], question["answer"].candidates[0]
        said = answer.identity or ("ambiguous" if answer.decision == "ambiguous" else "nobody")
        asked.append(
            PicturePair(
                read_picture(picture),
                read_picture(_source(output, nearest.template_id)),
                f"asked: {question['truth'] or 'a stranger'}",
                f"nearest: {nearest.identity}",
                f"answer: {said} (distance {answer.distance:.3f}, threshold {answer.threshold:.3f})",
                good=answer.identity == question["truth"],
            )
        )
    section = Section(
        "Asking the gallery",
        (
            f"{answers['people']} people are enrolled with {answers['templates']} pictures. One question is about a "
            "picture of somebody enrolled, the other about somebody who is not.",
        ),
        (PicturePairs(tuple(asked)),),
    )
    report = comparison_report(
        ComparedMethods(results, featured="ArcFace", seed=seed),
        title="Lookalike on faces it has never seen",
        lead=f"Three small networks learned from 24 people of the ORL faces; 6 more set the threshold. Here they are "
        f"compared with classics and with a pretrained network on 10 people that none of them has seen (seed {seed}).",
        thumbnails=[read_picture(path) for path in unseen.paths],
        maps={"Before training": before, "After training with ArcFace": arcface.embeddings},
        calibration=embedder.calibration,
        sections=(section,),
        footer="Faces: ORL database, AT&T Laboratories Cambridge.",
    )
    write_report(output / "report.html", report)
    return output / "report.html"


def _source(output: Path, template_id: int) -> str:
    from lookalike.gallery import open_gallery

    with open_gallery(output / "people.gallery", create=False) as gallery:
        return next(template.source for template in gallery.templates() if template.id == template_id)
