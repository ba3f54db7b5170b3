"""The audit log: what is written, what it does not say, and what verification finds out."""

import getpass
import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.gallery import open_gallery
from lookalike.gallery.actor import actor_name
from lookalike.gallery.audit import NO_HASH, audit_of, audited, open_audit_log
from lookalike.gallery.database import FILE_NAME

KEY = bytes(32)
VECTORS = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)


def opened(path, **given):
    gallery = open_gallery(path, **given)
    gallery.bind("f", "net", "cosine", 4)
    return gallery


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def gallery(tmp_path, request):
    with opened(tmp_path / "g", key=request.param, actor="reception") as gallery:
        yield gallery


def acts(gallery):
    return [(entry.act, len(entry.subjects), entry.details) for entry in gallery.audit.entries()]


def test_acts_are_written_with_who_did_them(gallery):
    gallery.enroll("Ada", VECTORS[:2])
    gallery.enroll_many([("Bob", VECTORS[2:3], None), ("Cyd", VECTORS[3:5], None)])
    gallery.enroll("Ada", VECTORS[:1])  # nothing new: nothing is done
    gallery.enroll_many([("Bob", VECTORS[9:10], None)], replace=True)
    gallery.forget("Ada")
    gallery.search(VECTORS[:1])
    assert acts(gallery) == [
        ("enroll", 1, {"templates": 2}),
        ("enroll", 2, {"templates": 3}),
        ("replace", 1, {"templates": 1}),
        ("forget", 1, {"templates": 2}),
    ]
    entries = gallery.audit.entries()
    assert {entry.actor for entry in entries} == {"reception"}
    assert [entry.n for entry in entries] == [1, 2, 3, 4]
    assert entries[0].subjects == entries[3].subjects
    assert entries[2].subjects[0] == entries[1].subjects[0]
    assert gallery.audit.head() == (4, entries[3].hash)
    verdict = gallery.audit.verified()
    assert (verdict.entries, verdict.head, verdict.fault) == (4, entries[3].hash, None)
    assert [e.n for e in gallery.audit.entries(act="enroll")] == [1, 2]
    assert [e.n for e in gallery.audit.entries(subject=entries[0].subjects[0])] == [1, 4]
    assert gallery.audit.entries(since="9999") == []


def test_what_is_rolled_back_is_not_in_the_log(gallery):
    gallery.enroll("Ada", VECTORS[0])

    def fails():
        with gallery._database.write("written"):
            audited(gallery._database, "enroll", [1])
            raise StorageError("full")

    with pytest.raises(StorageError, match="full"):
        fails()
    assert len(gallery.audit.entries()) == 1


def test_it_names_nobody_and_a_forgotten_one_cannot_be_told_from_others(gallery, tmp_path):
    gallery.enroll("Ada Lovelace", VECTORS[0])
    gallery.enroll("Bob", VECTORS[1])
    (first, second) = [entry.subjects[0] for entry in gallery.audit.entries()]
    assert gallery.audit.pseudonym("Ada Lovelace") == first
    gallery.forget("Ada Lovelace")
    log = json.dumps([entry.__dict__ for entry in gallery.audit.entries()])
    assert "Ada" not in log
    with gallery._database.read("read"):
        assert [row[0].hex() for row in gallery._database.run("SELECT pseudonym FROM audit_subject")] in ([second], [])
    assert gallery.audit.verified().fault is None
    gallery.enroll("Ada Lovelace", VECTORS[0])  # again: as somebody else
    assert gallery.audit.entries()[-1].subjects[0] not in (first, second)


def test_many_identities_are_several_entries(gallery, monkeypatch):
    monkeypatch.setattr("lookalike.gallery.audit._SUBJECTS", 3)
    gallery.enroll_many([(str(i), VECTORS[i], None) for i in range(7)])
    assert [len(entry.subjects) for entry in gallery.audit.entries()] == [3, 3, 1]


def test_the_log_is_read_without_the_key_and_without_changing_anything(gallery, tmp_path):
    gallery.enroll("Ada", VECTORS[0])
    gallery.close()
    before = (tmp_path / "g" / FILE_NAME).read_bytes()
    with open_audit_log(tmp_path / "g") as log:
        assert log.verified().entries == 1
    assert (tmp_path / "g" / FILE_NAME).read_bytes() == before
    with pytest.raises(ArtefactError, match="is not there"), open_audit_log(tmp_path / "nowhere"):
        pass
    with pytest.raises(InputError, match="keeps no audit log"), open_audit_log("milvus://host:1/x"):
        pass
    with pytest.raises(InputError, match="keeps no audit log"):
        audit_of("not a gallery")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET actor = 'nobody' WHERE n = 2",
        "DELETE FROM audit WHERE n = 3",
        "INSERT INTO audit SELECT 7, at, actor, act, subjects, details, previous, hash FROM audit WHERE n = 1",
        "INSERT OR REPLACE INTO audit SELECT 2, at, actor, act, subjects, details, previous, hash FROM audit "
        "WHERE n = 1",
    ],
)
def test_the_database_refuses_to_change_what_is_written(tmp_path, sql):
    with opened(tmp_path / "g") as gallery:
        for i in range(3):
            gallery.enroll(str(i), VECTORS[i])
    with (
        closing(sqlite3.connect(tmp_path / "g" / FILE_NAME)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only added to"),
    ):
        connection.execute(sql)


CHANGES = {
    "an actor": ("UPDATE audit SET actor = 'nobody' WHERE n = 2", 2, "entry 2 was changed"),
    "a time": ("UPDATE audit SET at = '2000-01-01' WHERE n = 1", 1, "entry 1 was changed"),
    "details": ("UPDATE audit SET details = '{}' WHERE n = 3", 3, "entry 3 was changed"),
    "subjects": ("UPDATE audit SET subjects = '[]' WHERE n = 4", 4, "entry 4 was changed"),
    "a hash": (f"UPDATE audit SET hash = '{'1' * 64}' WHERE n = 2", 2, "entry 2 was changed"),
    "taken out": ("DELETE FROM audit WHERE n = 2", 2, "entry 2 is missing"),
    "taken out and numbered anew": (
        "DELETE FROM audit WHERE n = 2; UPDATE audit SET n = n - 1 WHERE n > 2",
        2,
        "entry 2 is not chained to the one before",
    ),
    "the first": ("DELETE FROM audit WHERE n = 1", 1, "entry 1 is missing"),
}


@pytest.mark.parametrize(("sql", "bad", "fault"), CHANGES.values(), ids=CHANGES)
def test_verification_names_the_first_bad_entry(tmp_path, sql, bad, fault):
    with opened(tmp_path / "g") as gallery:
        for i in range(4):
            gallery.enroll(str(i), VECTORS[i])
    with closing(sqlite3.connect(tmp_path / "g" / FILE_NAME)) as connection:
        triggers = "DROP TRIGGER audit_UPDATE; DROP TRIGGER audit_DELETE; DROP TRIGGER audit_INSERT;"
        connection.executescript(triggers + sql)
    with open_audit_log(tmp_path / "g") as log:
        verdict = log.verified()
    assert (verdict.first_bad, verdict.fault) == (bad, fault)


def test_a_cut_end_and_a_log_written_anew_are_found_by_a_noted_head(tmp_path):
    with opened(tmp_path / "g") as gallery:
        for i in range(4):
            gallery.enroll(str(i), VECTORS[i])
        n, head = gallery.audit.head()
        assert gallery.audit.verified(head).fault is None
        gallery.enroll("5", VECTORS[5])
        assert gallery.audit.verified(head).fault is None  # an earlier head is still there
        assert gallery.audit.verified(head, n).fault is None
        assert gallery.audit.verified(head, 2).fault == "entry 2 is another than the one that was noted"
    with closing(sqlite3.connect(tmp_path / "g" / FILE_NAME)) as connection, connection:
        connection.execute("DROP TRIGGER audit_DELETE")
        connection.execute("DELETE FROM audit WHERE n > 2")
    with open_audit_log(tmp_path / "g") as log:
        assert log.verified().fault is None  # without what was noted, nobody can tell
        verdict = log.verified(head, n)
        assert (verdict.first_bad, verdict.entries) == (3, 2)
        assert "cut off" in verdict.fault


def test_an_empty_log_is_whole(tmp_path):
    with opened(tmp_path / "g") as gallery:
        assert gallery.audit.head() == (0, NO_HASH)
        verdict = gallery.audit.verified(NO_HASH)
        assert (verdict.entries, verdict.head, verdict.fault) == (0, NO_HASH, None)


def test_details_that_are_no_json_are_damage(tmp_path):
    with opened(tmp_path / "g") as gallery:
        gallery.enroll("Ada", VECTORS[0])
        with gallery._database.write("written"):
            gallery._database.run("DROP TRIGGER audit_UPDATE")
            gallery._database.run("UPDATE audit SET details = 'x'")
        with pytest.raises(ArtefactError, match=r"entry 1 of the audit log of .* is damaged"):
            gallery.audit.entries()


def test_two_processes_write_one_chain(tmp_path):
    with opened(tmp_path / "g", actor="one") as one, opened(tmp_path / "g", actor="two") as two:
        for i in range(4):
            (one, two)[i % 2].enroll(str(i), VECTORS[i])
        assert [entry.actor for entry in one.audit.entries()] == ["one", "two", "one", "two"]
        assert two.audit.verified().fault is None


# --- searches ---------------------------------------------------------------------------------------------


def test_searches_are_written_where_the_gallery_asks_for_it(gallery, tmp_path, request):
    key = KEY if gallery.stats()["encrypted"] else None
    gallery.enroll_many([(str(i), VECTORS[i], None) for i in range(4)])
    assert gallery.audit.policy == "acts"
    gallery.audit.set_policy("searches")
    gallery.audit.set_policy("searches")  # again: nothing
    with pytest.raises(InputError, match="audit policy is 'all'; expected acts or searches"):
        gallery.audit.set_policy("all")
    names = [gallery.audit.pseudonym(str(i)) for i in range(4)]
    with opened(tmp_path / "g", key=key, actor="gate") as other:
        other.search(VECTORS[:2], k=2)
        other.search(VECTORS[3], k=1)
        gallery.forget("3")
    *_, policy, forgotten, entry = gallery.audit.entries()
    assert (policy.act, policy.details, forgotten.act) == ("policy", {"policy": "searches"}, "forget")
    assert (entry.act, entry.actor) == ("search", "gate")
    found = [[[entry.subjects[i] for i in row] for row in one["found"]] for one in entry.details["searches"]]
    assert [[row[0] for row in one] for one in found[:1]] == [[names[0], names[1]]]
    assert found[1] == [[]]  # who was forgotten meanwhile has no pseudonym
    assert [one["k"] for one in entry.details["searches"]] == [2, 1]
    assert gallery.audit.verified().fault is None


def test_searches_are_written_soon_also_while_the_gallery_stays_open(tmp_path, monkeypatch):
    import time

    monkeypatch.setattr("lookalike.gallery.search_log.DELAY", 0.01)
    with opened(tmp_path / "g") as gallery:
        gallery.enroll("Ada", VECTORS[0])
        gallery.audit.set_policy("searches")
    with opened(tmp_path / "g") as gallery:
        gallery.search(VECTORS[0])
        while not gallery.audit.entries(act="search"):
            time.sleep(0.01)


def test_a_search_does_not_wait_for_a_writer_and_is_written_later(tmp_path):
    with opened(tmp_path / "g") as gallery:
        gallery.enroll("Ada", VECTORS[0])
        gallery.audit.set_policy("searches")
    with opened(tmp_path / "g") as writer, opened(tmp_path / "g") as gallery:
        with writer._database.write("written"):
            assert gallery.search(VECTORS[0])[0][0].identity == "Ada"
            gallery._searches.write(wait=False)
            assert gallery.audit.entries(act="search") == []
        gallery._searches.write(wait=False)
        assert len(gallery.audit.entries(act="search")) == 1


# --- who --------------------------------------------------------------------------------------------------


def test_the_actor_is_given_or_of_the_environment_or_the_user(monkeypatch):
    monkeypatch.delenv("LOOKALIKE_ACTOR", raising=False)
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    assert actor_name(None) == "grace"
    monkeypatch.setenv("LOOKALIKE_ACTOR", "gate 3")
    assert (actor_name(None), actor_name(" desk ")) == ("gate 3", "desk")
    for bad in ("", "  ", "two\nlines", "x" * 201, 5):
        with pytest.raises(InputError, match="give one line of 1 to 200 characters"):
            actor_name(bad)
