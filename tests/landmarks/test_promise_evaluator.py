"""The promise of a gallery of places beside what was measured of it."""

from lookalike.landmarks.measurement import measure_answers
from lookalike.landmarks.promise_evaluator import places_promise_section


def test_the_promise_and_what_became_of_it(recognizer, asked):
    paths, truth = asked
    measured = measure_answers(recognizer.identify_many(paths), truth)
    section = places_promise_section(measured, recognizer.atlas.rejection.promised)
    assert section.prose[0] == f"The promise: {recognizer.atlas.rejection.promised.source}."
    caption = section.blocks[0].items[0].caption
    assert caption.startswith(f"{measured.counts['falsely accepted']} of 3 pictures without a landmark were accepted")


def test_without_non_landmarks_it_promises_nothing(recognizer, asked):
    paths, truth = asked
    measured = measure_answers(recognizer.identify_many(paths[:6]), truth[:6])
    section = places_promise_section(measured, recognizer.atlas.rejection.promised)
    assert "nothing is said of whether it is kept" in section.prose[-1]
