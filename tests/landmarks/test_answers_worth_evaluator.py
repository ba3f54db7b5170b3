"""What the answers of one gallery are worth: measured, told and shown alike."""

from lookalike.datasets.place_questions import PlaceQuestions
from lookalike.evaluation.report.page import Report, render
from lookalike.landmarks.answers_worth_evaluator import AnswersWorth, answers_worth_section, facts_of
from lookalike.landmarks.evaluation_context import PlacesContext
from lookalike.landmarks.measurement import measure_answers
from lookalike.landmarks.photo_retrieval import retrieve_photos
from lookalike.progress import Reporter


def context_of(recognizer, paths, truth, **keywords):
    questions = PlaceQuestions(tuple(paths), tuple((place,) if place else () for place in truth))
    vectors = recognizer.embedder.embed(paths)
    answers = tuple(recognizer.identify_many(paths))
    return PlacesContext(
        recognizer.atlas, "cosine", vectors, questions, recognizer.odds, answers, Reporter(), **keywords
    )


def test_it_says_what_was_measured(recognizer, asked):
    paths, truth = asked
    context = context_of(recognizer, paths, truth, remarks=("Two are odd.",))
    found = AnswersWorth().measure(context)
    measured = measure_answers(context.answers, truth)
    retrieval = retrieve_photos(recognizer.atlas, "cosine", context.vectors, context.questions.truth)
    assert found.metrics == {
        "enrolled_themselves": 0,
        "recognition": measured.measures.to_json(),
        "outcomes": measured.counts,
        "retrieval": retrieval.to_json(),
    }
    m = measured.measures
    page = render(Report("t", facts=facts_of(measured, context.promised), sections=(found.section,)))
    for words in (
        f"{m.gap:.3f}", f"{100 * m.top_1:.1f}%", "promised: at most 2%", "Two are odd.",
        f"{retrieval.mean_average_precision:.3f}", "mAP@100",
    ):  # fmt: skip
        assert words in page


def test_photos_that_are_enrolled_themselves_are_told(recognizer, town_photos):
    paths, places = town_photos
    context = context_of(recognizer, paths[:2], places[:2])
    found = AnswersWorth().measure(context)
    assert found.metrics["enrolled_themselves"] == 2
    (remark,) = context.report.remarks
    assert remark.startswith(f"2 of 2 pictures are enrolled themselves, such as {paths[0]}")
    assert found.section.prose == (remark,)


def test_without_non_landmarks_there_is_no_false_positive_rate(recognizer, asked):
    paths, truth = asked
    measured = measure_answers(recognizer.identify_many(paths[:6]), truth[:6])
    promised = recognizer.atlas.rejection.promised
    assert "promised" not in " ".join(fact.note for fact in facts_of(measured, promised))
    rows = [row[0].text for row in answers_worth_section(measured, promised, None).blocks[0].cells]
    assert rows == ["GAP (µAP)", "top-1", "right answers"]
