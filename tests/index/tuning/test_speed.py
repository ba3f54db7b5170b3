"""Times of searches: what is measured, and that measuring changes nothing."""

import numpy as np
import pytest

from lookalike.index import Hits, build_index
from lookalike.index.tuning.speed import interleaved_seconds, seconds


class Recorder:
    """An engine that notes what it is asked."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 10

    def search(self, queries, k, **settings):
        self.asked.append((len(queries), settings))
        return Hits(np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32))


def test_engines_take_turns_under_their_settings():
    engine = Recorder()
    taken = interleaved_seconds([(engine, {"ef": 1}), (engine, {"ef": 2})], np.zeros((30, 4), "f"), 3, rounds=2)
    assert len(taken) == 2
    assert min(taken) > 0
    turns = [settings["ef"] for number, (_, settings) in enumerate(engine.asked[40:]) if number % 30 == 0]
    assert turns == [1, 2, 1, 2]  # after twenty of each that warm up
    assert {count for count, _ in engine.asked} == {1}


def test_a_batch_is_one_search():
    engine = Recorder()
    interleaved_seconds([(engine, {})], np.zeros((30, 4), "f"), 3, batch=True, rounds=2)
    assert [count for count, _ in engine.asked] == [30, 30, 30]


def test_an_index_keeps_its_settings_even_where_a_search_fails():
    index = build_index(np.random.default_rng(0).normal(size=(2000, 8)), "ivf", "euclidean", nlist=10)
    before = index.spec.search
    assert seconds(index, np.zeros((25, 8), "f"), 3, {"nprobe": 7}) > 0
    assert index.spec.search == before
    with pytest.raises(ValueError, match="dimensions"):
        seconds(index, np.zeros((25, 9), "f"), 3, {"nprobe": 7})
    assert index.spec.search == before
