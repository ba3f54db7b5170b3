"""What enters a gallery, few rows or many: the same identities, templates and counts, or nothing."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.gallery import EmbeddedGallery, Enrolment, open_gallery, storing
from lookalike.gallery.database import _COUNTING

D = 3
VECTORS = np.random.default_rng(5).normal(size=(6, D)).astype(np.float32)
#: A call: identities, each with some of few vectors, so that many come twice.
CALL = st.dictionaries(st.sampled_from("ABCDE"), st.lists(st.integers(0, 5), min_size=1, max_size=4), max_size=5)


def opened(path):
    gallery = EmbeddedGallery(path)
    gallery.bind("f1", "arcface", "cosine", D)
    return gallery


def held(gallery):
    """Of every template the id, the identity and the vector."""
    return [(one.id, one.identity, one.vector.tobytes()) for one in gallery.templates()]


def counted(gallery):
    """What the tally says, and how many rows there are."""
    one = gallery._database.one
    return one("SELECT identities, templates FROM tally"), (
        one("SELECT count(*) FROM identity")[0], one("SELECT count(*) FROM template")[0]
    )  # fmt: skip


@given(calls=st.lists(CALL, min_size=1, max_size=4), at_a_time=st.sampled_from([1, 3, 10_000]))
@settings(max_examples=40, deadline=None)
def test_many_rows_are_stored_as_few_are(tmp_path_factory, calls, at_a_time):
    expected, next_id = {}, 1
    with (
        pytest.MonkeyPatch.context() as patch,
        opened(tmp_path_factory.mktemp("storing") / "people.gallery") as gallery,
    ):
        patch.setattr(storing, "_AT_A_TIME", at_a_time)
        for call in calls:
            answered = gallery.enroll_many([(name, VECTORS[rows], None) for name, rows in call.items()])
            for name, rows in call.items():
                own = expected.setdefault(name, {})
                for row in rows:
                    if row not in own:
                        own[row], next_id = next_id, next_id + 1
                assert answered[name] == [own[row] for row in rows]
        wanted = sorted(
            (id_, name, VECTORS[row].tobytes()) for name, own in expected.items() for row, id_ in own.items()
        )
        assert held(gallery) == wanted
        told, there = counted(gallery)
        assert told == there == (len(expected), next_id - 1)


@pytest.mark.parametrize("key", [None, bytes(range(32))])
def test_a_failure_among_many_rows_leaves_nothing_and_goes_on_counting(tmp_path, monkeypatch, key):
    monkeypatch.setattr(storing, "_AT_A_TIME", 2)
    with open_gallery(tmp_path / "people.gallery", key=key) as gallery:
        gallery.bind("f1", "arcface", "cosine", D)
        gallery.enroll_many([("A", VECTORS[:3], None)])
        before, database = held(gallery), gallery._database
        run_many = database.run_many

        def failing(sql, rows):
            rows = list(rows)
            if any(len(row) > 3 and row[1] == 3 for row in rows):  # templates of the third identity
                raise sqlite3.OperationalError("injected")
            run_many(sql, rows)

        monkeypatch.setattr(database, "run_many", failing)
        with pytest.raises(sqlite3.OperationalError, match="injected"):
            gallery.enroll_many([("B", VECTORS[:3], None), ("C", VECTORS[3:], None)])
        monkeypatch.setattr(database, "run_many", run_many)
        assert held(gallery) == before
        triggers = {
            row[0]: row[1] for row in database.run("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        }
        assert _COUNTING.items() <= triggers.items()
        gallery.enroll("B", VECTORS[:1])
        gallery.forget("A")
        told, there = counted(gallery)
        assert told == there == (1, 1)


def test_the_one_that_cannot_be_enrolled_among_many_is_named(tmp_path):
    bad = VECTORS.copy()
    bad[4, 1] = np.nan
    with opened(tmp_path / "people.gallery") as gallery:
        with pytest.raises(VectorError, match=r"vectors\[0\] holds NaN"):
            gallery.enroll_many([(f"person {n}", one, None) for n, one in enumerate(bad)])
        with pytest.raises(VectorError, match="4 dimensions, expected 3"):
            gallery.enroll_many([("A", VECTORS[0], None), ("B", np.ones(4, np.float32), None)])
        with pytest.raises(VectorError, match="all zeros"):
            gallery.enroll_many([("A", VECTORS[0], None), ("B", np.zeros(3, np.float32), None)])
        with pytest.raises(InputError, match="given twice"):
            gallery.enroll_many([("A", VECTORS[0], None), (" A", VECTORS[1], None)])
        assert gallery.counts().templates == 0
        # Lists, numbers of other types and tensors are taken as they are when they come alone.
        mixed = [
            ("A", VECTORS[0], None),
            ("B", VECTORS[1].tolist(), None),
            Enrolment("C", VECTORS[:2].astype(np.float64)),
        ]
        gallery.enroll_many(mixed)
        assert [one[2] for one in held(gallery)] == [VECTORS[row].tobytes() for row in (0, 1, 0, 1)]
