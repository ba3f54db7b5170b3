"""`lookalike identify`: a name, or nobody's."""

import pytest

from lookalike import open_gallery


@pytest.fixture
def identify(lookalike, tiny_model, gallery):
    def run(*arguments):
        return lookalike("identify", *arguments, "--model", tiny_model, "--gallery", gallery)

    return run


def test_somebody_enrolled_and_nobody(identify, people_folder):
    known, stranger = people_folder / "s02" / "0.png", people_folder / "s08" / "0.png"
    # A unit vector's product with itself may round to a little under 1.
    said = identify(known, stranger, "--threshold", "0.00001", "--top", "2")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{known}: s02 (distance 0.0000 <= threshold 0.0000)")
    assert lines[1].split() == ["0.0000", "s02"]
    assert lines[3].startswith(f"{stranger}: nobody in the gallery (distance ")
    assert lines[-2:] == ["gallery: 3 people (6 templates)", "threshold: given by the user"]
    assert len(lines) == 8


def test_json(identify, people_folder, gallery):
    picture = people_folder / "s01" / "1.png"
    document = identify(picture, picture, "--json", "--top", "9").document
    assert (document["gallery"], document["identities"]) == (str(gallery), 3)
    first, second = document["answers"]
    assert first == second
    assert (first["picture"], first["identity"]) == (str(picture), "s01")
    assert {candidate["identity"] for candidate in first["candidates"]} == {"s01", "s02", "s03"}
    distances = [candidate["distance"] for candidate in first["candidates"]]
    assert distances == sorted(distances)


def test_an_empty_gallery_knows_nobody(identify, people_folder, gallery):
    with open_gallery(gallery) as opened:
        for name in ("s01", "s02", "s03"):
            opened.forget(name)
    answer = identify(people_folder / "s01" / "0.png", "--json").document["answers"][0]
    assert (answer["identity"], answer["distance"], answer["candidates"]) == (None, None, [])
    assert "nobody in the gallery" in identify(people_folder / "s01" / "0.png").out


def test_asking_changes_nothing(identify, people_folder, gallery):
    before = (gallery / "gallery.sqlite3").read_bytes()
    identify(people_folder / "s01" / "0.png")
    assert (gallery / "gallery.sqlite3").read_bytes() == before
