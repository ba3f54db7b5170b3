"""Random histories of every act of a gallery, against dictionaries."""

import shutil
import tempfile
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.gallery.model_gallery import ModelGallery, RefusedError

import lookalike.index
from lookalike.errors import InputError, UnknownIdentityError
from lookalike.gallery import Enrolment, open_gallery

numbers = st.integers(-2, 2).map(float)
vector = st.tuples(numbers, numbers, st.sampled_from([1.0, 2.0]))
name = st.sampled_from(["Ada", "Bob", "Zoe\u0308", "山", "p4", "p5"])
moment = st.sampled_from(["2020-01-01", "2021-01-01", "2022-01-01"])
tags = st.dictionaries(st.sampled_from(["site", "role"]), st.sampled_from(["a", "b", "c"]), max_size=2)
where = st.dictionaries(
    st.sampled_from(["site", "role"]), st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2), max_size=2
)
turn = st.integers(0, 1000)


class GalleryMachine(RuleBasedStateMachine):
    """Other implementations override `opened`."""

    limit = 20_000

    def opened(self):
        """The gallery, opened once more."""
        return open_gallery(self.folder / "g")

    @initialize(metric=st.sampled_from(["cosine", "euclidean", "inner_product"]))
    def start(self, metric):
        self.before = lookalike.index.AUTO_EXACT_LIMIT
        lookalike.index.AUTO_EXACT_LIMIT = self.limit
        self.folder = Path(tempfile.mkdtemp())
        self.metric = metric
        self.model = ModelGallery()
        self.open()
        self.other = self.opened()  # a second connection, as of another process

    def open(self):
        self.gallery = self.opened()
        self.gallery.bind("f", "net", self.metric, 3)

    def pick(self, some, turn):
        """One of what there is, by a number."""
        some = sorted(some)
        return some[turn % len(some)] if some else None

    def templates(self):
        return [number for person in self.model.people.values() for number in person.templates]

    # --- enrolling ----------------------------------------------------------------------------------------

    @rule(who=name, vectors=st.lists(vector, min_size=1, max_size=4), when=moment, tags=tags, replace=st.booleans())
    def enroll(self, who, vectors, when, tags, replace):
        one = Enrolment(who, vectors, tags=tags, enrolled_at=[when] * len(vectors))
        (ids,) = self.gallery.enroll_many([one], replace=replace).values()
        self.model.enrolled(normalize("NFC", who), vectors, ids, when, tags)
        if replace:
            self.model.replaced(normalize("NFC", who), ids)

    @rule(who=name, vectors=st.lists(vector, min_size=1, max_size=2), key=st.sampled_from(["k1", "k2"]))
    def enroll_with_key(self, who, vectors, key):
        who, again = normalize("NFC", who), self.model.keys.get(key)
        if again is None:
            ids = self.gallery.enroll(who, vectors, key=key)
            self.model.enrolled(who, vectors, ids, "2030", {})
            self.model.keys[key] = (who, vectors, ids)
        else:
            assert self.other.enroll(again[0], again[1], key=key) == again[2]
            emptied = not set(again[2]) <= set(self.templates())
            if not emptied and (who, vectors) != again[:2]:
                with pytest.raises(InputError, match="something else was enrolled under the key"):
                    self.gallery.enroll(who, vectors, key=key)

    # --- acts ---------------------------------------------------------------------------------------------

    def act(self, expected, done):
        """Do the same to both; both refuse, or both do it."""
        try:
            act = expected()
        except RefusedError:
            with pytest.raises((InputError, UnknownIdentityError)):
                done()
            return
        told = done()
        self.model.acts[told.id] = act
        assert told.id == max(self.model.acts)
        assert told.kind == act.kind

    @rule(who=name, new=name)
    def rename(self, who, new):
        old, other = normalize("NFC", who), normalize("NFC", new)
        self.act(lambda: self.model.rename(old, other), lambda: self.gallery.rename(who, new))

    @rule(names=st.lists(name, min_size=1, max_size=3), into=name)
    def merge(self, names, into):
        canonical = [normalize("NFC", one) for one in names]
        self.act(lambda: self.model.merge(canonical, normalize("NFC", into)), lambda: self.gallery.merge(names, into))

    @rule(turn=turn, some=st.lists(turn, min_size=1, max_size=3), into=name)
    def split(self, turn, some, into):
        who = self.pick(self.model.people, turn)
        if who is not None:
            ids = [self.pick(self.model.people[who].templates, one) for one in some]
            self.act(
                lambda: self.model.split(who, ids, normalize("NFC", into)),
                lambda: self.gallery.split(who, ids, into),
            )

    @rule(turn=turn)
    def undo(self, turn):
        number = self.pick(self.model.acts, turn)
        if number is None:
            number = 10**6
        try:
            self.model.undo(number)
        except RefusedError:
            with pytest.raises(InputError):
                self.gallery.undo(number)
            return
        assert self.gallery.undo(number).undone

    @rule(turn=turn, tags=tags, gone=st.sampled_from(["site", "role", "none"]))
    def tag(self, turn, tags, gone):
        who = self.pick(self.model.people, turn)
        if who is None:
            with pytest.raises(UnknownIdentityError):
                self.gallery.tag("Ada", tags)
            return
        held = self.model.people[who].tags
        held.update(tags)
        held.pop(gone, None)
        assert self.gallery.tag(who, {**tags, gone: None}) == held

    # --- forgetting ---------------------------------------------------------------------------------------

    @rule(who=name)
    def forget(self, who):
        try:
            count = self.model.forget(normalize("NFC", who))
        except RefusedError:
            with pytest.raises(UnknownIdentityError):
                self.gallery.forget(who)
        else:
            assert self.gallery.forget(who) == count

    @rule(some=st.lists(turn, max_size=3))
    def forget_templates(self, some):
        ids = [self.pick(self.templates(), one) for one in some] if self.templates() else [5]
        assert self.gallery.forget_templates(ids) == self.model.forget_templates(ids)

    @rule(when=moment)
    def forget_before(self, when):
        done = self.gallery.forget_before(when)
        assert (done.identities, done.templates) == self.model.forget_before(when)

    # --- looking ------------------------------------------------------------------------------------------

    @rule()
    def reopen(self):
        self.gallery.close()
        self.open()

    @rule(probes=st.lists(vector, min_size=1, max_size=3), k=st.integers(1, 7), other=st.booleans(), where=where)
    def search(self, probes, k, other, where):
        searched = (self.other if other else self.gallery).search_counted(probes, k, where=where)
        names = self.model.matching(where)
        assert searched.counts.identities == len(names)
        assert searched.counts.templates == sum(len(self.model.people[one].templates) for one in names)
        for probe, candidates in zip(probes, searched.candidates, strict=True):
            assert len(candidates) == len({c.identity for c in candidates}) == min(k, len(names))
            best = self.model.nearest(probe, self.metric, names)
            for c in candidates:
                assert abs(c.distance - best[c.identity]) < 1e-5
                assert c.template_id in self.model.people[c.identity].templates
            np.testing.assert_allclose([c.distance for c in candidates], sorted(best.values())[:k], atol=1e-5)

    @rule(limit=st.integers(1, 3), where=where, prefix=st.sampled_from(["", "p", "A", "\u0130"]))
    def pages(self, limit, where, prefix):
        names, after = [], ""
        while page := self.other.page(limit, after=after, where=where, prefix=prefix):
            assert len(page) <= limit
            names += [one.name for one in page]
            after = page[-1].name
        assert names == [one for one in self.model.matching(where) if one.startswith(prefix)]

    @rule(limit=st.integers(1, 3))
    def template_pages(self, limit):
        ids, after = [], 0
        while page := self.other.templates_page(limit, after=after):
            ids += [one.id for one in page]
            after = ids[-1]
        assert ids == sorted(self.templates())

    @invariant()
    def content(self):
        if hasattr(self, "gallery"):
            held = {}
            for t in self.gallery.templates():
                held.setdefault(t.identity, {})[t.id] = tuple(t.vector.tolist())
            people = self.model.people
            assert held == {
                who: {n: one.vector for n, one in person.templates.items()} for who, person in people.items()
            }
            assert {p.name: (p.templates, p.tags) for p in self.gallery.people()} == {
                who: (len(person.templates), person.tags) for who, person in people.items()
            }
            counts = self.other.counts()
            assert (counts.identities, counts.templates) == (len(people), len(self.templates()))
            assert {act.id: (act.kind, act.identities, act.templates, act.undone) for act in self.other.acts()} == {
                number: (act.kind, act.names, act.templates, act.undone) for number, act in self.model.acts.items()
            }

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


class EncryptedGalleryMachine(GalleryMachine):
    """The same of an encrypted gallery, whose audit log is verified, too."""

    def opened(self):
        return open_gallery(self.folder / "g", key=bytes(range(32)))

    def teardown(self):
        if hasattr(self, "gallery"):
            assert self.gallery.audit.verified().fault is None
        super().teardown()


@pytest.mark.slow
def test_on_milvus(milvus):
    class MilvusGalleryMachine(GalleryMachine):
        """The same on a server; every history is of a tenant of its own."""

        def opened(self):
            if not hasattr(self, "address"):
                self.address = milvus.address()
            return open_gallery(self.address)

    few = settings(max_examples=5, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(MilvusGalleryMachine, settings=few)


TestFew = GalleryMachine.TestCase
TestEncrypted = EncryptedGalleryMachine.TestCase
TestSegments = SegmentedGalleryMachine.TestCase
TestEncrypted.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
TestFew.settings = TestSegments.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
