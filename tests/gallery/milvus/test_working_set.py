"""What a write changes, found by running it on a database in memory."""

import numpy as np

from lookalike.gallery import enrolment, forgetting, identity_acts, storing
from lookalike.gallery.milvus.documents import DocumentKind, Stored
from lookalike.gallery.milvus.state import State
from lookalike.gallery.milvus.template_rows import TemplateRow
from lookalike.gallery.milvus.working_set import WorkingSet
from lookalike.gallery.records import Enrolment, Model

MODEL = Model("f", "net", "euclidean", 2)
STATE = State(serial=4, change=3, identities=5, templates=9, next=100, kind="people", model=MODEL)


def stored(name, templates, **tags):
    return Stored(name, 2, {"created_at": "2024", "templates": templates, "tags": tags}, (f"key of {name}",))


def row(number, name):
    return TemplateRow(number, number, 2, name, f"{number:032x}", "", "2024", None)


def work():
    made = WorkingSet("milvus://db/people", STATE)
    made.load_identities([stored("Ada", 2, site="B"), stored("Bob", 1)], [row(1, "Ada"), row(2, "Ada"), row(3, "Bob")])
    return made


def test_nothing_done_is_no_difference():
    made = work().difference("w")
    assert made.empty
    assert not made.forgets


def test_enrolling_adds_rows_with_numbers_that_were_never_used():
    made = work()
    given = enrolment.checked(Enrolment("Eve", [[1, 2], [3, 4]], qualities=[0.5, None]), MODEL)
    assert storing.store(made, [given], None).ids == {"Eve": [100, 101]}
    found = made.difference("w")
    assert [(one.id, one.row, one.identity, one.serial, one.quality) for one in found.added] == [
        (100, 100, "Eve", 5, 0.5), (101, 101, "Eve", 5, None)
    ]  # fmt: skip
    np.testing.assert_array_equal(found.added[1].vector, [3, 4])
    assert (found.state.serial, found.state.change, found.state.identities, found.state.templates) == (5, 4, 6, 11)
    assert found.state.next == 102
    assert [one.name for one in found.documents] == ["Eve"]
    assert found.dropped_rows == found.dropped_documents == []


def test_merging_moves_rows_to_new_numbers_and_drops_the_old():
    made = work()
    act = identity_acts.merge(made, ["Bob"], "Ada")
    found = made.difference("w")
    assert {old: (new.id, new.identity) for old, new in found.moved.items()} == {3: (3, "Ada")}
    assert found.moved[3].row > act.id >= 100
    assert found.dropped_rows == [3]
    assert set(found.dropped_documents) == {"key of Ada", "key of Bob"}
    assert {one.kind for one in found.documents} == {DocumentKind.IDENTITY, DocumentKind.ACT}
    assert (found.state.identities, found.state.templates) == (4, 9)


def test_forgetting_drops_rows_documents_and_what_keys_tell():
    made = work()
    body = {"key": "k", "digest": "ff", "answer": [[1], [77]], "at": "2024"}
    made.load_keys([Stored("00", 2, body, ("key of k",))])
    owner = made.one("SELECT id FROM identity WHERE name = 'Ada'")[0]
    forgetting.drop_identity(made, owner, storing.new_change(made))
    found = made.difference("w")
    assert found.forgets
    assert sorted(found.dropped_rows) == [1, 2]
    assert set(found.dropped_documents) == {"key of Ada", "key of k"}
    (key,) = found.documents
    assert (key.kind, key.body["digest"], key.body["answer"]) == (DocumentKind.KEY, None, [[1], [77]])
    assert (found.state.identities, found.state.templates) == (4, 7)


def test_other_tags_make_new_rows():
    from lookalike.gallery.identity_tags import change_tags

    made = work()
    change_tags(made, made.one("SELECT id FROM identity WHERE name = 'Ada'")[0], {"site": "Rome"})
    found = made.difference("w")
    assert sorted(found.moved) == [1, 2]
    assert not found.forgets
