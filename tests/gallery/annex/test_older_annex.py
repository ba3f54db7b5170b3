"""What earlier versions kept in a folder for each version: read as it lies there, and stored by place when written.

`fixtures/landmarks-3.gallery` was written by the last version that did so: three places, of which one has a name, 80
non-landmarks, and a place that was forgotten; `landmarks-3.json` holds what was answered then.
"""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.gallery.annex.kept_photos import check_folder

from lookalike import LandmarkRecognizer, Recognizer, open_gallery
from lookalike.embedder import Embedder
from lookalike.errors import ArtefactError

FIXTURES = Path(__file__).parents[1] / "fixtures"
ANSWERS = json.loads((FIXTURES / "landmarks-3.json").read_text("utf-8"))


class Written(Embedder):
    """The model of the fixtures' vectors; nothing is embedded here."""

    name, fingerprint, metric, dimension = "written", "0123456789abcdef", "cosine", 4

    def prepare(self, picture):
        raise NotImplementedError

    def embed_prepared(self, pixels):
        raise NotImplementedError


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copytree(FIXTURES / "landmarks-3.gallery", tmp_path / "old.gallery"))


@pytest.fixture
def version(old):
    """The folder of the version that counts."""
    (folder,) = (old / "landmarks").iterdir()
    return folder


def close_to(value):
    """Numbers that other machines may round otherwise."""
    if isinstance(value, dict):
        return {key: close_to(one) for key, one in value.items()}
    if isinstance(value, list):
        return [close_to(one) for one in value]
    return pytest.approx(value, rel=1e-5, abs=1e-6) if isinstance(value, float) else value


def answers(gallery):
    found = Recognizer(Written(), gallery).identify_vectors(np.array(ANSWERS["probes"], np.float32))
    documents = [json.loads(json.dumps(one.to_json(), default=vars)) for one in found]
    return [{key: one[key] for key in then} for one, then in zip(documents, ANSWERS["answers"], strict=True)]


def all_kept(gallery):
    """All that is kept, to be compared."""
    annex = gallery.annex()
    places = {
        name: (one.entry, {key: rows.tolist() for key, rows in one.rows.items()}, list(one.sources))
        for name, one in annex.kept.items()
    }
    return places, {name: array.tolist() for name, array in annex.common.items()}, annex.document, annex.covers


def test_it_answers_as_before_and_is_not_touched_by_reading(old, version):
    before = {path.name: path.read_bytes() for path in version.iterdir()}
    with open_gallery(old, create=False) as gallery:
        assert answers(gallery) == close_to(ANSWERS["answers"])
        assert gallery.uncovered() == []
        assert all_kept(gallery)[0]["church"][0]["facts"] == {"name": "Église", "latitude": 48.5, "longitude": 2.25}
    assert {path.name: path.read_bytes() for path in version.iterdir()} == before


def test_the_first_writing_stores_it_by_place(old):
    with open_gallery(old) as gallery:
        kept = all_kept(gallery)
        gone = np.array(kept[0]["bridge"][1]["photos"], np.float32)
        with open_gallery(old) as reader:
            assert answers(reader) == close_to(ANSWERS["answers"])
            gallery.forget("bridge")
            for later in (gallery, reader):
                found = all_kept(later)
                assert found[0] == {name: one for name, one in kept[0].items() if name != "bridge"}
                assert found[1:] == kept[1:]
                assert [one["place"] for one in answers(later)] == [None, "church", "tower", "church", None]
        check_folder(gallery, gone)
    with open_gallery(old) as again:
        assert again.uncovered() == []
        LandmarkRecognizer(Written(), again).enroll_vectors(gone, ["bridge"] * len(gone))
        assert [one["place"] for one in answers(again)] == [one["place"] for one in ANSWERS["answers"]]


def test_a_place_is_renamed(old):
    with open_gallery(old) as gallery:
        kept = all_kept(gallery)[0]
        gallery.rename("bridge", "pont")
        gallery.rename("church", "église")
        assert list(gallery.annex().entries) == ["pont", "tower", "église"]
        assert all_kept(gallery)[0]["pont"] == kept["bridge"]
        found = LandmarkRecognizer(Written(), gallery).identify_vectors(np.eye(4, dtype=np.float32)[:2])
        assert [(one.place, one.name) for one in found] == [("pont", "pont"), ("église", "Église")]
        check_folder(gallery)


def test_a_reader_that_began_before_goes_on_after(old):
    with open_gallery(old) as gallery, open_gallery(old) as writer:
        annex = gallery.annex()
        expected = {name: np.array(one.rows["photos"]) for name, one in annex.kept.items()}
        writer.forget("tower")
        for name, photos in expected.items():
            np.testing.assert_array_equal(annex.kept[name].rows["photos"], photos)


def test_an_enrolment_that_fails_leaves_it_as_it_was(old, version):
    with open_gallery(old) as gallery:
        kept = all_kept(gallery)
        with pytest.raises(ZeroDivisionError):
            gallery.enroll_with_annex([("well", np.ones(4), None)], lambda ids: 1 // 0)
        assert all_kept(gallery) == kept
    with open_gallery(old) as again:
        assert all_kept(again) == kept
        assert list((old / "landmarks").iterdir()) == [version]


@pytest.mark.skipif(os.name == "nt", reason="folders there can always be written to")
def test_where_nothing_can_be_written_it_is_read(old):
    with closing(sqlite3.connect(old / "gallery.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with open_gallery(old, create=False) as gallery:
            assert answers(gallery) == close_to(ANSWERS["answers"])
        writer.execute("ROLLBACK")


@pytest.mark.parametrize(
    "damage", ["annex.json", "rows-photos.npy", "sources.npy", "source_ends.npy", "missing", "folder"]
)
def test_damage_is_one_clear_error(old, version, damage):
    if damage == "missing":
        (version / "common-non_landmarks.npy").unlink()
    elif damage == "folder":
        shutil.rmtree(version.parent)
    else:
        content = (version / damage).read_bytes()
        (version / damage).write_bytes(content[: len(content) // 2])
    with open_gallery(old) as opened:
        with pytest.raises(ArtefactError, match="is damaged"):
            opened.annex()
        with pytest.raises(ArtefactError, match="is damaged"):
            opened.forget("bridge")
        assert "bridge" in opened.names()


@pytest.mark.parametrize(("key", "value", "words"), [
    ("format_version", 2, "format version 2"), ("model", "other", "model other"), ("starts", [0, 1, 2, 3], "damaged"),
])  # fmt: skip
def test_versions_and_models_are_not_mixed(old, version, key, value, words):
    card = json.loads((version / "annex.json").read_text()) | {key: value}
    (version / "annex.json").write_text(json.dumps(card))
    with open_gallery(old) as opened, pytest.raises(ArtefactError, match=words):
        opened.annex()


def test_leftovers_of_killed_processes_are_swept_at_the_next_opening(old, version):
    (version.parent / "99-0123456789abcdef").mkdir()
    (version.parent / ".100-0123456789abcdef.xyz.tmp").mkdir()
    (version.parent / "records-0123456789abcdef").write_bytes(b"of a process that was killed while it stored by place")
    open_gallery(old).close()
    assert list(version.parent.iterdir()) == [version]
