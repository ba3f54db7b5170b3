"""A single query is prepared as many are, in memory of its thread's own."""

import threading

import numpy as np
import pytest

from lookalike.index.core.metric_space import MetricSpace


@pytest.mark.parametrize("dimension", [1, 7, 128])
def test_one_query_is_prepared_as_in_a_batch(dimension):
    space = MetricSpace("cosine", dimension)
    queries = np.random.default_rng(0).normal(size=(20, dimension)).astype(np.float32) * 3
    batch = space.queries(queries)
    for query, expected in zip(queries, batch, strict=True):
        given = query[None].copy()
        one = space.queries(given)
        np.testing.assert_allclose(one[0], expected, rtol=1e-6)
        assert one.ctypes.data % 64 == 0
        assert (given == query).all(), "the caller's query is not written to"


def test_threads_do_not_write_into_each_others_query():
    space = MetricSpace("cosine", 8)
    mine = space.queries(np.eye(8, dtype=np.float32)[:1])
    before = mine.copy()
    other = threading.Thread(target=space.queries, args=(np.ones((1, 8), np.float32),))
    other.start()
    other.join()
    assert (mine == before).all()
