"""Idempotency keys of the embedded gallery: what is kept of an enrolment, and how long."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lookalike.gallery import enrolled_keys, open_gallery
from lookalike.gallery.moments import utc_moment


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)


@pytest.fixture
def gallery(tmp_path):
    with open_gallery(tmp_path / "g") as opened:
        opened.bind("f1", "net", "cosine", 4)
        yield opened


def kept(gallery):
    with closing(sqlite3.connect(gallery.path / "gallery.sqlite3")) as connection:
        return connection.execute("SELECT key, digest IS NULL, answer FROM enrolled_key ORDER BY id").fetchall()


def test_no_name_is_kept_and_the_digest_goes_with_the_first_template(gallery):
    many = gallery.enroll_many([("Ada Lovelace", vectors(2), None), ("Bob", vectors(1, 1), None)], key="k1")
    gallery.enroll("Eve", vectors(1, 2), key="k2")
    assert kept(gallery) == [("k1", 0, "[[1, 2], [3]]"), ("k2", 0, "[[4]]")]
    gallery.forget_templates(many["Ada Lovelace"][:1])
    assert kept(gallery) == [("k1", 1, "[[1, 2], [3]]"), ("k2", 0, "[[4]]")]


def test_keys_are_kept_for_a_week(gallery, monkeypatch):
    gallery.enroll("Ada", vectors(1), key="k1")
    start = datetime.now(UTC)
    for days, left in ((6.9, ["k1", "k2"]), (7.1, ["k2", "k3"])):

        class Later(datetime):
            @classmethod
            def now(cls, tz=None):
                return start + timedelta(days=days)  # noqa: B023 - used within this turn

        monkeypatch.setattr(enrolled_keys, "datetime", Later)
        monkeypatch.setattr(enrolled_keys, "now", lambda: utc_moment(Later.now()))
        gallery.enroll("Ada", vectors(1, int(days)), key="k2" if days < 7 else "k3")
        assert [key for key, *_ in kept(gallery)] == left


def test_an_enrolment_that_failed_leaves_no_key(gallery, monkeypatch):
    def full(*given):
        raise OSError(28, "no space")

    monkeypatch.setattr(enrolled_keys, "remember", full)
    with pytest.raises(OSError, match="no space"):
        gallery.enroll("Ada", vectors(1), key="k1")
    monkeypatch.undo()
    assert kept(gallery) == []
    assert gallery.enroll("Bob", vectors(1), key="k1") == [1]
