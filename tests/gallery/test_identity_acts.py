"""Acts of the embedded gallery: no name survives its person, counts hold, and older galleries get them."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.gallery import AnnexUpdate, EmbeddedGallery, Kept, open_gallery
from lookalike.gallery.database import FORMAT_VERSION

D = 8
OLD = Path(__file__).parent / "fixtures" / "people-3.gallery"


def vectors(n, seed=0, d=D):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.gallery"


@pytest.fixture
def gallery(path):
    with open_gallery(path) as opened:
        opened.bind("f1", "arcface", "cosine", D)
        yield opened


def everything(path):
    return b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())


def there(path, texts):
    """Which of some texts are in a file of the gallery."""
    content = everything(path)
    return [text for text in texts if text.encode() in content]


# --- what stays of somebody who was forgotten ----------------------------------------------------------------


def test_names_and_tags_of_who_was_forgotten_are_in_no_file(gallery, path):
    gallery.enroll("first-name", vectors(2), ["source-1"] * 2, tags={"key-1": "value-1"}, key="k1")
    gallery.enroll("second-name", vectors(2, 1), tags={"key-2": "value-2"})
    gallery.enroll("bystander", vectors(2, 2), tags={"key-3": "value-3"})
    gallery.rename("first-name", "third-name")
    gallery.merge(["third-name", "second-name"], "fourth-name")
    undone = gallery.rename("fourth-name", "fifth-name")
    gallery.undo(undone.id)
    gone = ["first-name", "second-name", "third-name", "fourth-name", "fifth-name",
            "key-1", "value-1", "key-2", "value-2", "source-1"]  # fmt: skip
    gallery.rename("bystander", "somebody-else")
    assert there(path, ["first-name", "fourth-name", "value-1"])
    gallery.forget("fourth-name")
    assert there(path, gone) == []
    assert there(path, ["bystander", "somebody-else", "value-3"]) == ["bystander", "somebody-else", "value-3"]
    assert [act.identities for act in gallery.acts()] == [{"bystander": "somebody-else"}]


@pytest.mark.parametrize("how", ["templates", "before", "replace"])
def test_who_was_merged_and_has_no_template_left_is_in_no_file(gallery, path, how):
    gallery.enroll("kept-name", vectors(1), tags={"key": "value"})
    gallery.enroll("first-name", vectors(2, 1))
    gallery.rename("first-name", "second-name")
    gallery.merge(["kept-name", "second-name"], "kept-name")
    ids = [one.id for one in gallery.templates("kept-name")]
    if how == "templates":
        gallery.forget_templates(ids[1:])
    elif how == "before":
        gallery.forget_before("2100-01-01")
    else:
        gallery.enroll_many([("kept-name", vectors(1), None)], replace=True)
    assert there(path, ["first-name", "second-name"]) == []
    assert gallery.acts() == []
    assert len(gallery) == (how != "before")


def test_a_name_that_only_a_split_gave_goes_with_its_templates(gallery, path):
    ids = gallery.enroll("first-name", vectors(3))
    act = gallery.split("first-name", ids[:1], "second-name")
    gallery.forget("second-name")
    assert there(path, ["second-name"]) == []
    assert there(path, ["first-name"]) == ["first-name"]
    with pytest.raises(InputError, match=f"no act {act.id}"):
        gallery.undo(act.id)


def test_who_has_nothing_left_when_a_merging_is_undone_is_forgotten(gallery, path):
    ids = gallery.enroll("first-name", vectors(2))
    gallery.enroll("second-name", vectors(2, 1))
    act = gallery.merge(["second-name"], "first-name")
    gallery.forget_templates(ids)
    assert gallery.undo(act.id).identities == {"first-name": "first-name", "second-name": "first-name"}
    assert gallery.names() == ["second-name"]
    assert gallery.acts() == []
    assert there(path, ["first-name"]) == []


# --- whole numbers ------------------------------------------------------------------------------------------


def test_counts_hold_through_every_act(gallery, path):
    """The triggers that count rows see identities come and go with merging and splitting."""
    ids = [gallery.enroll(name, vectors(3, n)) for n, name in enumerate(["a", "b", "c"])]
    done = [gallery.merge(["a", "b"], "d"), gallery.split("d", ids[0][:1], "e"), gallery.merge(["c", "e"], "c")]
    for step in [*reversed(done), None]:
        with closing(sqlite3.connect(path / "gallery.sqlite3")) as connection:
            (told,) = connection.execute("SELECT identities, templates FROM tally").fetchall()
            true = tuple(
                connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("identity", "template")
            )
            assert told == true == (gallery.counts().identities, gallery.counts().templates)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if step is not None:
            gallery.undo(step.id)
    assert {one.name: one.templates for one in gallery.people()} == {"a": 3, "b": 3, "c": 3}


def test_templates_of_landmarks_stay_with_their_place(path):
    with open_gallery(path) as gallery:
        gallery.bind("f", "net", "cosine", D)
        update = AnnexUpdate({"church": Kept({}, {"photos": np.ones((1, D), np.float32)}, ["a.jpg"])})
        ids = gallery.enroll_with_annex([("church", vectors(2), None)], lambda ids: update)["church"]
        for refused in (
            lambda: gallery.merge(["church"], "chapel"),
            lambda: gallery.split("church", ids[:1], "chapel"),
            lambda: gallery.forget_templates(ids),
            lambda: gallery.forget_before("2100-01-01"),
        ):
            with pytest.raises(InputError, match="is a gallery of landmarks"):
                refused()
        assert gallery.counts().templates == 2


# --- older galleries ----------------------------------------------------------------------------------------


def content(gallery):
    return [(one.id, one.identity, one.vector.tobytes(), one.source) for one in gallery.templates()]


def test_a_gallery_of_version_3_gets_everything(path):
    shutil.copytree(OLD, path)
    with open_gallery(path, create=False) as gallery:
        assert gallery.stats()["format_version"] == FORMAT_VERSION
        assert [one.templates for one in gallery.page(3, after="p00")] == [2, 1, 1]  # p03 was forgotten then
        assert gallery.templates("p01")[0].quality is None
        first = gallery.search(vectors(1, d=4), k=3)
        assert gallery.stats()["index"]["segments"] != []
        act = gallery.merge(["p00", "p01"], "p01")
        gallery.tag("p02", {"site": "Berlin"})
        assert [one.identity for one in gallery.search(vectors(1, d=4), where={"site": "Berlin"})[0]] == ["p02"]
        gallery.undo(act.id)
        assert gallery.search(vectors(1, d=4), k=3) == first
        assert gallery.enroll("new", vectors(1, d=4), qualities=[0.5], key="k") == [23]


def test_a_gallery_of_version_3_that_cannot_be_written_to_is_read_and_searched(path):
    shutil.copytree(OLD, path)
    with closing(sqlite3.connect(path / "gallery.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")  # as if the disk were read-only: it is not migrated
        with EmbeddedGallery(path, create=False, timeout=0.1) as gallery:
            assert gallery.stats()["format_version"] == 3
            assert len(content(gallery)) == gallery.counts().templates == 20
            assert [one.name for one in gallery.page(2)] == ["p00", "p01"]
            assert gallery.page(where={"site": "Berlin"}) == []
            assert len(gallery.templates_page(7)) == 7
            assert gallery.acts() == []
            assert len(gallery.search(vectors(1, d=4), k=3)[0]) == 3
            found = gallery.search_counted(vectors(1, d=4), where={"site": "Berlin"})
            assert (found.candidates, found.counts.templates) == ([[]], 0)
        writer.execute("ROLLBACK")
    # One that was opened then, and is written to later, is migrated by that.
    with closing(sqlite3.connect(path / "gallery.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        gallery = EmbeddedGallery(path, create=False)
        writer.execute("ROLLBACK")
    with gallery:
        assert gallery.tag("p00", {"site": "Berlin"}) == {"site": "Berlin"}
        assert gallery.stats()["format_version"] == FORMAT_VERSION
