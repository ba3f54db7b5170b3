"""What a gallery holds: settled by the first enrolment or when it is opened, stored, and found in older galleries.

`fixtures/` holds galleries written by format version 1, which stored no kind, and what was answered from them then.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lookalike import LandmarkRecognizer, Recognizer, open_gallery
from lookalike.embedder import Embedder
from lookalike.errors import ArtefactError, InputError
from lookalike.gallery import AnnexUpdate, Kept
from lookalike.gallery.database import FORMAT_VERSION

FIXTURES = Path(__file__).parent / "fixtures"
ANSWERS = json.loads((FIXTURES / "answers.json").read_text("utf-8"))
OLD = {"people": "people-1.gallery", "landmarks": "landmarks-1.gallery", None: "bound-1.gallery"}


class Written(Embedder):
    """The model of the fixtures' vectors; nothing is embedded here."""

    name, fingerprint, metric, dimension = "written", "0123456789abcdef", "cosine", 4

    def prepare(self, picture):
        raise NotImplementedError

    def embed_prepared(self, pixels):
        raise NotImplementedError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.gallery"


@pytest.fixture
def old(path):
    """Copies a gallery of version 1 to `path`."""

    def copy(kind):
        shutil.copytree(FIXTURES / OLD[kind], path)
        assert stored_version(path) == 1
        return path

    return copy


def stored_version(path):
    with closing(sqlite3.connect(path / "gallery.sqlite3")) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def stored_kind(path):
    with closing(sqlite3.connect(path / "gallery.sqlite3")) as connection:
        return connection.execute("SELECT kind FROM kind").fetchall()


def kept_of(name):
    return AnnexUpdate({name: Kept({}, {"photos": np.ones((1, 4), np.float32)}, ["a.jpg"])})


def close_to(value):
    """Numbers that other machines may round otherwise."""
    if isinstance(value, dict):
        return {key: close_to(one) for key, one in value.items()}
    if isinstance(value, list):
        return [close_to(one) for one in value]
    return pytest.approx(value, rel=1e-5, abs=1e-6) if isinstance(value, float) else value


def as_written(answer, keys):
    """An answer as JSON has it, with the keys that version 1 wrote."""
    document = json.loads(json.dumps(answer.to_json(), default=vars))
    return {key: document[key] for key in keys}


def without_confidence(document):
    kept = {key: value for key, value in document.items() if key != "confidence"}
    return kept | {"candidates": [{k: v for k, v in one.items() if k != "confidence"} for one in kept["candidates"]]}


@pytest.mark.parametrize("kind", ["people", "landmarks"])
def test_a_gallery_of_version_1_answers_as_before_and_knows_its_kind(old, kind):
    path = old(kind)
    with open_gallery(path, create=False) as gallery:
        assert gallery.kind == kind
        recognizer = (
            Recognizer(Written(), gallery, threshold=0.25) if kind == "people" else Recognizer(Written(), gallery)
        )
        answers = recognizer.identify_vectors(ANSWERS["probes"])
        for answer, expected in zip(answers, ANSWERS[kind], strict=True):
            written = as_written(answer, expected)
            if kind == "landmarks":  # how sure it is, was a formula then; `landmarks/test_older_atlas.py` tells of it
                written, expected = without_confidence(written), without_confidence(expected)
            assert written == close_to(expected)
        assert gallery.stats()["format_version"] == FORMAT_VERSION
    assert stored_version(path) == FORMAT_VERSION
    assert stored_kind(path) == [(kind,)]
    with open_gallery(path, create=False, kind=kind) as again:
        assert again.stats()["kind"] == kind
        assert len(again.names()) == {"people": 4, "landmarks": 2}[kind]


def test_a_gallery_of_version_1_that_holds_nothing_becomes_what_is_enrolled_first(old):
    with open_gallery(old(None)) as gallery:
        assert gallery.kind is None
        gallery.enroll("Ada", [1.0, 0, 0, 0])
        assert gallery.kind == "people"


def test_a_gallery_of_version_1_grows_and_forgets(old):
    path = old("landmarks")
    with open_gallery(path) as gallery:
        recognizer = LandmarkRecognizer(Written(), gallery)
        found = recognizer.enroll_vectors([[0, 0, 1.0, 0], [0, 0.1, 1.0, 0]], ["tower"] * 2)
        assert found.places == ("bridge", "church", "tower")
        gallery.forget("church")
        assert recognizer.atlas.places == ["bridge", "tower"]


def test_where_the_kind_cannot_be_stored_it_is_found_each_time(old):
    """Another program writes while the gallery is opened: it is not waited for, and nothing is lost."""
    path = old("landmarks")
    with closing(sqlite3.connect(path / "gallery.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with open_gallery(path, create=False) as gallery:
            assert gallery.kind == "landmarks"
            assert gallery.stats()["format_version"] == 1
            assert Recognizer(Written(), gallery).identify_vectors(ANSWERS["probes"][:1])[0].place == "church"
        writer.execute("ROLLBACK")
    assert stored_version(path) == 1
    open_gallery(path, create=False).close()
    assert stored_kind(path) == [("landmarks",)]


def test_the_first_enrolment_settles_it(path):
    with open_gallery(path) as gallery, open_gallery(path) as other:
        gallery.bind("f", "net", "cosine", 4)
        assert gallery.kind is other.kind is None
        gallery.enroll_with_annex([("church", np.ones(4), None)], lambda ids: kept_of("church"))
        assert gallery.kind == other.kind == "landmarks"
        with pytest.raises(InputError, match="is a gallery of landmarks, and people were asked of it; give a gallery"):
            other.settle_kind("people")
    for kind in ("people", "landmarks"):
        with open_gallery(path.with_name(kind), kind=kind) as gallery:
            assert gallery.kind == kind


def test_a_refused_enrolment_settles_nothing(path):
    with open_gallery(path) as gallery:
        gallery.bind("f", "net", "cosine", 4)
        with pytest.raises(ZeroDivisionError):
            gallery.enroll_with_annex([("church", np.ones(4), None)], lambda ids: 1 // 0)
        assert gallery.kind is None
        assert (gallery.names(), gallery.change) == ([], 0)
        gallery.enroll("Ada", np.ones(4))
        assert gallery.kind == "people"


def test_mixing_is_an_error_that_changes_nothing(path):
    with open_gallery(path, kind="people") as gallery:
        gallery.bind("f", "net", "cosine", 4)
        gallery.enroll("Ada", np.ones(4))
        with pytest.raises(InputError, match="a gallery of people, and landmarks were asked of it"):
            gallery.enroll_with_annex([("church", np.eye(4)[:1], None)], lambda ids: kept_of("church"))
        assert gallery.names() == ["Ada"]
        assert gallery.annex() is None
    for create in (True, False):
        with pytest.raises(InputError, match="a gallery of people, and landmarks were asked of it"):
            open_gallery(path, create, kind="landmarks")


def test_who_only_reads_settles_nothing(path):
    open_gallery(path).close()
    with open_gallery(path, create=False, kind="landmarks") as gallery:
        assert gallery.kind is None


def test_an_unknown_kind_is_refused(path):
    with pytest.raises(InputError, match="'animals'; expected people or landmarks"):
        open_gallery(path, kind="animals")
    with open_gallery(path, kind="people"):
        pass
    with closing(sqlite3.connect(path / "gallery.sqlite3")) as connection:
        connection.execute("UPDATE kind SET kind = 'animals'")
        connection.commit()
    with open_gallery(path) as gallery, pytest.raises(ArtefactError, match="holds 'animals'"):
        _ = gallery.kind
