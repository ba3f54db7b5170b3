"""Rank 1 among distractors: those that are given, or people of the set itself."""

import numpy as np

from lookalike.evaluation.identification.distractors import rank_among_distractors
from lookalike.evaluation.identification.distractors_evaluator import AmongDistractors, distractor_section


def test_the_section(sixty_people, rows_of):
    vectors, labels = sixty_people
    ranks = rank_among_distractors(vectors[:80], labels[:80], vectors[80:], "euclidean", sizes=[10, 160])
    section = distractor_section({"m": ranks}, {}, "others")
    assert rows_of(section)["160"][0] == f"{100 * ranks.rank_k(1)[1]:.1f}%"
    assert "240 searches" in section.prose[0]
    two = distractor_section({"m": ranks, "other": ranks}, {}, "others")
    assert "other, 160" in rows_of(two)


def test_half_of_the_people_are_searched_among_the_others(context_of, sixty_people):
    metrics = AmongDistractors().measure(context_of(*sixty_people)).metrics["distractors"]
    assert metrics["of"] == "the pictures of the other 30 identities"
    assert metrics["searches"] == 30 * 4 * 3
    assert [row["distractors"] for row in metrics["curve"]] == [10, 100, 120]


def test_too_few_people_are_no_distractors(context_of, sixty_people):
    vectors, labels = sixty_people
    assert AmongDistractors().measure(context_of(vectors[:16], labels[:16])) is None


def test_vectors_of_a_file_are_searched_among(context_of, sixty_people, tmp_path):
    vectors, labels = sixty_people
    np.save(tmp_path / "others.npy", vectors[200:].astype(np.float32))
    context = context_of(vectors[:80], labels[:80], distractors=tmp_path / "others.npy")
    metrics = AmongDistractors().measure(context).metrics["distractors"]
    assert [row["distractors"] for row in metrics["curve"]] == [10, 40]
    expected = rank_among_distractors(
        vectors[:80].astype(np.float32), labels[:80], vectors[200:].astype(np.float32), "euclidean"
    )
    assert [row["rank_1"] for row in metrics["curve"]] == expected.rank_k(1).tolist()
