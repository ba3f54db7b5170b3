"""The report of one gallery shows what was measured, and the photos that decided."""

import shutil
from dataclasses import replace

import pytest
from PIL import Image

from lookalike.evaluation.report.page import render
from lookalike.landmarks.evaluation_report import evaluation_report
from lookalike.landmarks.measurement import measure_answers
from lookalike.landmarks.photo_retrieval import retrieve_photos


@pytest.fixture
def asked(town, tmp_path):
    """Photos as files, and their places."""
    photos = [town.photo(place, 50 + n) for place in town.LOOKS for n in range(2)] + [
        town.other(900 + n) for n in range(3)
    ]
    paths = [tmp_path / f"asked {number}.png" for number in range(len(photos))]
    for path, photo in zip(paths, photos, strict=True):
        Image.fromarray(photo).save(path)
    return paths, [place for place in town.LOOKS for _ in range(2)] + [None] * 3


def test_it_says_what_was_measured(recognizer, asked, town):
    paths, truth = asked
    measured = measure_answers(recognizer.identify_many(paths), truth)
    promised = recognizer.atlas.rejection.promised
    vectors = recognizer.embedder.embed(paths)
    retrieval = retrieve_photos(recognizer.atlas, "cosine", vectors, [[place] if place else [] for place in truth])
    page = render(
        evaluation_report(
            measured, promised, paths, title="A <town>", lead="Nine pictures.", retrieval=retrieval,
            names={"church": town.FACTS["church"].name}, remarks=["Two are odd."],
        )
    )  # fmt: skip
    m = measured.measures
    for words in (
        "A &lt;town&gt;", f"{m.gap:.3f}", f"{100 * m.top_1:.1f}%", "promised: at most 2%", "Two are odd.",
        f"{retrieval.mean_average_precision:.3f}", "mAP@100", "Église Saint-Jean", "asked 0.png",
    ):  # fmt: skip
        assert words in page
    # Every picture that was asked about is shown, for there are fewer than it shows of an outcome.
    assert all(path.name in page for path in paths)


def test_photos_that_are_gone_are_left_out_and_counted(recognizer, asked, town_photos, tmp_path):
    paths, truth = asked
    answers = recognizer.identify_many(paths)
    kept = tmp_path / "kept.png"
    shutil.copy(town_photos[0][0], kept)
    moved = []
    for answer in answers:
        photos = tuple(replace(one, source=str(tmp_path / "gone.png")) for one in answer.photos)
        photos = (replace(photos[0], source=str(kept)), *photos[1:]) if answer is not answers[0] else photos
        moved.append(replace(answer, candidates=(replace(answer.best, photos=photos), *answer.candidates[1:])))
    promised = recognizer.atlas.rejection.promised
    page = render(evaluation_report(measure_answers(moved, truth), promised, paths, title="t", lead="l"))
    gone = sum(one.source.endswith("gone.png") for answer in moved for one in answer.photos)
    assert f"{gone} of the enrolled photos are no longer where they were" in page
    assert "asked 0.png" not in page
    assert "asked 1.png" in page


def test_without_non_landmarks_it_promises_nothing(recognizer, asked):
    paths, truth = asked
    measured = measure_answers(recognizer.identify_many(paths[:6]), truth[:6])
    report = evaluation_report(measured, recognizer.atlas.rejection.promised, paths[:6], title="t", lead="l")
    assert "nothing is said of whether it is kept" in render(report)
    assert "promised" not in " ".join(fact.note for fact in report.facts)
