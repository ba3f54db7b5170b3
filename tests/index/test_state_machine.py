"""Random histories of add, remove, search, compact, save and load, against a dictionary."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.exhaustive_settings import EVERYTHING

from lookalike.distances import pairwise
from lookalike.errors import VectorError
from lookalike.index import Subset, build_index, load_index
from lookalike.index.core import prefix_index
from lookalike.index.kinds.registry import KINDS

D = 3
# Few values, so that equal vectors and equal distances happen; never all zero, for cosine.
numbers = st.integers(-3, 3).map(float)
vector = st.tuples(numbers, numbers, st.sampled_from([1.0, 2.0]))
an_id = st.one_of(st.integers(0, 12), st.sampled_from([2**53 + 1, 2**62 + 1, -(2**63), -7]))


START = np.random.default_rng(5).integers(-3, 4, (40, 3)) + np.array([0, 0, 5.0])


class IndexMachine(RuleBasedStateMachine):
    kind = "exact"

    @initialize(data=st.data(), first=vector, many=st.booleans())
    def start(self, data, first, many):
        self.before, prefix_index.EXACT_BELOW = prefix_index.EXACT_BELOW, 32
        self.folder = Path(tempfile.mkdtemp())
        metrics = [metric for metric in KINDS[self.kind].metrics if metric != "mahalanobis"]
        self.metric = data.draw(st.sampled_from(metrics))
        settings = EVERYTHING.get(self.kind, {})
        self.index = build_index([first], self.kind, self.metric, ids=[1], **settings)
        self.model = {1: first}
        self.subsets = [Subset([*range(0, 13, 2), *range(100, 110)]), Subset(range(100, 140))]
        if many:  # enough for an engine
            ids = range(100, 100 + len(START))
            self.index.add(START, ids=list(ids))
            self.model.update(zip(ids, map(tuple, START.tolist()), strict=True))

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

    @rule(ids=st.lists(an_id | st.integers(100, 139), max_size=5))
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
        self.check(self.index.search(queries, k), queries, k, list(self.model))

    @rule(queries=st.lists(vector, min_size=1, max_size=3), k=st.integers(1, 20), among=st.lists(an_id, max_size=9))
    def search_among(self, queries, k, among):
        wanted = [*among, *range(100, 110)]
        hits = self.index.search(queries, k, among=wanted)
        self.check(hits, queries, k, [i for i in self.model if i in wanted])

    @rule(queries=st.lists(vector, min_size=1, max_size=3), k=st.integers(1, 20), which=st.integers(0, 1))
    def search_prepared(self, queries, k, which):
        subset = self.subsets[which]
        hits = self.index.search(queries, k, among=subset)
        self.check(hits, queries, k, [i for i in self.model if i in subset.ids])

    def check(self, hits, queries, k, ids):
        found = min(k, len(ids))
        assert (hits.ids[:, found:] == -1).all()
        assert np.isposinf(hits.distances[:, found:]).all()
        if not found:
            return
        table = pairwise(np.array(queries), np.array([self.model[i] for i in ids]), self.metric)
        for row, distances, line in zip(hits.ids[:, :found], hits.distances[:, :found], table, strict=True):
            assert len(set(row.tolist())) == found
            true = [line[ids.index(i)] for i in row.tolist()]  # an id not in the model fails here
            np.testing.assert_allclose(distances, true, atol=1e-5)
            np.testing.assert_allclose(distances, np.sort(line)[:found], atol=1e-5)

    @invariant()
    def count(self):
        if hasattr(self, "index"):
            assert len(self.index) == len(self.model)
            assert sorted(self.index.ids.tolist()) == sorted(self.model)

    def teardown(self):
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)
            prefix_index.EXACT_BELOW = self.before


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.installed])
@pytest.mark.slow
def test_random_histories(kind):
    machine = type("Machine", (IndexMachine,), {"kind": kind})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None, print_blob=True)
    )
