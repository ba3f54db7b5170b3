"""The thresholds of an evaluation, from all pairs of a small set or of a large one."""

import pytest

from lookalike.decisions.promise import Promise
from lookalike.evaluation import sample as sampling
from lookalike.evaluation.calibration.thresholds_evaluator import (
    Thresholds,
    answering_threshold,
    calibration,
    thresholds_section,
)


def test_every_point_is_a_row(sixty_calibration, rows_of):
    rows = rows_of(thresholds_section(sixty_calibration))
    assert list(rows) == [f"1 in {1 / point.target_fmr:,.0f}" for point in sixty_calibration.points]
    point = sixty_calibration.points[0]
    assert rows["1 in 10"][0] == f"{point.threshold:.4g}"
    assert rows["1 in 10"][2] == f"{100 * point.fnmr:.1f}%"


def test_they_are_those_of_all_pairs(context_of, sixty_people, sixty_calibration):
    context = context_of(*sixty_people, promise="fpir=0.001")
    found = calibration(context)
    assert found.points[0].threshold == pytest.approx(sixty_calibration.points[0].threshold)
    assert (found.source, found.fingerprint, found.metric) == ("60 identities of people", "f", "euclidean")
    assert found.promise == Promise("fpir", 0.001)
    assert answering_threshold(context) == found.threshold()
    assert answering_threshold(context_of(*sixty_people, threshold=2.5)) == 2.5
    assert Thresholds().measure(context).metrics == {}, "they are calibration.json"


def test_a_large_set_is_counted_whole(context_of, sixty_people, sixty_calibration, monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE", 100)
    found = calibration(context_of(*sixty_people))
    assert (found.identities, found.impostor_pairs) == (60, 28320)
    assert found.points[0].threshold == pytest.approx(sixty_calibration.points[0].threshold, rel=1e-3)
