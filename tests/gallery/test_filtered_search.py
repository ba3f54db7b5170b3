"""Filtered searches over segments and fresh templates: exact where few match, as good as unfiltered ones elsewhere."""

import numpy as np
import pytest

from lookalike.distances import pairwise
from lookalike.gallery import EmbeddedGallery, Enrolment, filtered_search
from lookalike.gallery.segment_builder import SegmentBuilder

D = 16
COUNT = 3000


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    """A graph of most templates, and some that no segment holds; a tenth has a tag, and all have their number's."""
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 50)
    monkeypatch.setattr(SegmentBuilder, "begin", lambda self, model: None)
    monkeypatch.setattr("lookalike.gallery.segment_builder.quickest", lambda indexes, vectors: indexes[0])  # the graph
    x = vectors(COUNT)
    with EmbeddedGallery(tmp_path / "g") as opened:
        opened.bind("f", "net", "cosine", D)
        for part in (range(COUNT - 100), range(COUNT - 100, COUNT)):
            opened.enroll_many(Enrolment(str(n), x[n], tags={"tenth": str(n % 10), "half": str(n % 2)}) for n in part)
            if part.start == 0:
                while opened._builder.build_one(opened.model):
                    pass
        yield opened


def share_found(gallery, where, names, k=10):
    """Of the true nearest among some names, how many are found."""
    probes, x = vectors(100, 10**6), vectors(COUNT)[names]
    true = np.argsort(pairwise(probes.astype(float), x.astype(float), "cosine"), axis=1)[:, :k]
    found = gallery.search(probes, k, where=where)
    assert all(len(row) == k for row in found)
    return np.mean([
        len({int(one.identity) for one in row} & set(names[near].tolist())) / k
        for row, near in zip(found, true, strict=True)
    ])  # fmt: skip


def test_as_many_of_the_nearest_are_found_as_without_a_filter(gallery):
    names = np.arange(COUNT)
    assert gallery.search(vectors(1), k=1)
    assert {one["kind"] for one in gallery.stats()["index"]["segments"]} == {"hnsw"}
    unfiltered = share_found(gallery, None, names)
    assert unfiltered > 0.95
    assert share_found(gallery, {"half": "1"}, names[1::2]) >= unfiltered - 0.02
    assert share_found(gallery, {"half": ["0", "1"]}, names) >= unfiltered - 0.02
    assert share_found(gallery, {"tenth": "3"}, names[3::10]) >= unfiltered - 0.02
    assert share_found(gallery, {"tenth": "3", "half": ["1", "2"]}, names[3::10]) >= unfiltered - 0.02


def test_a_filter_is_looked_up_once_between_two_changes(gallery, monkeypatch):
    looked_up, really = [], filtered_search.matching_identities
    monkeypatch.setattr(
        filtered_search,
        "matching_identities",
        lambda database, matching: looked_up.append(matching) or really(database, matching),
    )
    probe, where = vectors(1, 5), {"tenth": "3"}
    first = gallery.search(probe, where=where)
    subsets = gallery._filters.at(gallery._database, gallery._live.snapshot, next(iter(gallery._filters._held))).subsets
    assert gallery.search(probe, where={"tenth": ["3"]}) == first
    assert len(looked_up) == 1
    gallery.tag("4", {"tenth": "?"})  # another change; who matches is as before
    assert gallery.search(probe, where=where) == first
    assert len(looked_up) == 2
    (held,) = gallery._filters._held.values()
    assert all(held.subsets[name] is subset for name, subset in subsets.items())
    for n in range(20):
        gallery.search(probe, where={"tenth": str(n)})
    assert len(gallery._filters._held) == 8


def test_forgotten_and_moved_templates_are_not_found_by_a_filter(gallery):
    where, probes = {"tenth": "3"}, vectors(COUNT)[[3, 2993]]
    assert [row[0].identity for row in gallery.search(probes, 1, where=where)] == ["3", "2993"]
    gallery.forget("3")
    gallery.merge(["2993"], "4")  # which has another tag
    assert not {one.identity for row in gallery.search(probes, 400, where=where) for one in row} & {"3", "2993", "4"}
    assert gallery.search_counted(probes, where=where).counts.identities == 298
