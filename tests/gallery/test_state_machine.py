"""Random histories of enroll, forget, search and reopen, against a dictionary."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import lookalike.index
from lookalike.distances import pairwise
from lookalike.errors import UnknownIdentityError
from lookalike.gallery import open_gallery

numbers = st.integers(-2, 2).map(float)
vector = st.tuples(numbers, numbers, st.sampled_from([1.0, 2.0]))
name = st.sampled_from(["Ada", "Bob", "Zoe\u0308", "山", "p4", "p5"])


class GalleryMachine(RuleBasedStateMachine):
    limit = 20_000

    @initialize(metric=st.sampled_from(["cosine", "euclidean", "inner_product"]))
    def start(self, metric):
        self.before = lookalike.index.AUTO_EXACT_LIMIT
        lookalike.index.AUTO_EXACT_LIMIT = self.limit
        self.folder = Path(tempfile.mkdtemp())
        self.metric = metric
        self.model = {}
        self.open()
        self.other = open_gallery(self.folder / "g")  # a second connection, as of another process

    def open(self):
        self.gallery = open_gallery(self.folder / "g")
        self.gallery.bind("f", "net", self.metric, 3)

    @rule(who=name, vectors=st.lists(vector, min_size=1, max_size=4))
    def enroll(self, who, vectors):
        ids = self.gallery.enroll(who, vectors)
        held = self.model.setdefault(who, {})
        for template_id, v in zip(ids, vectors, strict=True):
            assert held.setdefault(v, template_id) == template_id

    @rule(who=name)
    def forget(self, who):
        if who in self.model:
            assert self.gallery.forget(who) == len(self.model.pop(who))
        else:
            with pytest.raises(UnknownIdentityError):
                self.gallery.forget(who)

    @rule()
    def reopen(self):
        self.gallery.close()
        self.open()

    @rule(probes=st.lists(vector, min_size=1, max_size=3), k=st.integers(1, 7), other=st.booleans())
    def search(self, probes, k, other):
        answers = (self.other if other else self.gallery).search(probes, k)
        for probe, candidates in zip(probes, answers, strict=True):
            assert len(candidates) == len({c.identity for c in candidates}) == min(k, len(self.model))
            best = {}
            for who, held in self.model.items():
                line = pairwise(np.array([probe]), np.array(list(held)), self.metric)[0]
                best[who] = line.min()
                for c in candidates:
                    if c.identity == who.replace("Zoe\u0308", "Zoë"):
                        assert abs(c.distance - line.min()) < 1e-5
                        assert c.template_id in held.values()
            np.testing.assert_allclose([c.distance for c in candidates], sorted(best.values())[:k], atol=1e-5)

    @invariant()
    def content(self):
        if hasattr(self, "gallery"):
            held = {}
            for t in self.gallery.templates():
                held.setdefault(t.identity, {})[tuple(t.vector.tolist())] = t.id
            assert held == {who.replace("Zoe\u0308", "Zoë"): vectors for who, vectors in self.model.items()}
            assert {p.name: p.templates for p in self.gallery.people()} == {n: len(v) for n, v in held.items()}
            assert len(self.gallery) == len(held)

    def teardown(self):
        if hasattr(self, "gallery"):
            self.gallery.close()
            self.other.close()
            shutil.rmtree(self.folder)
            lookalike.index.AUTO_EXACT_LIMIT = self.before


class SegmentedGalleryMachine(GalleryMachine):
    """The same with segments from the third template on."""

    limit = 2

    @rule(other=st.booleans())
    def build(self, other):
        gallery = self.other if other else self.gallery
        if gallery.model is not None:
            gallery._builder.build_one(gallery.model)


TestFew = GalleryMachine.TestCase
TestSegments = SegmentedGalleryMachine.TestCase
TestFew.settings = TestSegments.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
