"""Writes that count as a whole, whatever is killed in the middle, on a real server."""

import signal
import subprocess
import sys
import threading

import pytest

from lookalike.errors import StorageError
from lookalike.gallery import Enrolment, open_gallery
from lookalike.gallery.milvus.writes import Writer

pytestmark = pytest.mark.slow

_CHILD = """
import os, signal, sys
from lookalike.gallery import Enrolment, open_gallery
from lookalike.gallery.milvus import documents, template_rows, state, writes

address, module, name, when = sys.argv[1:]
gallery = open_gallery(address)
owner = {"rows": template_rows.TemplateRows, "documents": documents.Documents, "state": state.State,
         "writer": writes.Writer}[module]
real = getattr(owner, name)

def killed(*args, **options):
    if when == "after":
        real(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, killed)
"""
_PEOPLE = [Enrolment("Ada", [[7, 7]], tags={"site": "B"}), ("Eve", [[8, 8]], None)]
_ENROLL = """
gallery.enroll_many([Enrolment("Ada", [[7, 7]], tags={"site": "B"}), ("Eve", [[8, 8]], None)], key="k")
"""


@pytest.fixture
def address(milvus):
    return milvus.address()


def opened(address):
    gallery = open_gallery(address)
    gallery.bind("f", "net", "euclidean", 2)
    return gallery


def kill_while(write, address, *place):
    """Run a write in a process that is killed at a place."""
    done = subprocess.run([sys.executable, "-c", _CHILD + write, address, *place], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("place", "counts"),
    [
        (("rows", "insert", "after"), False),
        (("state", "write_to", "before"), False),
        (("state", "write_to", "after"), True),
    ],
)
def test_all_or_none_when_the_process_is_killed(address, place, counts):
    with opened(address) as gallery:
        gallery.enroll("Ada", [[1, 1]])
        kill_while(_ENROLL, address, *place)
        expected = {"Ada": 2, "Eve": 1} if counts else {"Ada": 1}
        with open_gallery(address) as other:
            assert {one.name: one.templates for one in other.people()} == expected
            assert len(other.search([8, 8], 5)[0]) == len(expected)
            assert not other._documents.coordination()[2]
            left = list(other._rows(other.model).every("id > 0", strong=True))
            assert len(left) == other.counts().templates == sum(expected.values())
            ids = other.enroll_many(_PEOPLE, key="k")
            assert other.counts().templates == 3
            # Numbers of a write that did not count are not used again.
            assert counts or min(ids["Ada"] + ids["Eve"]) > 3


def test_what_does_not_count_yet_is_not_seen(address, monkeypatch):
    with opened(address) as gallery, opened(address) as other:
        gallery.enroll("Ada", [[1, 1]])
        seen = []

        def looking(state, documents):
            seen.append([
                [one.name for one in other.people()], [one.identity for one in other.search([8, 8], 5)[0]],
                other.counts().templates, len(other.templates()), len(other.templates_page()),
            ])  # fmt: skip
            real(state, documents)

        from lookalike.gallery.milvus.state import State

        real = State.write_to
        monkeypatch.setattr(State, "write_to", looking)
        gallery.enroll_many(_PEOPLE)
        assert seen == [[["Ada"], ["Ada"], 1, 1, 1]]
        assert other.names() == ["Ada", "Eve"]


def test_who_is_forgotten_stays_so_when_the_process_is_killed(address):
    with opened(address) as gallery:
        gallery.enroll_many([("Ada", [[1, 1], [2, 2]], None), ("Eve", [[8, 8]], None)])
        kill_while('gallery.forget("Ada")', address, "rows", "delete", "before")
        with open_gallery(address) as other:
            assert other.names() == ["Eve"]
            assert [t.identity for t in other.templates()] == ["Eve"]
            assert [c.identity for c in other.search([1, 1], 5)[0]] == ["Eve"]


def test_moves_are_whole_when_the_process_is_killed(address):
    with opened(address) as gallery:
        gallery.enroll_many([("Ada", [[1, 1]], None), ("Eve", [[8, 8]], None)])
        kill_while('gallery.merge(["Eve"], "Ada")', address, "state", "write_to", "after")
        with open_gallery(address) as other:
            assert [(one.name, one.templates) for one in other.people()] == [("Ada", 2)]
            assert [c.identity for c in other.search([8, 8], 5)[0]] == ["Ada"]
            assert other.undo(other.acts()[0].id).undone
            assert other.names() == ["Ada", "Eve"]


def test_writers_take_turns(address):
    errors = []
    opened(address).close()

    def enroll(who):
        try:
            with opened(address) as gallery:
                for number in range(3):
                    one, everybody = f"{who}{number}", [[ord(who), number]]
                    gallery.enroll_many([(one, [[number, number]], None), ("all", everybody, None)])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=enroll, args=(who,)) for who in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    with opened(address) as gallery:
        held = gallery.templates()
        assert len(held) == len({one.id for one in held}) == gallery.counts().templates == 18
        assert {one.name: one.templates for one in gallery.people()}["all"] == 9
        assert gallery.change == 9


def test_who_does_not_wait_is_told(address):
    with opened(address) as gallery, opened(address) as other:
        with gallery._changes.lock:
            gallery._changes.writer.begin(True, gallery._rows)
            with pytest.raises(StorageError, match="another program writes to it now; try again"):
                other.enroll_many([("Ada", [[1, 2]], None)], wait=False)
            gallery._changes.writer.end()
        other.enroll_many([("Ada", [[1, 2]], None)], wait=False)


def test_a_restart_of_the_server_in_the_middle(milvus, address, monkeypatch):
    with opened(address) as gallery:
        gallery.enroll_many([("Ada", [[1, 1]], None), ("Eve", [[8, 8]], None)])
        real, restarted = Writer._finish, []

        def restarting(self, *given):
            if not restarted:
                restarted.append(milvus.restart())
            real(self, *given)

        # It goes away after the write counts, and before what it replaced is deleted.
        monkeypatch.setattr(Writer, "_finish", restarting)
        assert gallery.enroll_many([("Ada", [[2, 2]], None)], replace=True) == {"Ada": [3]}
        assert restarted
        assert [(t.identity, t.id) for t in gallery.templates()] == [("Eve", 2), ("Ada", 3)]
        assert gallery.search([2, 2], 1)[0][0].template_id == 3
        assert gallery.forget("Ada") == 1
        assert gallery.names() == ["Eve"]
