"""The three protocols on a context are the functions that anybody may call."""

import numpy as np

from lookalike.evaluation.identification.enrolment_trials import identify_trials
from lookalike.evaluation.measured_method import compared, identification, retrieval, verification
from lookalike.evaluation.retrieval.ranking_metrics import self_retrieval


def test_they_measure_what_was_asked_for(context_of, sixty_people, sixty_result):
    vectors, labels = sixty_people
    context = context_of(vectors, labels, threshold=3.0, trials=3, enrolled=2, seed=5)
    assert np.isclose(verification(context).eer, sixty_result.eer)
    expected = identify_trials(
        vectors.astype(np.float32), labels, "euclidean", enrolled=2, trials=3, threshold=3.0, seed=5
    )
    assert identification(context).rank_1 == expected.rank_1
    assert identification(context).at_threshold == expected.at_threshold
    assert retrieval(context).map_at_r == self_retrieval(vectors.astype(np.float32), labels, "euclidean").map_at_r
    assert list(retrieval(context).recall) == [1, 5, 10]
    method = compared(context).featured_result
    assert (method.verification, method.identification) == (verification(context), identification(context))
    assert compared(context).seed == 5
    assert context.report.remarks == []


def test_people_with_one_picture_are_told_of_once(context_of):
    rng = np.random.default_rng(0)
    context = context_of(rng.normal(size=(4, 3)), [0, 0, 1, 2])
    verification(context), verification(context)
    assert context.report.remarks == ["2 identities have one picture, such as 'p01': impostors only"]
    assert identification(context) is None
    assert list(retrieval(context).recall) == [1]
