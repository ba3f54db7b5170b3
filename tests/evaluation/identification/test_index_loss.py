"""Identifications lost through an index, against counting them one by one."""

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.evaluation.identification.index_loss import LossOptions, measure_index_loss
from lookalike.index import empty_index
from lookalike.index.generated_vectors import generated_vectors


def test_exact_loses_nothing_and_counts_as_by_hand():
    vectors = np.array([[0.0], [0.1], [5], [5.2], [0.05], [9]], "f")
    labels = ["a", "a", "b", "b", "c", "d"]
    loss = measure_index_loss(vectors, labels, "exact", "euclidean", LossOptions(seed=1))
    assert (loss.gallery, loss.probes, loss.lost, loss.gained, loss.recall1) == (4, 2, 0, 0, 1.0)
    # c lies between the two pictures of a, so a's probe is taken for c; b's finds b.
    assert loss.exact_rank1.value == loss.index_rank1.value == 0.5


def test_a_careless_index_loses_some_and_a_careful_one_few():
    vectors, labels = generated_vectors(4000, 64, per_identity=2)
    careless = measure_index_loss(vectors, labels, "ivf", nlist=200, nprobe=1)
    careful = measure_index_loss(vectors, labels, "ivf", nlist=200, nprobe=100)
    assert careless.exact_rank1 == careful.exact_rank1
    assert careless.probes == 2000
    assert careless.lost > 20
    assert careful.lost <= 3 < careless.lost
    assert careless.recall1 < careful.recall1
    assert careless.index_rank1.value == pytest.approx(
        careless.exact_rank1.value + (careless.gained - careless.lost) / 2000
    )
    assert careless.index_rank1.low < careless.index_rank1.value < careless.index_rank1.high


def test_strangers_beside_the_enrolled_and_a_threshold():
    vectors, labels = generated_vectors(300, 32, per_identity=3)
    strangers, _ = generated_vectors(2000, 32, per_identity=1, seed=5)
    alone = measure_index_loss(vectors, labels, "exact")
    crowded = measure_index_loss(vectors, labels, "exact", options=LossOptions(distractors=strangers))
    assert (alone.gallery, crowded.gallery) == (200, 2200)
    assert crowded.exact_rank1.value <= alone.exact_rank1.value
    strict = measure_index_loss(vectors, labels, "exact", options=LossOptions(threshold=0.0))
    assert strict.exact_rank1.value == 0


def test_an_index_of_the_callers_is_filled():
    vectors, labels = generated_vectors(300, 32, per_identity=3)
    index = empty_index(32, "hnsw", "cosine", M=8)
    events = []
    loss = measure_index_loss(vectors, labels, index, progress=events.append)
    assert [(event.stage, event.done, event.total) for event in events] == [
        ("Exact search of 100 probes among 200 vectors", 0, 100),
        ("Exact search of 100 probes among 200 vectors", 100, 100),
        ("Building hnsw", 0, 1),
        ("Building hnsw", 1, 1),
        ("Searching the index", 0, 100),
        ("Searching the index", 100, 100),
    ]
    assert loss.kind == "hnsw"
    assert len(index) == 200


def test_nobody_with_two_vectors_is_refused():
    with pytest.raises(InputError, match="every identity has one vector"):
        measure_index_loss(np.eye(3), [1, 2, 3], "exact")
