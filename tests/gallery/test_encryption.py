"""Encrypted galleries: what is stored, what destroying a key does, and what is found out."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from lookalike.errors import ArtefactError, InputError, MissingDependencyError, StorageError, UnknownIdentityError
from lookalike.gallery import open_gallery
from lookalike.gallery.database import FILE_NAME

KEY = bytes(range(32))
VECTORS = np.random.default_rng(0).standard_normal((40, 16)).astype(np.float32)


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("LOOKALIKE_GALLERY_KEY_FILE", "LOOKALIKE_GALLERY_KEY", "LOOKALIKE_GALLERY_KEYRING"):
        monkeypatch.delenv(name, raising=False)


def opened(path, key=KEY, **given):
    gallery = open_gallery(path, key=key, **given)
    gallery.bind("f", "net", "cosine", 16)
    return gallery


def filled(path, count=5):
    with opened(path) as gallery:
        gallery.enroll_many([(f"person {i}", VECTORS[3 * i : 3 * i + 2], [f"/a/{i}.jpg", ""]) for i in range(count)])


def files(*folders):
    paths = [path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*"))]
    return b"".join(path.read_bytes() for path in paths if path.is_file())


def changed(path, sql):
    """Change the database as whoever has the file can."""
    with closing(sqlite3.connect(path / FILE_NAME)) as connection, connection:
        connection.execute(sql)


def test_it_answers_as_a_plain_one(tmp_path):
    people = [(f"Zoë {i % 7} {i}", VECTORS[i : i + 2], [f"{i}.jpg", "x"]) for i in range(0, 40, 2)]
    answers = []
    for key in (None, KEY):
        with opened(tmp_path / f"{key}", key) as gallery:
            gallery.enroll_many(people)
            gallery.enroll(people[3][0], VECTORS[5])
            gallery.forget(people[4][0])
            gallery.enroll_many([(people[5][0], VECTORS[:1], None)], replace=True)
        with opened(tmp_path / f"{key}", key, create=False) as gallery:
            templates = [(t.id, t.identity, t.vector.tobytes(), t.source) for t in gallery.templates()]
            one = [t.source for t in gallery.templates(people[3][0])]
            found = [[(c.identity, c.distance, c.template_id) for c in row] for row in gallery.search(VECTORS[:9], 6)]
            people_now = [(p.name, p.templates) for p in gallery.people()]
            counts = gallery.counts()
            answers.append((templates, one, found, people_now, gallery.names(), gallery.uncovered(), counts))
            assert gallery.stats()["encrypted"] is (key is not None)
    assert answers[0] == answers[1]


def test_more_people_than_keys_that_are_held(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.gallery.encryption._HELD", 3)
    with opened(tmp_path / "g") as gallery:
        gallery.enroll_many([(str(i), VECTORS[i], None) for i in range(10)])
        gallery.merge([str(i) for i in range(5)], "0")
        assert [len(row) for row in gallery.search(VECTORS[:2], 10)] == [6, 6]
        assert gallery.names() == ["0", *map(str, range(5, 10))]


def test_enrolling_again_changes_nothing(tmp_path):
    with opened(tmp_path / "g") as gallery:
        ids = gallery.enroll("Ada", VECTORS[:3])
        assert gallery.enroll("Ada", VECTORS[:3]) == ids
        assert gallery.enroll("Bob", VECTORS[:1]) == [4]
        assert [one.templates for one in gallery.people()] == [3, 1]


def history(gallery):
    """Acts of every kind; what the gallery answers after each."""
    told = []

    def look():
        people = [(one.name, one.templates, dict(one.tags)) for one in gallery.people()]
        templates = [(t.id, t.identity, t.vector.tobytes(), t.source, t.quality) for t in gallery.templates()]
        acts = [(a.id, a.kind, dict(a.identities), a.templates, a.undone) for a in gallery.acts()]
        found = [[(c.identity, c.template_id) for c in row] for row in gallery.search(VECTORS[:9], 9)]
        some = [[c.identity for c in row] for row in gallery.search(VECTORS[:3], 5, where={"site": ["Rom", "Bern"]})]
        page = [one.name for one in gallery.page(3, after="B", where={"site": "Bern"}, prefix="")]
        begin = [one.name for one in gallery.page(3, prefix="C")]
        told.append((people, templates, acts, found, some, page, begin, gallery.names()))

    gallery.enroll("Ada", VECTORS[:3], ["a", "b", "c"], tags={"site": "Bern", "role": "staff"}, qualities=[0.1, 0.2, 1])
    gallery.enroll("Bob", VECTORS[2:5], tags={"site": "Rom"}, key="once")
    gallery.enroll("Bob", VECTORS[2:5], tags={"site": "Rom"}, key="once")
    gallery.enroll_many([("Cyd", VECTORS[6:8], None), ("Cy", VECTORS[8], None)])
    look()
    renamed = gallery.rename("Cyd", "Cid")
    look()
    gallery.tag("Cid", {"site": "Bern", "floor": "3"})
    gallery.tag("Cid", {"floor": None})
    merged = gallery.merge(["Ada", "Bob"], "Ada")
    look()
    split = gallery.split("Ada", [2, 4], "Eve")
    look()
    for act in (split, merged):
        gallery.undo(act.id)
        look()
    gallery.merge(["Cid", "Cy"], "Cleo")
    look()
    gallery.undo(gallery.acts()[0].id)
    gallery.undo(renamed.id)
    look()
    gallery.forget_templates([1, 9])
    gallery.merge(["Ada", "Bob"], "Bob")
    gallery.forget("Cyd")
    look()
    return told


def test_acts_tags_and_filters_are_those_of_a_plain_one(tmp_path):
    with opened(tmp_path / "plain", None) as plain, opened(tmp_path / "g") as encrypted:
        assert history(encrypted) == history(plain)
        acts = [[(e.act, len(e.subjects), e.details) for e in one.audit.entries()] for one in (plain, encrypted)]
        assert acts[0] == acts[1]
        assert encrypted.audit.verified().fault is None
        last = encrypted.people()
    with opened(tmp_path / "g", create=False) as again:
        assert again.people() == last
    held = files(tmp_path / "g", tmp_path / "g.keys")
    assert not any(text in held for text in (b"Bern", b"staff", b"Cleo", b"Cyd", b"Eve"))


def test_a_backup_from_before_a_merging_is_read_until_somebody_is_forgotten(tmp_path):
    path, before, merged = tmp_path / "g", tmp_path / "before", tmp_path / "merged"

    def names(backup):
        shutil.rmtree(path)
        shutil.copytree(backup, path)
        with opened(path, create=False) as gallery:
            return gallery.names(), [one.identity for one in gallery.templates()]

    filled(path, 3)
    shutil.copytree(path, before)
    with opened(path) as gallery:
        act = gallery.merge(["person 0", "person 1"], "person 0")
    shutil.copytree(path, merged)
    with opened(path) as gallery:
        gallery.undo(act.id)
    live = tmp_path / "live"
    shutil.copytree(path, live)
    assert names(before)[0] == ["person 0", "person 1", "person 2"]
    assert names(merged)[0] == ["person 0", "person 2"]
    names(live)
    with opened(path) as gallery:
        gallery.forget("person 1")
    assert names(before) == (["person 0", "person 2"], ["person 0"] * 2 + ["person 2"] * 2)
    assert names(merged) == (["person 0", "person 2"], ["person 0"] * 2 + ["person 2"] * 2)  # not person 1's templates
    with opened(path) as gallery:
        assert gallery.acts() == []


def test_forgotten_templates_are_unreadable_in_backups_too(tmp_path):
    path, backup = tmp_path / "g", tmp_path / "backup"
    filled(path, 2)
    shutil.copytree(path, backup)
    with opened(path) as gallery:
        gallery.forget_templates([1, 3, 4])
    shutil.rmtree(path)
    shutil.copytree(backup, path)
    with opened(path) as gallery:
        assert [(one.id, one.identity) for one in gallery.templates()] == [(2, "person 0")]


@pytest.mark.parametrize("still_open", [True, False])
def test_no_file_holds_a_vector_a_name_or_a_source(tmp_path, still_open, monkeypatch):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 3)
    monkeypatch.setattr("lookalike.gallery.background_builder.WAIT", 0.0)
    path = tmp_path / "people.gallery"
    filled(path)
    gallery = opened(path)
    gallery.search(VECTORS[:3])
    gallery.enroll("a new person", VECTORS[30], ["/a/new.jpg"])
    if not still_open:
        gallery.close()
    held = files(tmp_path)
    assert (path / f"{FILE_NAME}-wal").exists() == still_open
    for vector in VECTORS:
        assert vector.tobytes() not in held
        assert (vector / np.linalg.norm(vector)).tobytes()[:16] not in held
    assert not any(text in held for text in (b"person 1", b"a new person", b"/a/1.jpg", b"/a/new.jpg"))
    assert not (path / "segments").exists()
    gallery.close()


def test_forgetting_destroys_the_key_so_that_no_backup_can_be_read(tmp_path):
    path, backup = tmp_path / "people.gallery", tmp_path / "backup"
    filled(path)
    shutil.copytree(path, backup)
    with opened(path) as gallery:
        traces = gallery.traces("person 2")
        assert len(traces.stored) == 8  # two vectors; keys of the person and of two templates, as they are and wrapped
        assert all(
            one in files(path, tmp_path / "people.gallery.keys") for one in [*traces.stored[:2], traces.stored[3]]
        )
        gallery.forget("person 2")
        assert not any(one in files(path, tmp_path / "people.gallery.keys") for one in traces.stored)
    shutil.rmtree(path)
    backup.rename(path)
    assert all(one in files(path) for one in traces.stored[:2])  # still there, as what nobody can read
    with opened(path, create=False) as restored:
        assert restored.names() == ["person 0", "person 1", "person 3", "person 4"]
        assert restored.search(VECTORS[6], 1)[0][0].identity != "person 2"
        assert restored.templates("person 3")[0].vector.tobytes() == VECTORS[9].tobytes()
        with pytest.raises(UnknownIdentityError):
            restored.templates("person 2")
        assert restored.counts().identities == 4
    assert not any(one in files(path) for one in traces.stored[:2])


def test_an_older_backup_does_not_destroy_keys_of_later_people(tmp_path):
    path, backup = tmp_path / "people.gallery", tmp_path / "backup"
    filled(path, 2)
    shutil.copytree(path, backup)
    with opened(path) as gallery:
        gallery.enroll("later", VECTORS[30])
    path.rename(tmp_path / "live")
    backup.rename(path)
    with opened(path) as gallery:
        assert gallery.names() == ["person 0", "person 1"]
        gallery.enroll("another", VECTORS[31])
        gallery.forget("person 1")
    shutil.rmtree(path)
    (tmp_path / "live").rename(path)
    with opened(path) as gallery:
        assert gallery.names() == ["later", "person 0"]
        assert gallery.templates("later")[0].vector.tobytes() == VECTORS[30].tobytes()


def test_a_keyring_may_lie_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_GALLERY_KEYRING", str(tmp_path / "safe" / "people.keys"))
    filled(tmp_path / "g", 1)
    assert (tmp_path / "safe" / "people.keys").is_file()
    assert not (tmp_path / "g.keys").exists()
    monkeypatch.setenv("LOOKALIKE_GALLERY_KEYRING", str(tmp_path / "g" / "people.keys"))
    with pytest.raises(InputError, match=r"the keyring .* lies in the gallery"):
        opened(tmp_path / "g")


def test_a_keyring_older_than_the_gallery_deletes_nobody(tmp_path):
    path, keys = tmp_path / "g", tmp_path / "g.keys"
    filled(path, 1)
    shutil.copy(keys, tmp_path / "old")
    with opened(path) as gallery:
        gallery.enroll("later", VECTORS[30])
    newest = keys.read_bytes()
    shutil.copy(tmp_path / "old", keys)
    with opened(path) as gallery, pytest.raises(ArtefactError, match="lacks the keys of 1 in the gallery: it is older"):
        gallery.names()
    keys.write_bytes(newest)
    with opened(path) as gallery:
        assert gallery.names() == ["later", "person 0"]


def test_one_clear_error_each(tmp_path, monkeypatch, caplog):
    path = tmp_path / "g"
    filled(path, 1)
    with pytest.raises(InputError, match=r"is encrypted; give its key: --key-file FILE, LOOKALIKE_GALLERY_KEY_FILE"):
        open_gallery(path)
    with pytest.raises(ArtefactError, match="the key given is not the key of"):
        open_gallery(path, key=bytes(32))
    (tmp_path / "g.keys").rename(tmp_path / "lost")
    with pytest.raises(ArtefactError, match="is not there; without it nobody in the gallery can be read"):
        opened(path)
    filled(tmp_path / "h", 1)
    shutil.copy(tmp_path / "h.keys", tmp_path / "g.keys")
    with pytest.raises(ArtefactError, match="is the keyring of another gallery"):
        opened(path)
    open_gallery(tmp_path / "plain").close()
    with pytest.raises(InputError, match="is not encrypted, and a key was given"):
        open_gallery(tmp_path / "plain", key=KEY)
    monkeypatch.setenv("LOOKALIKE_GALLERY_KEY", "A" * 43 + "=")
    open_gallery(tmp_path / "plain").close()
    assert "is not encrypted: the key of the environment is not used" in caplog.text


def test_without_cryptography_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lookalike\[encryption\]'"):
        open_gallery(tmp_path / "g", key=KEY)
    assert list(tmp_path.iterdir()) == []


def test_plain_galleries_do_not_load_cryptography(tmp_path):
    program = (
        "import sys; from lookalike.gallery import open_gallery\n"
        f"with open_gallery({str(tmp_path / 'g')!r}) as g: g.bind('f', 'n', 'cosine', 2); g.enroll('Ada', [1, 2])\n"
        "print('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


DAMAGE = {
    "vector of another row": "UPDATE template SET vector = (SELECT vector FROM template WHERE id = 2) WHERE id = 1",
    "vector changed": "UPDATE template SET vector = zeroblob(92) WHERE id = 1",
    "vector cut short": "UPDATE template SET vector = x'00' WHERE id = 1",
    "source for vector": "UPDATE template SET vector = source WHERE id = 1",
    "another's vector": "UPDATE template SET identity_id = 2 WHERE id = 1",
}


@pytest.mark.parametrize("sql", DAMAGE.values(), ids=DAMAGE)
def test_damaged_and_exchanged_rows_are_found(tmp_path, sql):
    filled(tmp_path / "g", 2)
    changed(tmp_path / "g", sql)
    with opened(tmp_path / "g") as gallery:
        with pytest.raises(ArtefactError, match=r"damaged: template\.vector of row 1 was not encrypted"):
            gallery.templates()
        with pytest.raises(ArtefactError, match=r"damaged: template\.vector of row 1"):
            gallery.search(VECTORS[0])


def test_exchanged_names_are_found(tmp_path):
    filled(tmp_path / "g", 2)
    with closing(sqlite3.connect(tmp_path / "g" / FILE_NAME)) as connection, connection:
        (first,), (second,) = connection.execute("SELECT name FROM identity ORDER BY id").fetchall()
        for name, number in (("none", 1), (first, 2), (second, 1)):
            connection.execute("UPDATE identity SET name = ? WHERE id = ?", (name, number))
    with opened(tmp_path / "g") as gallery, pytest.raises(ArtefactError, match="names of two people were exchanged"):
        gallery.names()


def test_a_kill_between_the_commit_of_forget_and_the_key_is_finished_at_the_next_opening(tmp_path, monkeypatch):
    path = tmp_path / "g"
    filled(path, 2)
    with opened(path) as gallery:
        traces = gallery.traces("person 1")

        def killed():
            raise StorageError("killed")

        monkeypatch.setattr(gallery._database.sealing, "finish", killed)
        with pytest.raises(StorageError, match="old bytes are still on the disk: killed"):
            gallery.forget("person 1")
        assert traces.stored[3] in files(tmp_path / "g.keys")
    with opened(path) as gallery:
        assert gallery.names() == ["person 0"]
        assert traces.stored[3] not in files(tmp_path / "g.keys")


def test_a_rolled_back_enrolment_leaves_no_key_that_is_used(tmp_path, monkeypatch):
    with opened(tmp_path / "g") as gallery:
        gallery.enroll("Ada", VECTORS[0])
        monkeypatch.setattr(gallery._database.sealing, "before_commit", lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            gallery.enroll("Bob", VECTORS[1])
        monkeypatch.undo()
        gallery.enroll("Cyd", VECTORS[2])
        assert gallery.names() == ["Ada", "Cyd"]
    with opened(tmp_path / "g") as gallery:
        assert [one.identity for one in gallery.templates()] == ["Ada", "Cyd"]


def test_a_reader_of_another_process_sees_who_was_forgotten_leave(tmp_path):
    path = tmp_path / "g"
    filled(path, 3)
    with opened(path) as one, opened(path) as other:
        one.forget("person 1")
        assert {c.identity for c in other.search(VECTORS[3], 5)[0]} == {"person 0", "person 2"}
        assert other.names() == ["person 0", "person 2"]
        other.enroll("person 1", VECTORS[3])
        assert one.search(VECTORS[3], 1)[0][0].identity == "person 1"
        assert one.templates("person 1")[0].vector.tobytes() == VECTORS[3].tobytes()


def test_landmarks_are_refused(tmp_path):
    with pytest.raises(InputError, match="is encrypted, and landmarks were asked of it"):
        open_gallery(tmp_path / "g", kind="landmarks", key=KEY)


def test_a_read_only_folder_is_read(tmp_path):
    path = tmp_path / "g"
    filled(path, 2)
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    for one in (*path.iterdir(), path):
        one.chmod(0o500 if one.is_dir() else 0o400)
    try:
        with open_gallery(path, create=False, key=KEY) as gallery:
            assert gallery.names() == ["person 0", "person 1"]
    finally:
        path.chmod(0o700)
