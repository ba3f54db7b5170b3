"""Enrolment of places: order does not matter, repetition does no harm, and a kill leaves no mixture."""

import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from lookalike import LandmarkRecognizer, open_gallery
from lookalike.datasets.places import NON_LANDMARK
from lookalike.errors import ImageError, InputError, VectorError
from lookalike.landmarks.enrolment import RESERVED, NewPhotos, enroll_places
from lookalike.landmarks.place import Place


def state(gallery):
    """All that answers depend on."""
    annex = gallery.annex()
    kept = list(annex.kept.values())
    return {
        "templates": sorted((t.identity, t.vector.tobytes()) for t in gallery.templates()),
        "photos": b"".join(one.rows["photos"].tobytes() for one in kept),
        "sources": [source for one in kept for source in one.sources],
        "entries": dict(annex.entries),
        "document": dict(annex.document),
        "others": len(annex.common["non_landmarks"]),
    }


def test_one_after_the_other_equals_together(recognizer, town_photos, tmp_path, town):
    with open_gallery(tmp_path / "other") as gallery:
        one = LandmarkRecognizer(town.Colours(), gallery)
        paths, places = town_photos
        first = one.enroll(paths[20:], places[20:], town.others[:350], promise_fpr=0.02)
        assert first.new == ("bridge", "tower")
        second = one.enroll(paths[:24], places[:24], town.others[300:], facts=town.FACTS)
        assert second.new == ("church",)
        assert (second.places, second.photos, second.non_landmarks) == (("bridge", "church", "tower"), 36, 400)
        ours, theirs = state(gallery), state(recognizer.gallery)
        for key in ("templates", "photos", "sources", "others"):
            assert ours[key] == theirs[key]
        # Sums over the non-landmarks differ in their order alone.
        for place, entry in ours["entries"].items():
            assert entry["facts"] == theirs["entries"][place]["facts"]
            assert math.isclose(entry["density"], theirs["entries"][place]["density"], rel_tol=1e-9)
        assert math.isclose(one.atlas.rejection.threshold, recognizer.atlas.rejection.threshold, rel_tol=1e-9)


def test_every_stage_is_told_from_its_beginning_to_its_end(empty, town, town_photos):
    events = []
    empty.enroll(*town_photos, town.others, promise_fpr=0.02, progress=events.append)
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages[:2] == ["Embedding places", "Embedding non-landmarks"]
    assert stages[-2:] == ["Fitting thresholds", "Writing"]
    last = {event.stage: event for event in events}
    for stage in (stages[0], stages[1], "Fitting thresholds", "Writing"):
        assert last[stage].done == last[stage].total
    assert last["Embedding non-landmarks"].total == 400


def test_a_gallery_of_people_is_refused_before_the_work(tmp_path, town):
    with open_gallery(tmp_path / "people", kind="people") as gallery:
        gallery.bind("f", "net", "cosine", 2)
        with pytest.raises(InputError, match="is a gallery of people, and landmarks were asked of it"):
            enroll_places(gallery, NewPhotos(vectors="no vectors at all", places=[]))
    with open_gallery(tmp_path / "new") as gallery, pytest.raises(InputError, match="belongs to no model yet"):
        enroll_places(gallery, NewPhotos(vectors=[[1.0, 0.0]], places=["a"]))


def test_the_same_again_changes_nothing(recognizer, town_photos, town):
    before, answer = state(recognizer.gallery), recognizer.identify(town.photo("bridge", 99))
    again = recognizer.enroll(*town_photos, town.others)
    assert again.new == ()
    assert state(recognizer.gallery) == before
    assert recognizer.identify(town.photo("bridge", 99)).distance == answer.distance


def test_more_photos_of_one_place_write_the_record_of_that_place_only(recognizer, town):
    def records():
        rows = recognizer.gallery._database.run(
            "SELECT coalesce(identity.name, annex_record.name), file, start FROM annex_record "
            "LEFT JOIN identity ON identity.id = identity_id"
        )
        return {name: extent for name, *extent in rows.fetchall()}

    before = records()
    assert set(before) == {"bridge", "church", "tower", "non_landmarks"}
    recognizer.enroll([town.photo("tower", 60)], ["tower"])
    after = records()
    assert {name for name in before if before[name] != after[name]} == {"tower"}


def test_copies_that_differ_in_the_last_digits_are_copies(recognizer, town_photos, town):
    draw = np.random.default_rng(0)
    again = recognizer.embedder.embed(town_photos[0])
    others = recognizer.embedder.embed(town.others)
    again, others = (x + draw.normal(size=x.shape).astype(np.float32) * 1e-8 for x in (again, others))
    found = recognizer.enroll_vectors(again, town_photos[1], ["moved"] * len(again), others)
    assert (found.photos, found.non_landmarks) == (36, 400)
    assert set(recognizer.atlas.photos("tower").sources) == {"moved"}


def test_another_promise(recognizer):
    loose = recognizer.atlas.rejection.threshold
    strict = recognizer.refit(promise_fpr=0.01)
    assert strict.promised.threshold <= loose
    assert recognizer.atlas.settings.promise_fpr == 0.01
    assert recognizer.refit().promised == strict.promised  # it is kept
    assert recognizer.atlas.place("church").name == "Église Saint-Jean"
    with pytest.raises(InputError, match="cannot carry a false-positive rate"):
        recognizer.refit(promise_fpr=0.0001)
    assert recognizer.atlas.rejection.promised == strict.promised


def test_what_was_known_of_a_place_stays_where_nothing_newer_is_said(recognizer, town):
    recognizer.enroll([town.photo("church", 60)], ["church"], facts={"church": Place("church")})
    assert recognizer.atlas.place("church") == town.FACTS["church"]
    recognizer.enroll([town.photo("church", 61)], ["church"], facts={"church": Place("church", "Saint John's")})
    assert recognizer.atlas.place("church") == Place("church", "Saint John's", 48.5, 2.25)


def test_templates_enrolled_as_people_are_kept_among_the_photos(recognizer, town):
    x = recognizer.embedder.embed([town.photo("church", 60), town.photo("tower", 60)])
    recognizer.gallery.enroll("church", x[0], ["late.jpg"])
    recognizer.gallery.enroll("kiosk", x[1], ["kiosk.jpg"])
    found = recognizer.enroll([town.photo("tower", 70)], ["kiosk"])
    assert found.photos == 39
    assert found.new == ()
    assert "late.jpg" in list(recognizer.atlas.photos("church").sources)
    assert sorted(recognizer.atlas.photos("kiosk").sources) == ["", "kiosk.jpg"]
    assert recognizer.gallery.uncovered() == []


def test_mislabelled_photos_are_left_out_and_said(empty, town_photos, town):
    paths, places = town_photos
    found = empty.enroll([*paths, town.photo("bridge", 77)], [*places, "tower"], town.others, promise_fpr=0.02)
    assert [(one.place, one.reason) for one in found.left_out if one.source == ""] == [
        ("tower", "nearer to another place")
    ] or "far from" in found.left_out[-1].reason
    answer = empty.identify(town.photo("bridge", 78), photos=50)
    tower = next(candidate for candidate in answer.candidates if candidate.place == "tower")
    assert "" not in {one.source for one in tower.photos}


def test_what_cannot_be_enrolled_is_refused_and_nothing_changes(empty, town_photos, places_gallery, tmp_path, town):
    (tmp_path / "no.png").write_bytes(b"no picture")
    paths, places = town_photos
    nan = np.full((1, town.Colours.dimension), np.nan)
    for error, words, act in [
        (InputError, "no photos without a landmark were given", lambda: empty.enroll(paths, places)),
        (InputError, "no photos of places were given", lambda: empty.enroll([], [], town.others)),
        (InputError, "36 pictures came with 1 place", lambda: empty.enroll(paths, ["x"], town.others)),
        (InputError, "cannot carry a false-positive rate", lambda: empty.enroll(paths, places, town.others[:20])),
        (InputError, "is no place", lambda: empty.enroll(paths[:1], [NON_LANDMARK], town.others)),
        (InputError, "empty name", lambda: empty.enroll(paths[:1], [" "], town.others)),
        (ImageError, "no.png", lambda: empty.enroll([*paths, tmp_path / "no.png"], [*places, "x"], town.others)),
        (ImageError, "no.png", lambda: empty.enroll(paths, places, [tmp_path / "no.png"])),
        (VectorError, "holds NaN", lambda: empty.enroll_vectors(nan, ["x"])),
        (VectorError, "2 places and 1 sources were given for 1 vectors",
         lambda: empty.enroll_vectors(np.ones((1, town.Colours.dimension)), ["x", "y"])),
        (VectorError, "3 dimensions", lambda: empty.enroll_vectors(np.ones((1, 3)), ["x"])),
        (VectorError, "one text as places", lambda: empty.enroll_vectors(np.ones((1, town.Colours.dimension)), "x")),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            act()
    assert empty.gallery.people() == []
    assert not (places_gallery / "landmarks").exists()
    assert RESERVED == NON_LANDMARK


KILLED = """
    import os, sys
    sys.path.insert(0, sys.argv[2])
    from conftest import Colours, LandmarkRecognizer, Town, open_gallery
    town = Town()
    gallery = open_gallery(sys.argv[1])
    recognizer = LandmarkRecognizer(Colours(), gallery)
    recognizer.atlas
    def die(*a):
        os.kill(os.getpid(), 9)
    count = int(sys.argv[3])
    def counted(statement, *rest):
        global count
        count -= 1
        if count <= 0:
            die()
    gallery._database._connection.set_trace_callback(counted)
    recognizer.enroll([town.photo("tower", n) for n in range(50, 58)], ["mast"] * 8)
    gallery._database._connection.set_trace_callback(None)
    print("done", flush=True)
    die()
"""


@pytest.mark.slow
def test_killed_at_any_statement_it_answers_as_before_or_as_after(recognizer, places_gallery, tmp_path, town):
    recognizer.gallery.close()
    shutil.copytree(places_gallery, tmp_path / "kept")
    outcomes = set()
    for count in (1, 12, 20, 25, 30, 40, 999):
        shutil.rmtree(places_gallery)
        shutil.copytree(tmp_path / "kept", places_gallery)
        arguments = [sys.executable, "-c", textwrap.dedent(KILLED), places_gallery, town.folder, count]
        child = subprocess.run(
            [str(one) for one in arguments], capture_output=True, text=True, check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert child.returncode == -signal.SIGKILL, child.stderr
        with open_gallery(places_gallery) as gallery:
            opened = LandmarkRecognizer(town.Colours(), gallery)
            names = {person.name for person in gallery.people()}
            assert names == set(opened.atlas.places)
            assert opened.identify(town.photo("church", 100)).place == "church"
            outcomes.add("mast" in names)
            if "done" in child.stdout:
                assert "mast" in names
    assert outcomes == {True, False}
