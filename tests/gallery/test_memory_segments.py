"""Segments in memory: an encrypted gallery answers as it does one by one, and puts nothing on the disk for it."""

import time

import numpy as np
import pytest

from lookalike.gallery import Model, open_gallery
from lookalike.gallery.gallery import Gallery
from lookalike.index.core import prefix_index

KEY, D = bytes(range(32)), 16


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 100)
    monkeypatch.setattr(prefix_index, "EXACT_BELOW", 50)
    monkeypatch.setattr("lookalike.gallery.background_builder.WAIT", 3600.0)  # the tests build


@pytest.fixture
def gallery(tmp_path):
    with open_gallery(tmp_path / "g", key=KEY) as opened:
        opened.bind("1", "made", "cosine", D)
        yield opened


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


def enroll(gallery: Gallery, count, seed=0):
    made = vectors(count, seed)
    gallery.enroll_many((f"{seed}-{n}", vector, None) for n, vector in enumerate(made))
    return made


def build(gallery):
    """All that is due; how many segments were built."""
    gallery.search(vectors(1), k=1)
    built = 0
    while gallery._builder.build_one(gallery.model):
        built += 1
    return built


def segments(gallery):
    return [one["templates"] for one in gallery.stats()["index"]["segments"]]


def nearest(gallery, probes):
    return [found[0].identity for found in gallery.search(probes, k=1)]


def test_answers_are_those_of_comparing_one_by_one(gallery):
    made = enroll(gallery, 400)
    before = gallery.search(made, k=3)
    assert gallery.stats()["index"]["compared_one_by_one"] == 400
    assert build(gallery) == 1
    index = gallery.stats()["index"]
    assert (segments(gallery), index["compared_one_by_one"], index["segments"][0]["kind"]) == ([400], 0, "ivf")
    after = gallery.search(made, k=3)
    assert [found[0].identity for found in after] == [found[0].identity for found in before]
    assert [found[0].distance for found in after] == pytest.approx([found[0].distance for found in before], abs=1e-6)
    pairs = [(a.identity, b.identity) for x, y in zip(after, before, strict=True) for a, b in zip(x, y, strict=True)]
    assert np.mean([a == b for a, b in pairs]) > 0.9
    assert not (gallery.path / "segments").exists()


def test_who_comes_and_goes_afterwards_is_found_and_not_found(gallery):
    made = enroll(gallery, 300)
    build(gallery)
    later = enroll(gallery, 20, seed=1)
    gallery.forget("0-7")
    gallery.rename("0-8", "somebody")
    assert nearest(gallery, later) == [f"1-{n}" for n in range(20)]
    assert nearest(gallery, made[8:9]) == ["somebody"]
    assert "0-7" not in [one.identity for one in gallery.search(made[7:8], k=300)[0]]
    assert segments(gallery) == [300]


def test_small_segments_are_built_again_with_new_templates_and_large_ones_stay(gallery):
    enroll(gallery, 1000)
    assert build(gallery) == 1
    for seed in (1, 2):
        made = enroll(gallery, 150, seed)
        assert build(gallery) == 1
        assert nearest(gallery, made) == [f"{seed}-{n}" for n in range(150)]
    assert segments(gallery) == [1000, 300]


def test_a_segment_that_lost_many_is_built_again_without_them(gallery):
    made = enroll(gallery, 400)
    build(gallery)
    gallery.forget_templates(list(range(1, 301)))
    assert build(gallery) == 1
    assert segments(gallery) == [100]
    assert nearest(gallery, made[300:]) == [f"0-{n}" for n in range(300, 400)]
    assert gallery._live.snapshot.forgotten == {}
    enroll(gallery, 1, seed=1)
    gallery.forget_templates(list(range(301, 401)))
    assert build(gallery) == 1
    assert segments(gallery) == []
    assert nearest(gallery, made[:1]) == ["1-0"]


def test_what_was_forgotten_while_it_was_built_is_not_found(gallery, monkeypatch):
    made = enroll(gallery, 300)
    gallery.search(made[:1])
    put = gallery._live.put

    def later(*given):
        gallery.forget("0-5")
        enroll(gallery, 1, seed=1)
        gallery.search(made[:1])  # the snapshot is another now
        return put(*given)

    monkeypatch.setattr(gallery._live, "put", later)
    assert gallery._builder.build_one(gallery.model)
    assert "0-5" not in [one.identity for one in gallery.search(made[5:6], k=300)[0]]
    assert nearest(gallery, vectors(1, 1)) == ["1-0"]
    assert segments(gallery) == [300]


def test_of_two_who_build_at_once_one_is_thrown_away(gallery, monkeypatch):
    made = enroll(gallery, 300)
    gallery.search(made[:1])
    put, results = gallery._live.put, []

    def twice(*given):
        results.append(put(*given))
        return put(*given)

    monkeypatch.setattr(gallery._live, "put", twice)
    assert not gallery._builder.build_one(gallery.model)
    assert results == [True]
    assert segments(gallery) == [300]
    assert nearest(gallery, made) == [f"0-{n}" for n in range(300)]


def test_a_segment_of_the_model_from_before_is_thrown_away(tmp_path, gallery):
    enroll(gallery, 300)
    gallery.search(vectors(1))
    new, other = Model("2", "other", "cosine", D), vectors(300, 9)
    gallery.upgrade.begin(new)
    put = gallery._live.put

    def switched(*given):
        ids = [one.id for one in gallery.templates()]
        gallery.upgrade.store("2", ids, other)
        gallery.upgrade.switch()
        return put(*given)

    gallery._live.put = switched
    assert not gallery._builder.build_one(gallery.model)
    gallery.close()
    with open_gallery(tmp_path / "g", key=KEY) as opened:
        opened.bind("2", "other", "cosine", D)
        assert nearest(opened, other) == [f"0-{n}" for n in range(300)]
        assert build(opened) == 1
        assert nearest(opened, other) == [f"0-{n}" for n in range(300)]


def test_a_process_that_lives_on_builds_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.gallery.background_builder.WAIT", 0.0)
    with open_gallery(tmp_path / "h", key=KEY) as gallery:
        gallery.bind("1", "made", "cosine", D)
        made = enroll(gallery, 300)
        gallery.search(made[:1])
        until = time.monotonic() + 60
        while not segments(gallery) and time.monotonic() < until:
            gallery.search(made[:1])
            time.sleep(0.05)
        assert segments(gallery) == [300]
        assert nearest(gallery, made) == [f"0-{n}" for n in range(300)]


@pytest.mark.parametrize("key", [KEY, None])
def test_a_process_that_lives_on_builds_again_what_lost_many(tmp_path, monkeypatch, key):
    with open_gallery(tmp_path / "h", key=key) as gallery:
        gallery.bind("1", "made", "cosine", D)
        made = enroll(gallery, 300)
        build(gallery)
        assert nearest(gallery, made) == [f"0-{n}" for n in range(300)]
        assert segments(gallery) == [300]
    monkeypatch.setattr("lookalike.gallery.background_builder.WAIT", 0.0)
    with open_gallery(tmp_path / "h", key=key) as gallery:
        until = time.monotonic() + 60
        while not gallery.search(made[:1]) or (segments(gallery) != [300] and time.monotonic() < until):
            time.sleep(0.05)
        gallery.forget_templates(list(range(101, 201)))
        until = time.monotonic() + 60
        while segments(gallery) != [200] and time.monotonic() < until:
            gallery.search(made[:1])
            time.sleep(0.05)
        assert segments(gallery) == [200]
        assert nearest(gallery, made[:100]) == [f"0-{n}" for n in range(100)]
