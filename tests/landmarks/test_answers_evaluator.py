"""Answers are shown with the photos that decided them; photos that are gone are counted."""

import shutil
from dataclasses import replace

from lookalike.evaluation.report.page import Report, render
from lookalike.landmarks.answers_evaluator import answers_by_outcome
from lookalike.landmarks.measurement import measure_answers


def page(*arguments):
    return render(Report("t", sections=(answers_by_outcome(*arguments),)))


def test_every_picture_is_shown_where_there_are_few(recognizer, asked, town):
    paths, truth = asked
    shown = page(measure_answers(recognizer.identify_many(paths), truth), paths, {"church": town.FACTS["church"].name})
    assert "Église Saint-Jean" in shown
    # There are fewer than it shows of an outcome.
    assert all(path.name in shown for path in paths)


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
    shown = page(measure_answers(moved, truth), paths, {})
    gone = sum(one.source.endswith("gone.png") for answer in moved for one in answer.photos)
    assert f"{gone} of the enrolled photos are no longer where they were" in shown
    assert "asked 0.png" not in shown
    assert "asked 1.png" in shown
