"""Folds of a list of pairs, counted from 1. `tests/cli/test_evaluate.py` measures a list of pictures."""

import numpy as np

from lookalike.evaluation.verification.listed_pairs_evaluator import ListedPairs, folds_section
from lookalike.evaluation.verification.ten_folds import accuracy_over_folds


def test_folds_count_from_1(rows_of):
    rng = np.random.default_rng(0)
    genuine = rng.random(200) < 0.5
    found = accuracy_over_folds(rng.normal(size=200) + ~genuine, genuine, np.arange(200) % 10)
    section = folds_section(found, "200 pairs")
    assert list(rows_of(section)) == [str(fold) for fold in range(1, 11)]
    assert f"{found.mean:.4f} ± {found.standard_error:.4f}" in section.prose[0]


def test_without_a_list_nothing_is_measured(context_of, sixty_people):
    assert ListedPairs().measure(context_of(*sixty_people)) is None
