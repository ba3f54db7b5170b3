"""The table of an evaluation shows the numbers of its summaries."""

import numpy as np
import pytest

from lookalike.cli.tables import print_summary
from lookalike.evaluation.identification.enrolment_trials import identify_trials
from lookalike.evaluation.report.summary import MethodResult, summarise
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs


@pytest.fixture
def measured():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 4)
    vectors = rng.normal(size=(6, 8))[labels] + 0.5 * rng.normal(size=(24, 8))
    return vectors, labels


def test_a_row_a_method(capsys, measured, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    vectors, labels = measured
    full = MethodResult(
        verify_all_pairs(vectors, labels), identify_trials(vectors, labels, trials=3, threshold=0.3), threshold=0.3
    )
    bare = MethodResult(verify_all_pairs(vectors, labels))
    summaries = {"[bold]net": summarise(full), "plain": summarise(bare)}
    print_summary(summaries)
    out = capsys.readouterr().out
    assert "24 pictures of 6 people: 36 genuine pairs, 240 impostor pairs" in out
    rows = out.split("[bold]net")[1].split("plain")
    s = summaries["[bold]net"]
    at = s.at_threshold
    for text in (
        f"{s.eer:.3f}",
        f"{s.eer_interval.low:.3f}–{s.eer_interval.high:.3f}",
        f"{s.auc:.3f}",
        f"{s.rank_1.mean:.3f}",
        f"± {s.rank_1.std:.3f}",
        f"{1 - at.false_alarms / at.non_mated:.3f}",
        f"{at.right / at.mated:.3f}",
    ):
        assert text in rows[0]
    assert rows[1].split("95%")[0].count("– ") == 3  # neither identified nor asked at a threshold
    assert "* open set" in out


def test_nothing_is_cut_off_in_a_terminal_of_eighty_columns(capsys, measured, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    vectors, labels = measured
    result = MethodResult(
        verify_all_pairs(vectors, labels), identify_trials(vectors, labels, trials=3, threshold=0.3), threshold=0.3
    )
    print_summary({"eigenfaces, Mahalanobis": summarise(result)})
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_scores_alone_have_no_intervals(capsys):
    print_summary({"scores": summarise(MethodResult(from_scores([0.1, 0.4, 0.3, 0.9], [True, True, False, False])))})
    out = capsys.readouterr().out
    assert "0.750" in out
    assert "* open set" not in out
