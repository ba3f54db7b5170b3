"""Random histories of add, remove, search, compact, save and load, against a dictionary."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lookalike.distances import pairwise
from lookalike.errors import VectorError
from lookalike.index import build_index, load_index

D = 3
# Few values, so that equal vectors and equal distances happen; never all zero, for cosine.
numbers = st.integers(-3, 3).map(float)
vector = st.tuples(numbers, numbers, st.sampled_from([1.0, 2.0]))
an_id = st.one_of(st.integers(0, 12), st.sampled_from([2**53 + 1, 2**62 + 1, -(2**63), -7]))


class IndexMachine(RuleBasedStateMachine):
    kind = "exact"

    @initialize(metric=st.sampled_from(["euclidean", "cosine", "inner_product"]), first=vector)
    def start(self, metric, first):
        self.folder = Path(tempfile.mkdtemp())
        self.metric = metric
        self.index = build_index([first], self.kind, metric, ids=[1])
        self.model = {1: first}

    @rule(items=st.dictionaries(an_id, vector, min_size=1, max_size=5))
    def add(self, items):
        if set(items) & set(self.model):
            with pytest.raises(VectorError, match="in the index already"):
                self.index.add(list(items.values()), ids=list(items))
        else:
            self.index.add(list(items.values()), ids=list(items))
            self.model.update(items)

    @rule(item=vector)
    def add_without_id(self, item):
        (new,) = self.index.add([item]).tolist()
        assert new not in self.model
        self.model[new] = item

    @rule(ids=st.lists(an_id, max_size=5))
    def remove(self, ids):
        assert self.index.remove(ids) == len(set(ids) & set(self.model))
        for i in ids:
            self.model.pop(i, None)

    @rule()
    def compact(self):
        self.index.compact()
        assert self.index.stats()["tombstones"] == 0

    @rule()
    def save_and_load(self):
        self.index.save(self.folder / "x.index")
        self.index = load_index(self.folder / "x.index")

    @rule(queries=st.lists(vector, min_size=1, max_size=25), k=st.integers(1, 20))
    def search(self, queries, k):
        hits = self.index.search(queries, k)
        found = min(k, len(self.model))
        assert (hits.ids[:, found:] == -1).all()
        assert np.isposinf(hits.distances[:, found:]).all()
        if not found:
            return
        ids = list(self.model)
        table = pairwise(np.array(queries), np.array([self.model[i] for i in ids]), self.metric)
        for row, distances, line in zip(hits.ids[:, :found], hits.distances[:, :found], table, strict=True):
            assert len(set(row.tolist())) == found
            true = [line[ids.index(i)] for i in row.tolist()]  # an id not in the model fails here
            np.testing.assert_allclose(distances, true, atol=1e-5)
            # All live vectors fit into ef_search, so the graph, too, must find the very nearest.
            np.testing.assert_allclose(distances, np.sort(line)[:found], atol=1e-5)

    @invariant()
    def count(self):
        if hasattr(self, "index"):
            assert len(self.index) == len(self.model)
            assert sorted(self.index.ids.tolist()) == sorted(self.model)

    def teardown(self):
        shutil.rmtree(getattr(self, "folder", Path("/nonexistent")), ignore_errors=True)


class HnswMachine(IndexMachine):
    kind = "hnsw"


TestExact = IndexMachine.TestCase
TestHnsw = HnswMachine.TestCase
TestExact.settings = TestHnsw.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
