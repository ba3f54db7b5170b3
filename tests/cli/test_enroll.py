"""`lookalike enroll`: people into a gallery, all of a refused set or nobody."""

import pytest

from lookalike import open_gallery


@pytest.fixture
def enroll(lookalike, tiny_model, tmp_path):
    def run(*arguments, gallery=tmp_path / "g"):
        return lookalike("enroll", *arguments, "--model", tiny_model, "--gallery", gallery)

    return run


def held(path):
    with open_gallery(path, create=False) as gallery:
        return {person.name: person.templates for person in gallery.people()}


def test_a_folder_per_identity(enroll, people_folder, tmp_path):
    said = enroll(people_folder)
    assert said.said == f"enrolled 48 pictures of 8 people (8 new); {tmp_path / 'g'} knows 8 people\n"
    assert held(tmp_path / "g") == {f"s{n:02d}": 6 for n in range(1, 9)}


def test_pictures_of_one_person_more_of_them_and_the_same_again(enroll, people_folder, tmp_path):
    pictures = sorted((people_folder / "s01").iterdir())
    first = enroll(*pictures[:2], "--name", "Ada", "--json").document
    assert first == {
        "gallery": str(tmp_path / "g"),
        "enrolled": ["Ada"],
        "new": ["Ada"],
        "pictures": 2,
        "left_out": 0,
        "already_known": 0,
        "identities": 1,
        "templates": 2,
        "fpir_bound": None,
    }
    # Always two at a time: some processors compute another last bit where another number of pictures is embedded.
    more = enroll(pictures[2], pictures[1], "--name", " Ada ").err
    assert more.startswith("enrolled 1 picture of 1 person (already known), 1 more picture was already known; ")
    assert held(tmp_path / "g") == {"Ada": 3}
    again = enroll(*pictures[:2], "--name", "Ada")
    assert again.said == f"already known: 2 pictures of 1 person; {tmp_path / 'g'} knows 1 person\n"
    assert enroll(*pictures[:2], "--name", "Ada", "--json").document["already_known"] == 2
    assert held(tmp_path / "g") == {"Ada": 3}


def test_some_people_are_new_and_some_are_not(enroll, some_people, tmp_path):
    photos = some_people(2, 2)
    enroll(photos / "s01" / "0.png", "--name", "s01")
    (photos / "s01" / "0.png").unlink()
    said = enroll(photos)
    assert said.said == f"enrolled 3 pictures of 2 people (1 new, 1 already known); {tmp_path / 'g'} knows 2 people\n"


def test_a_folder_is_all_pictures_of_one_person(enroll, refused, some_people, tmp_path):
    photos = some_people(2, 3)
    (photos / "s02").rename(photos / "s01" / "later")
    (photos / "s01" / "notes.txt").write_text("no picture")
    said = enroll(photos / "s01", "--name", "Ada")
    assert said.code == 0
    assert f"note: 3 pictures in 1 subfolder of {photos / 's01'} count as 'Ada', too\n" in said.err
    assert held(tmp_path / "g") == {"Ada": 6}
    (tmp_path / "empty").mkdir()
    refused(enroll(tmp_path / "empty", "--name", "Bob"), "empty holds no pictures; give photos, or a folder of them")
    assert held(tmp_path / "g") == {"Ada": 6}


def test_the_same_name_in_two_spellings_is_one_person(enroll, some_people, tmp_path):
    photos = some_people(2, 2)
    (photos / "s01").rename(photos / "Zoë")
    (photos / "s02").rename(photos / "Zoe\u0308")
    assert enroll(photos, "--json").document["enrolled"] == ["Zoë"]
    assert held(tmp_path / "g") == {"Zoë": 4}


def test_one_bad_name_and_nobody_is_enrolled(enroll, refused, some_people, tmp_path):
    photos = some_people(3, 1)
    (photos / "s03").rename(photos / ("s" * 201))
    refused(enroll(photos), "at most 200")
    assert not (tmp_path / "g").exists()


def test_several_pictures_need_a_name(enroll, refused, people_folder, tmp_path):
    refused(enroll(*(people_folder / "s01").iterdir()), "6 pictures were given without --name; say whose they are")
    refused(enroll(people_folder / "s01" / "0.png"), "has no form that can be read")
    assert list(tmp_path.iterdir()) == []


def test_skip_bad_enrolls_the_others(enroll, some_people, bad_picture, tmp_path):
    photos = some_people(2, 2)
    bad_picture("text", photos / "s01" / "x.png")
    document = enroll(photos, "--skip-bad", "--json").document
    assert (document["pictures"], document["left_out"]) == (4, 1)
    assert held(tmp_path / "g") == {"s01": 2, "s02": 2}


def test_a_gallery_of_another_model_is_refused_before_the_work(lookalike, refused, gallery, people_folder, snapshot):
    before = snapshot(gallery)
    picture = people_folder / "s01" / "0.png"
    for verb in (["enroll", people_folder], ["identify", picture]):
        line = refused(lookalike(*verb, "--model", "dlib", "--gallery", gallery))
        assert "belongs to model 'tiny'" in line
        assert "model 'dlib'" in line
    assert snapshot(gallery) == before


def test_names_with_markup_are_shown_as_they_are(enroll, lookalike, people_folder, tmp_path):
    path, name = tmp_path / "[red]g :smile:", "[bold]Zoë[/bold] :smile:"
    enrolled = enroll(people_folder / "s01" / "0.png", "--name", name, gallery=path)
    assert f"{path} knows 1" in enrolled.err
    assert name in lookalike("people", "--gallery", path).out
    assert enrolled.code == 0
    assert f"forgot {name} (1 template); {path} knows 0 people" in lookalike("forget", name, "--gallery", path).err


def test_a_comma_that_is_not_quoted_enrolls_no_family(enroll, refused, some_people, tmp_path):
    photos = some_people(2, 1)
    table = tmp_path / "list.csv"
    table.write_text(f"path,identity\n{photos}/s01/0.png,Smith, John\n{photos}/s02/0.png,Smith, Jane\n")
    refused(enroll(table), "list.csv, line 2: ", "put a field that holds a comma in quotes")
    assert not (tmp_path / "g").exists()
    table.write_text(f'path,identity\n{photos}/s01/0.png,"Smith, John"\n{photos}/s02/0.png,"Smith, Jane"\n')
    assert enroll(table).code == 0
    assert held(tmp_path / "g") == {"Smith, Jane": 1, "Smith, John": 1}


def test_a_list_made_elsewhere_finds_the_files(enroll, some_people, tmp_path):
    photos = some_people(2, 1)
    (photos / "s01").rename(photos / "Jose\u0301")
    (tmp_path / "list.csv").write_text("path,identity\nphotos/José/0.png,José\nphotos\\s02\\0.png,Bo\n", "utf-8")
    said = enroll(tmp_path / "list.csv")
    assert said.code == 0
    assert "note: 1 path of the list with another Unicode form (NFC or NFD) on the disk: found" in said.err
    assert "note: 1 path of the list with backslashes between folders: found" in said.err
    assert held(tmp_path / "g") == {"Bo": 1, "José": 1}


def test_a_name_that_looks_like_somebody_enrolled_is_reported(enroll, people_folder, tmp_path):
    picture, other = people_folder / "s01" / "0.png", people_folder / "s02" / "0.png"
    assert "look the same" not in enroll(picture, "--name", "Ada").err
    assert "look the same" not in enroll(picture, "--name", "Ada ").err
    said = enroll(other, "--name", "Ada\u200b")
    assert (
        "note: 1 group of names look the same and count as different identities, such as 'Ada' and 'Ada\\u200b'"
        in said.err
    )
    assert held(tmp_path / "g") == {"Ada": 1, "Ada\u200b": 1}
