"""What `evaluate` does with landmarks: questions through the gallery, and submissions against their solution."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from lookalike.answers import Identified
    from lookalike.datasets.place_questions import PlaceQuestions
    from lookalike.decisions.promise import PromisedRate
    from lookalike.embedder import Embedder
    from lookalike.evaluation.retrieval.landmark_metrics import LandmarkMeasures, RetrievalMeasures
    from lookalike.evaluation.statistics.bootstrap import Interval
    from lookalike.evaluation.statistics.rate import Rate
    from lookalike.landmark_recognizer import LandmarkRecognizer

__all__ = ["evaluate_places", "score_submission"]

#: Photos answered between two steps of the bar.
STEP = 64


def evaluate_places(
    data: str,
    embedder: Embedder,
    gallery: str,
    output: Path,
    *,
    non_landmarks: Path | None,
    rerank: bool,
    seed: int,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Ask a landmark gallery about every photo of a data set; write report.html and metrics.json."""
    from lookalike.atomic_files import write_atomically
    from lookalike.cli.measuring import embed_set
    from lookalike.cli.terminal import console, escape, note, plain, print_json
    from lookalike.datasets.place_questions import read_questions
    from lookalike.evaluation.report.page import write_report
    from lookalike.gallery import open_gallery
    from lookalike.landmark_recognizer import LandmarkRecognizer
    from lookalike.landmarks.evaluation_report import evaluation_report
    from lookalike.landmarks.measurement import measure_answers
    from lookalike.landmarks.photo_retrieval import already_enrolled, retrieve_photos
    from lookalike.workflows.output_folder import output_folder

    with output_folder(output):
        pass  # one that cannot be made is refused before the work
    asked = read_questions(data, non_landmarks)
    with open_gallery(gallery, create=False) as opened:
        recognizer = LandmarkRecognizer(embedder, opened)
        atlas = recognizer.atlas  # one that is missing or damaged is refused before the work
        remarks = [*asked.notes, *_unknown_places(asked, atlas.places, gallery)]
        vectors, kept = embed_set(embedder, asked.pictures, skip_bad)
        asked = asked.of(kept.paths)
        answers = _answers(recognizer, vectors, rerank)
        copies = already_enrolled(atlas, embedder.metric, vectors)
        retrieval = retrieve_photos(atlas, embedder.metric, vectors, asked.truth, seed=seed)
        promised, places = atlas.rejection.promised, len(atlas.places)
        names = {place: atlas.place(place).name for place in atlas.places}
    if copies.any():
        remarks.append(
            f"{copies.sum()} of {len(asked)} pictures are enrolled themselves, such as "
            f"{asked.paths[int(copies.argmax())]}: the figures are too good; ask about others"
        )
    for line in remarks[len(asked.notes) :]:
        note(line)
    truth = [_truth(answer, shown) for answer, shown in zip(answers, asked.truth, strict=True)]
    measured = measure_answers(answers, truth, seed=seed)
    metrics = plain(
        {
            "format_version": 1,
            "data": data,
            "model": embedder.name,
            "fingerprint": embedder.fingerprint,
            "gallery": gallery,
            "places": places,
            "enrolled_themselves": int(copies.sum()),
            "recognition": measured.measures.to_json(),
            "outcomes": measured.counts,
            "promise": vars(promised),
            "retrieval": None if retrieval is None else retrieval.to_json(),
        }
    )
    report = evaluation_report(
        measured,
        promised,
        asked.paths,
        title=f"{embedder.name} on {data}",
        lead=f"{len(asked)} pictures asked of {gallery}, which knows {places} places, embedded by {embedder.name} "
        f"({embedder.dimension} dimensions, {embedder.metric} distance, fingerprint {embedder.fingerprint}).",
        retrieval=retrieval,
        names=names,
        remarks=remarks,
    )
    with output_folder(output):
        write_report(output / "report.html", report)
        write_atomically(output / "metrics.json", (json.dumps(metrics, indent=2) + "\n").encode())
    if as_json:
        print_json(metrics | {"report": output / "report.html"})
        return
    _print_recognition(measured.measures, promised, retrieval)
    console.print(f"[green]wrote[/green] {escape(str(output / 'report.html'))}", soft_wrap=True)


def score_submission(data: str, submission: Path, *, seed: int, as_json: bool) -> None:
    """Score a submission of Google Landmarks v2 against a solution, or a folder that holds one; no model is needed."""
    from lookalike.cli.terminal import print_json
    from lookalike.datasets import GoogleLandmarks
    from lookalike.datasets.coordinates import header
    from lookalike.datasets.place_questions import RECOGNITION_SOLUTIONS, RETRIEVAL_SOLUTIONS
    from lookalike.errors import DatasetError
    from lookalike.evaluation.retrieval.landmark_submissions import (
        recognition_from_submission,
        retrieval_from_submission,
    )

    columns = set(header(submission))
    kinds = {"landmarks": RECOGNITION_SOLUTIONS, "images": RETRIEVAL_SOLUTIONS}
    kind = next((name for name in kinds if name in columns), None)
    if kind is None or "id" not in columns:
        raise DatasetError(
            f"{submission} has the columns {sorted(columns)}; expected id,landmarks (recognition) or id,images "
            "(retrieval)"
        )
    source = Path(data)
    solution = GoogleLandmarks(source).csv(*kinds[kind]) if source.is_dir() else source
    if kind == "landmarks":
        recognition = recognition_from_submission(solution, submission, seed=seed)
        found = {"recognition": recognition.to_json()}
        if not as_json:
            _print_recognition(recognition)
    else:
        retrieval = retrieval_from_submission(solution, submission, seed=seed)
        found = {"retrieval": retrieval.to_json()}
        if not as_json:
            _print_rows(f"{retrieval.queries:,} photos of {retrieval.places:,} places", [_retrieval_row(retrieval)])
    if as_json:
        print_json({"submission": submission, "solution": solution} | found)


def _unknown_places(asked: PlaceQuestions, enrolled: Sequence[str], gallery: str) -> list[str]:
    """A remark on places that the gallery does not know; where it knows none of them, that is an error."""
    from lookalike.errors import InputError

    shown, known = {place for places in asked.truth for place in places}, set(enrolled)
    unknown = sorted(shown - known)
    if not unknown:
        return []
    if not shown & known:
        raise InputError(
            f"{gallery} knows none of the {len(shown)} places asked about, such as {unknown[0]!r}; it knows "
            f"{enrolled[0]!r}: check that both name places alike"
            if enrolled
            else f"{gallery} holds no place; enroll some first"
        )
    return [
        f"{len(unknown)} of {len(shown)} places are not in {gallery}, such as {unknown[0]!r}; their photos cannot be "
        "answered rightly, and count as missed"
    ]


def _answers(recognizer: LandmarkRecognizer, vectors: npt.NDArray[np.float32], rerank: bool) -> list[Identified]:
    from lookalike.cli.terminal import bar

    answers: list[Identified] = []
    with bar("Identifying", len(vectors)) as done:
        for start in range(0, len(vectors), STEP):
            part = vectors[start : start + STEP]
            answers += recognizer.identify_vectors(part, rerank=rerank)
            done(len(part))
    return answers


def _truth(answer: Identified, shown: Sequence[str]) -> str | None:
    """The place that a photo shows; of several, the one that was guessed, for each of them is right."""
    if not shown:
        return None
    guess = None if answer.best is None else answer.best.place
    return guess if guess in shown else shown[0]


def _print_recognition(
    found: LandmarkMeasures, promised: PromisedRate | None = None, retrieval: RetrievalMeasures | None = None
) -> None:
    rows = [
        ("GAP", f"{found.gap:.3f}", _between(found.gap_interval), "all pictures, by confidence"),
        ("top-1", f"{found.top_1:.3f}", _between(found.top_1_interval), "the best guess, however unsure"),
    ]
    if promised is not None:  # a submission does not say which of its predictions are answers
        rows.append(
            ("right answers", f"{found.right_answers:.3f}", _between(found.right_answers_interval), "right, and given")
        )
        if found.false_positives is not None:
            told = f"promised: at most {promised.promise:g}"
            rows.append(
                ("false positives", f"{found.false_positives.value:.3f}", _between(found.false_positives), told)
            )
    if retrieval is not None:
        rows.append(_retrieval_row(retrieval))
    title = (
        f"{found.landmarks:,} photos of {found.places:,} places, {found.non_landmarks:,} pictures that show none: "
        f"{found.predicted:,} guesses"
    )
    _print_rows(title, rows)


def _retrieval_row(found: RetrievalMeasures) -> tuple[str, str, str, str]:
    told = f"{found.queries:,} photos, among those to be found"
    return f"mAP@{found.k}", f"{found.mean_average_precision:.3f}", _between(found.interval), told


def _print_rows(title: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from lookalike.cli.terminal import print_table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("Measure", "Value", "95% interval", "Of"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    print_table(table)


def _between(interval: Interval | Rate | None) -> str:
    return "" if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"
