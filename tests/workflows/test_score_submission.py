"""A submission is scored by its columns, and nothing is printed. What refuses one: tests/cli/test_landmark_verbs.py."""

import pytest

from lookalike.datasets.landmark_solutions import Solution, write_recognition_submission, write_solution
from lookalike.workflows.score_submission import ScoreSubmissionOptions, score_submission

IDS = [f"{number:016x}" for number in range(3)]


def test_recognition(tmp_path, capsys):
    right = dict(zip(IDS, [("1",), (), ("2",)], strict=True))
    solution = tmp_path / "recognition_solution_v2.1.csv"
    write_solution(solution, Solution(right, dict.fromkeys(IDS, "Public")), "landmarks")
    write_recognition_submission(tmp_path / "s.csv", {IDS[0]: ("1", 0.9), IDS[1]: ("2", 0.6), IDS[2]: ("2", 0.3)})
    done = score_submission(ScoreSubmissionOptions(data=tmp_path, submission=tmp_path / "s.csv"))
    assert done.recognition.gap == pytest.approx((1 + 2 / 3) / 2)
    assert (done.solution, done.retrieval) == (solution, None)
    by_file = score_submission(ScoreSubmissionOptions(data=solution, submission=tmp_path / "s.csv"))
    assert by_file.recognition == done.recognition
    assert capsys.readouterr() == ("", "")
