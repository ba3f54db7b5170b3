"""The atlas: read as it was written, and one clear error where it is damaged."""

import json
import sqlite3
from contextlib import closing

import pytest

from lookalike import LandmarkRecognizer, open_gallery
from lookalike.errors import ArtefactError, InputError
from lookalike.landmarks.atlas import Atlas, AtlasSettings


def test_an_atlas_reads_what_it_wrote(recognizer, town):
    atlas = Atlas(recognizer.gallery.annex())
    assert atlas.places == ["bridge", "church", "tower"]
    assert atlas.settings == AtlasSettings(promise_fpr=0.02)
    ids = {t.id: t for t in recognizer.gallery.templates("church")}
    photos = atlas.photos("church")
    assert set(photos.templates.tolist()) - {-1} == set(ids)
    for vector, template in zip(photos.vectors, photos.templates.tolist(), strict=True):
        if template >= 0:  # a photo is in the centroid that is nearest to it
            far = {number: 1 - float(t.vector @ vector) for number, t in ids.items()}
            assert min(far, key=far.get) == template
    assert atlas.photos("nowhere").vectors.shape == (0, town.Colours.dimension)
    assert atlas.place("nowhere").name == "nowhere"


def test_what_is_expected_of_questions_is_kept_and_makes_less_sure(recognizer, town):
    before = recognizer.identify(town.photo("church", 100))
    settings = AtlasSettings(promise_fpr=0.02, unknown_places=0.6, non_landmarks=0.2)
    recognizer.enroll([], [], settings=settings)
    assert recognizer.atlas.settings == settings
    assert (recognizer.odds.unknown_places, recognizer.odds.non_landmarks) == (0.6, 0.2)
    after = recognizer.identify(town.photo("church", 100))
    assert (after.decision, after.place, after.distance) == (before.decision, before.place, before.distance)
    assert after.confidence < before.confidence
    for shares in ({"unknown_places": 0.8, "non_landmarks": 0.2}, {"unknown_places": -0.1}):
        with pytest.raises(InputError, match="leave some for enrolled places"):
            AtlasSettings(**shares)


@pytest.mark.parametrize("change", [
    lambda d: d["document"].pop("rejection"), lambda d: d["document"]["rejection"].update(neighbours="five"),
    lambda d: d["document"]["odds"].pop("slope"), lambda d: d["entries"]["church"].pop("density"),
    lambda d: d["entries"]["church"].update(facts={"latitude": 1.0}),
])  # fmt: skip
def test_a_damaged_atlas_is_one_clear_error(recognizer, places_gallery, change, town):
    recognizer.gallery.close()
    church = "WHERE identity_id = (SELECT id FROM identity WHERE name = 'church')"
    with closing(sqlite3.connect(places_gallery / "gallery.sqlite3")) as database, database:
        (document,) = database.execute("SELECT document FROM annex_state").fetchone()
        (entry,) = database.execute(f"SELECT entry FROM annex_record {church}").fetchone()
        stored = {"document": json.loads(document), "entries": {"church": json.loads(entry)}}
        change(stored)
        database.execute("UPDATE annex_state SET document = ?", (json.dumps(stored["document"]),))
        database.execute(f"UPDATE annex_record SET entry = ? {church}", (json.dumps(stored["entries"]["church"]),))
    with open_gallery(places_gallery) as gallery:
        opened = LandmarkRecognizer(town.Colours(), gallery)
        with pytest.raises(ArtefactError, match="enroll again"):
            opened.identify(town.photo("church", 1))
