"""Pictures against sets of templates, beside loops over them."""

import numpy as np
import pytest

from lookalike.decisions.scoring_rule import SCORINGS
from lookalike.decisions.template_scoring import scored
from lookalike.errors import InputError
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.evaluation.verification.template_sets import cut_sets, equal_sets, verify_sets

LABELS = np.array([0, 1, 0, 2, 1, 0, 0, 1, 3, 0])


@pytest.fixture
def vectors():
    return np.random.default_rng(1).normal(size=(len(LABELS), 5))


def test_sets_are_of_one_identity_and_no_picture_is_in_two():
    pictures, owners = cut_sets(LABELS, 2, seed=3)
    assert owners.tolist() == [0, 0, 1]
    assert np.array_equal(LABELS[pictures], np.repeat(owners[:, None], 2, axis=1))
    assert len(np.unique(pictures)) == pictures.size
    assert not np.array_equal(pictures, cut_sets(LABELS, 2, seed=4)[0])


@pytest.mark.parametrize("rule", SCORINGS)
def test_every_picture_is_compared_with_every_set_it_is_not_in(vectors, rule):
    pictures, owners = cut_sets(LABELS, 2)
    found = verify_sets(vectors, LABELS, "cosine", rule, 2)
    genuine, impostor = {}, {}
    for probe in range(len(vectors)):
        for number, members in enumerate(pictures):
            if probe not in members:
                side = genuine if LABELS[probe] == owners[number] else impostor
                side[probe, len(vectors) + number] = scored(vectors[probe], vectors[members], None, "cosine", rule)
    for wanted, distances, pairs in (
        (genuine, found.result.genuine, found.result.genuine_pairs),
        (impostor, found.result.impostor, found.result.impostor_pairs),
    ):
        assert len(distances) == len(wanted)
        for distance, pair in zip(distances, pairs.tolist(), strict=True):
            assert distance == pytest.approx(wanted[tuple(pair)])
    assert (found.pictures, found.rule, found.size) == (10, rule, 2)


def test_sets_of_one_are_all_pairs_twice(vectors):
    pairs = verify_all_pairs(vectors, LABELS, "euclidean")
    for rule in SCORINGS:
        found = verify_sets(vectors, LABELS, "euclidean", rule, 1).result
        assert found.genuine == pytest.approx(np.repeat(pairs.genuine, 2), abs=1e-9)
        assert found.impostor == pytest.approx(np.repeat(pairs.impostor, 2), abs=1e-9)


def test_pictures_of_a_set_have_equal_weights(vectors):
    sets = equal_sets(vectors, np.array([[0, 2], [1, 4]]))
    assert sets.distances(vectors[:1], "euclidean", "mean")[0, 1] == pytest.approx(
        np.linalg.norm(vectors[0] - vectors[[1, 4]].mean(axis=0))
    )


def test_nobody_with_more_pictures_than_a_set(vectors):
    with pytest.raises(InputError, match="sets of 5 templates were asked for, and no identity has more"):
        verify_sets(vectors, LABELS, "cosine", "mean", 5)
