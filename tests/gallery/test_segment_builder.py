"""A segment of which nobody is left is dropped, and no other waits for it."""

import numpy as np
import pytest

from lookalike.gallery import EmbeddedGallery
from lookalike.gallery.segment_builder import SegmentBuilder

D = 12


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 50)
    monkeypatch.setattr(SegmentBuilder, "begin", lambda self, model: None)
    return tmp_path / "people.gallery"


def opened(path):
    gallery = EmbeddedGallery(path)
    gallery.bind("f", "net", "cosine", D)
    return gallery


def enrolled(gallery, first, last):
    gallery.enroll_many([(str(n), vectors(1, n)[0], None) for n in range(first, last)])


def built(gallery):
    count = 0
    while gallery._builder.build_one(gallery.model):
        count += 1
        assert count < 10  # it ends
    return count


def segments(gallery):
    gallery.search(vectors(1))
    return [one["templates"] for one in gallery.stats()["index"]["segments"]]


def test_a_segment_of_which_nobody_is_left_is_dropped_and_others_are_built(path):
    with opened(path) as gallery, opened(path) as other:
        enrolled(gallery, 0, 400)
        built(gallery)
        enrolled(gallery, 400, 460)
        built(gallery)
        assert segments(gallery) == segments(other) == [400, 60]
        ids = [one.id for one in gallery.templates()]
        gallery.forget_templates(ids[:400])  # all of the first, and half of the second
        gallery.forget_templates(ids[400:430])
        built(gallery)
        assert segments(gallery) == segments(other) == [30]
        assert len([one for one in (path / "segments").iterdir() if one.is_dir()]) == 1
        assert {one.identity for one in other.search(vectors(1), k=99)[0]} == {str(n) for n in range(430, 460)}
        gallery.forget_templates(ids)
        assert built(gallery) == 1
        assert [one for one in (path / "segments").iterdir() if one.is_dir()] == []
        enrolled(gallery, 500, 510)
        assert segments(gallery) == segments(other) == []
        enrolled(gallery, 510, 560)
        built(gallery)
        assert segments(gallery) == segments(other) == [60]
    with opened(path) as gallery:
        assert segments(gallery) == [60]
        assert {one.identity for one in gallery.search(vectors(1), k=99)[0]} == {str(n) for n in range(500, 560)}
