"""Galleries without odds, as earlier versions wrote them: completed when first asked, and whole where that fails.

`landmarks-1.gallery` is of the first version, `landmarks-2.gallery` of the last one whose confidence was a formula of
the threshold: four places of six photos, 60 non-landmarks.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lookalike import LandmarkRecognizer, open_gallery
from lookalike.embedder import Embedder
from lookalike.landmarks.atlas import ODDS, AtlasSettings

FIXTURES = Path(__file__).parents[1] / "gallery" / "fixtures"
PLACES = {"landmarks-1.gallery": 2, "landmarks-2.gallery": 4}


class Written(Embedder):
    """The model of the fixtures' vectors; nothing is embedded here."""

    name, fingerprint, metric, dimension = "written", "0123456789abcdef", "cosine", 4

    def prepare(self, picture):
        raise NotImplementedError

    def embed_prepared(self, pixels):
        raise NotImplementedError


@pytest.fixture(params=list(PLACES))
def old(request, tmp_path):
    path = tmp_path / request.param
    shutil.copytree(FIXTURES / request.param, path)
    return path


def asked(gallery):
    return LandmarkRecognizer(Written(), gallery).identify_vectors(np.eye(4, dtype=np.float32)[:3])


def test_it_is_completed_once_and_nothing_else_changes(old):
    with open_gallery(old, create=False) as gallery:
        before, templates = gallery.annex(), [(one.id, one.vector.tobytes()) for one in gallery.templates()]
        assert ODDS not in before.document
        answers = asked(gallery)
        after, change = gallery.annex(), gallery.change
        assert after.document == dict(before.document) | {ODDS: after.document[ODDS]}
        assert after.document[ODDS]["places"] == PLACES[old.name]
        assert list(after.kept) == list(before.kept)
        for name, kept in before.kept.items():
            now = after.kept[name]
            assert (now.entry, list(now.sources)) == (kept.entry, list(kept.sources))
            assert all(np.array_equal(now.rows[one], kept.rows[one]) for one in kept.rows)
        assert [(one.id, one.vector.tobytes()) for one in gallery.templates()] == templates
        assert gallery.uncovered() == []
    with open_gallery(old, create=False) as again:
        assert asked(again) == answers
        assert again.change == change


def test_enrolling_again_finds_the_same_odds(old):
    with open_gallery(old) as gallery:
        recognizer = LandmarkRecognizer(Written(), gallery)
        completed = recognizer.odds
        recognizer.refit()
        assert recognizer.odds.model_dump() == pytest.approx(completed.model_dump())
        assert recognizer.atlas.settings == AtlasSettings(promise_fpr=0.1)


def test_where_it_cannot_be_stored_answers_are_the_same(old, tmp_path):
    shutil.copytree(old, tmp_path / "other")
    with open_gallery(tmp_path / "other", create=False) as gallery:
        expected = asked(gallery)
    with closing(sqlite3.connect(old / "gallery.sqlite3", isolation_level=None)) as writer:
        with open_gallery(old, create=False) as gallery:
            writer.execute("BEGIN IMMEDIATE")
            assert asked(gallery) == expected
            assert ODDS not in gallery.annex().document
        writer.execute("ROLLBACK")
