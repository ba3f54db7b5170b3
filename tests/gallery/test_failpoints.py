"""A process is killed at every point between the steps of a change; the next one finds all or nothing of it.

Each child prepares a gallery, then sets the point, does one act, and is killed on the way. `PREPARED` is what was there
before the act, `DONE` what is there when it is complete; which of the two is found follows from where the point is.
"""

import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import lookalike.index
from lookalike.gallery import EmbeddedGallery, Enrolment, default_key, open_gallery
from lookalike.gallery.failpoints import FAILPOINTS, VARIABLE
from lookalike.gallery.segment_builder import SegmentBuilder

D = 8
SOURCE = Path(lookalike.__file__).parent / "gallery"
OLD = Path(__file__).parent / "fixtures" / "people-3.gallery"


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


def prepared(path):
    gallery = open_gallery(path)
    gallery.bind("f", "net", "cosine", D)
    gallery.enroll("Ada", vectors(2))
    gallery.enroll("Bob", vectors(2, 1), tags={"site": "Berlin"})
    return gallery


def built(gallery):
    while gallery._builder.build_one(gallery.model):
        pass


def state(gallery):
    """Templates and tags by name; an identity always has templates."""
    found = {}
    for one in gallery.templates():
        found.setdefault(one.identity, []).append(one.id)
    assert {person.name: person.templates for person in gallery.people()} == {n: len(ids) for n, ids in found.items()}
    return found, {person.name: dict(person.tags) for person in gallery.people() if person.tags}


BEFORE = ({"Ada": [1, 2], "Bob": [3, 4]}, {"Bob": {"site": "Berlin"}})
#: Of each change, what does it, and what is there when it is complete.
CHANGES = {
    "enroll": (
        lambda gallery: gallery.enroll("Eve", vectors(1, 5), tags={"site": "Rome"}, key="request"),
        ({"Ada": [1, 2], "Bob": [3, 4], "Eve": [5]}, {"Bob": {"site": "Berlin"}, "Eve": {"site": "Rome"}}),
    ),
    "rename": (
        lambda gallery: gallery.rename("Bob", "Eve"),
        ({"Ada": [1, 2], "Eve": [3, 4]}, {"Eve": {"site": "Berlin"}}),
    ),
    "merge": (
        lambda gallery: gallery.merge(["Ada", "Bob"], "Ada"),
        ({"Ada": [1, 2, 3, 4]}, {"Ada": {"site": "Berlin"}}),
    ),
    "split": (
        lambda gallery: gallery.split("Ada", [2], "Eve"),
        ({"Ada": [1], "Bob": [3, 4], "Eve": [2]}, {"Bob": {"site": "Berlin"}}),
    ),
    "tag": (
        lambda gallery: gallery.tag("Ada", {"site": "Paris"}),
        ({"Ada": [1, 2], "Bob": [3, 4]}, {"Ada": {"site": "Paris"}, "Bob": {"site": "Berlin"}}),
    ),
    "forget": (lambda gallery: gallery.forget("Bob"), ({"Ada": [1, 2]}, {})),
}


def killed(point, prepare, act):
    """Prepare in a child, and have it killed at a point of the act."""
    child = os.fork()
    if child == 0:
        try:
            given = prepare()
            os.environ[VARIABLE] = point
            act(given)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - of the child
        os._exit(7)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status), "the point was not reached"
    assert os.WTERMSIG(status) == signal.SIGKILL


def on_disk(path, rows):
    content = b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
    return [bool(row.tobytes() in content) for row in rows]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.gallery"


@pytest.fixture
def small(monkeypatch):
    """Segments of few templates, built where a test says so."""
    monkeypatch.setattr(lookalike.index, "AUTO_EXACT_LIMIT", 3)
    monkeypatch.setattr(SegmentBuilder, "begin", lambda self, model: None)


def test_every_point_is_in_the_source_and_no_other():
    used = set()
    for file in SOURCE.rglob("*.py"):
        if file.name != "failpoints.py":
            used |= set(re.findall(r'reached\(f?"([^"]+)"\)', file.read_text("utf-8")))
    whens = {one for one in used if "{" in one}
    assert whens == {"before commit of {change}", "after commit of {change}"}
    changes = set(re.findall(r'self\._writing\("(\w+)"', (SOURCE / "embedded.py").read_text("utf-8")))
    assert changes == {*CHANGES, "undo"}
    expanded = {when.format(change=change) for when in whens for change in changes}
    assert (used - whens) | expanded == set(FAILPOINTS)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_change_has_happened_from_its_commit_on(path, change, when):
    act, after = CHANGES[change]
    killed(f"{when} commit of {change}", lambda: prepared(path), act)
    with open_gallery(path, create=False) as gallery:
        assert state(gallery) == (BEFORE if when == "before" else after)
        assert len(gallery.acts()) == (when == "after" and change in ("rename", "merge", "split"))
        gone = change == "forget" and when == "after"
        assert on_disk(path, vectors(2, 1)) == [not gone] * 2
        if change == "enroll":  # what was not acknowledged is repeated, and is there once
            assert act(gallery) == [5]
            assert state(gallery) == after
        for act in gallery.acts():
            gallery.undo(act.id)
            assert state(gallery) == BEFORE


@pytest.mark.parametrize("when", ["before", "after"])
def test_undoing_has_happened_from_its_commit_on(path, when):
    def prepare():
        gallery = prepared(path)
        return gallery, gallery.merge(["Bob"], "Ada").id

    killed(f"{when} commit of undo", prepare, lambda given: given[0].undo(given[1]))
    with open_gallery(path, create=False) as gallery:
        assert state(gallery) == (CHANGES["merge"][1] if when == "before" else BEFORE)
        assert [act.undone for act in gallery.acts()] == [when == "after"]


@pytest.mark.parametrize("point", ["log scrubbed", "vectors of a segment erased", "segments scrubbed"])
def test_who_was_forgotten_is_in_no_file_after_the_next_opening(path, small, point):
    def prepare():
        gallery = prepared(path)
        built(gallery)
        assert [one["templates"] for one in _searched(gallery)["segments"]] == [4]
        return gallery

    killed(point, prepare, lambda gallery: gallery.forget("Bob"))
    with open_gallery(path, create=False) as gallery:
        assert state(gallery) == ({"Ada": [1, 2]}, {})
        assert on_disk(path, vectors(2, 1)) == [False, False]
        assert [one.identity for one in gallery.search(vectors(1, 1), k=9)[0]] == ["Ada"]


def _searched(gallery):
    gallery.search(vectors(1))
    return gallery.stats()["index"]


@pytest.mark.parametrize(
    ("point", "segments"),
    [("segment written", 0), ("before commit of segment", 0), ("after commit of segment", 1), ("segments swept", 1)],
)
def test_a_segment_counts_from_its_commit_on(path, small, point, segments):
    killed(point, lambda: prepared(path), lambda gallery: gallery._builder.build_one(gallery.model))
    with open_gallery(path, create=False) as gallery:
        assert state(gallery) == BEFORE
        assert len(_searched(gallery)["segments"]) == segments
        assert len([one for one in (path / "segments").iterdir() if one.is_dir()]) == segments
        built(gallery)
        assert [one.identity for one in gallery.search(vectors(1, 1), k=9)[0]] == ["Bob", "Ada"]


@pytest.mark.parametrize("point", ["database of a new gallery written", "database of a new gallery linked"])
def test_a_gallery_is_made_whole(path, point):
    killed(point, lambda: None, lambda given: prepared(path))
    with prepared(path) as gallery:
        assert state(gallery) == BEFORE
    assert sorted(one.name for one in path.iterdir()) == ["gallery.sqlite3", "remains", "writing.lock"]


def test_an_older_gallery_is_migrated_whole(path):
    import shutil

    shutil.copytree(OLD, path)
    killed("before commit of upgrade", lambda: None, lambda given: open_gallery(path))
    with open_gallery(path, create=False) as gallery:
        assert gallery.counts().templates == 20
        assert gallery.tag("p00", {"site": "Berlin"}) == {"site": "Berlin"}


@pytest.fixture
def encrypted(path):
    """All galleries that are made and opened in the test are encrypted."""
    with default_key(bytes(range(32))):
        yield path


@pytest.mark.parametrize(
    ("change", "point", "happened"),
    [
        *((change, f"before commit of {change}", False) for change in CHANGES),
        *((change, "keys kept", False) for change in ("enroll", "rename", "merge", "split")),
        *((change, f"after commit of {change}", True) for change in CHANGES),
        ("forget", "log scrubbed", True),
        ("forget", "keys destroyed", True),
    ],
)
def test_a_change_of_an_encrypted_gallery_has_happened_from_its_commit_on(encrypted, change, point, happened):
    act, after = CHANGES[change]
    killed(point, lambda: prepared(encrypted), act)
    with open_gallery(encrypted, create=False) as gallery:
        assert state(gallery) == (after if happened else BEFORE)
        destroyed = gallery._database.sealing.keyring.destroyed()
        assert len(destroyed) == (3 if change == "forget" and happened else 0)  # of the name and of two templates
        assert gallery.audit.verified().fault is None
        assert len(gallery.audit.entries()) == 2 + happened
        if not happened:
            act(gallery)
            assert state(gallery) == after


@pytest.mark.parametrize("point", ["keyring of a new gallery made", "database of a new gallery written"])
def test_an_encrypted_gallery_is_made_whole(encrypted, point):
    killed(point, lambda: None, lambda given: prepared(encrypted))
    with prepared(encrypted) as gallery:
        assert state(gallery) == BEFORE
        assert gallery.stats()["encrypted"]


def test_a_key_answers_after_a_crash_what_was_enrolled(path):
    one = Enrolment("Eve", vectors(1, 5), ["eve.jpg"])
    killed("after commit of enroll", lambda: prepared(path), lambda gallery: gallery.enroll_many([one], key="request"))
    with EmbeddedGallery(path, create=False) as gallery:
        before = gallery.counts()
        assert gallery.enroll_many([one], key="request") == {"Eve": [5]}
        assert gallery.counts() == before
