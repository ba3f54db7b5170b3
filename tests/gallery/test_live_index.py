"""Ctrl-C at the steps at which what is searched of a gallery follows the database."""

from pathlib import Path

import numpy as np
import pytest

import lookalike.gallery
import lookalike.index
from lookalike.distances import pairwise
from lookalike.gallery import EmbeddedGallery
from lookalike.gallery.live_index import LiveIndex
from lookalike.gallery.segment_builder import SegmentBuilder

D = 6
FILES = [
    *(Path(lookalike.gallery.__file__).with_name(f"{name}.py") for name in ("live_index", "segments", "snapshot")),
    Path(lookalike.index.__file__).parent,
]
TABLE = np.random.default_rng(3).normal(size=(60, D)).astype(np.float32)


@pytest.fixture(autouse=True)
def no_background(monkeypatch):
    monkeypatch.setattr(SegmentBuilder, "begin", lambda self, model: None)  # built where a test says so


def opened(folder, held):
    """A gallery of these people, whose vectors are rows of the table."""
    gallery = EmbeddedGallery(folder)
    gallery.bind("f", "net", "cosine", D)
    gallery.enroll_many([(str(row), TABLE[row], None) for row in held])
    return gallery


def build(gallery):
    while gallery._builder.build_one(gallery.model):
        pass


def check(gallery, held):
    """Everybody held is found, nobody else, at the true distance."""
    probes = TABLE[[3, 41, 55]]
    true = pairwise(probes.astype(float), TABLE[held].astype(float), "cosine")
    for row, found in zip(true, gallery.search(probes, k=100), strict=True):
        assert sorted(int(one.identity) for one in found) == held
        distances = {int(one.identity): one.distance for one in found}
        np.testing.assert_allclose([distances[i] for i in held], row, atol=1e-5)


@pytest.mark.parametrize("limit", [100, 10], ids=["exact", "graph"])
@pytest.mark.parametrize("bytecodes", [False, True], ids=["calls", "bytecodes"])
def test_a_search_interrupted_while_it_follows_leaves_a_right_gallery(
    tmp_path, monkeypatch, interrupted, limit, bytecodes
):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", limit)
    held, later = list(range(20)), sorted({*range(20), *range(40, 48)} - {3, 4})
    points, raised, tried = 10**9, 0, [10**9]
    for number in range(1000):
        if number == 1:
            tried = [10**9, *np.linspace(0, points - 1, 12).astype(int).tolist()]
        if number == len(tried):
            break
        with opened(tmp_path / f"{number}.gallery", held) as gallery:
            check(gallery, held)
            build(gallery)
            gallery.enroll_many([(str(row), TABLE[row], None) for row in range(40, 48)])
            gallery.forget("3")
            gallery.forget("4")
            found = interrupted(lambda gallery=gallery: gallery.search(TABLE[:2]), FILES, tried[number], bytecodes)
            points, raised = (points, raised + 1) if found is None else (found, raised)
            check(gallery, later)
            gallery.enroll("50", TABLE[50])
            gallery.forget("41")
            check(gallery, sorted({*later, 50} - {41}))
    assert raised >= 10


@pytest.mark.parametrize("limit", [100, 10], ids=["exact", "graph"])
def test_a_search_interrupted_while_segments_are_opened_leaves_a_right_gallery(
    tmp_path, monkeypatch, interrupted, limit
):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", limit)
    held = list(range(20))
    with opened(tmp_path / "x.gallery", held) as gallery:
        build(gallery)
    raised = 0
    for at in range(0, 400, 23):
        with EmbeddedGallery(tmp_path / "x.gallery") as gallery:
            raised += interrupted(lambda gallery=gallery: gallery.search(TABLE[:2]), FILES, at) is None
            check(gallery, held)
            gallery.enroll("30", TABLE[30])
            check(gallery, [*held, 30])
            gallery.forget("30")
    assert raised >= 3


def test_an_error_while_following_is_no_harm_the_next_time(tmp_path, monkeypatch):
    held = list(range(20))
    with opened(tmp_path / "x.gallery", held) as gallery:
        check(gallery, held)
        gallery.enroll("30", TABLE[30])
        with monkeypatch.context() as patch:
            patch.setattr(LiveIndex, "_forgotten", lambda self, *given: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                gallery.search(TABLE[:1])
        check(gallery, [*held, 30])


def test_an_error_at_the_last_step_of_following_is_no_harm_the_next_time(tmp_path, monkeypatch):
    """What was read counts once the snapshot does, no earlier."""
    held = list(range(20))
    with opened(tmp_path / "x.gallery", held) as gallery:
        check(gallery, held)
        gallery.enroll("30", TABLE[30])
        with monkeypatch.context() as patch:
            patch.setattr("lookalike.gallery.live_index.Snapshot", lambda *given: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                gallery.search(TABLE[:1])
        check(gallery, [*held, 30])


def test_a_graph_from_which_everybody_was_forgotten_is_searched_and_filled_again(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 2)
    with opened(tmp_path / "x.gallery", [0, 1, 2]) as gallery:
        build(gallery)
        check(gallery, [0, 1, 2])
        for row in range(3):
            gallery.forget(str(row))
        assert gallery.search(TABLE[:2]) == [[], []]
        gallery.enroll("5", TABLE[5])
        check(gallery, [5])
