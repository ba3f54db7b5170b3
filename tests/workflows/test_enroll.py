"""Enrolment as a function, of people and of places: the gallery is opened once, and made only when all is well."""

import shutil

import pytest
from PIL import Image

from lookalike import open_gallery
from lookalike.errors import ArtefactError, DatasetError, FingerprintError, InputError
from lookalike.workflows.enroll import EnrollOptions, PeopleEnrolled, PlacesEnrolled, enroll

PLACES = ("s01", "s02", "s03")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "g"


@pytest.fixture
def run(tiny_model, path):
    def job(*pictures, progress=None, **more):
        options = {"model": tiny_model, "gallery": path} | more
        return enroll(EnrollOptions(pictures=pictures, **options), progress)

    return job


@pytest.fixture
def places(some_people):
    """A folder per place, four photos each."""
    return some_people(3, 4)


@pytest.fixture
def run_places(run, others):
    def job(*pictures, **more):
        return run(*pictures, **({"recipe": "landmarks", "non_landmarks": others, "promise": "fpr=0.1"} | more))

    return job


# --- people -----------------------------------------------------------------------------------------------------------


def test_people_of_a_folder(run, people_folder, path, opened, capsys):
    done = run(people_folder)
    names = tuple(f"s{n:02d}" for n in range(1, 9))
    assert done == PeopleEnrolled(names, names, 48, 0, 8, 48, None, ())
    assert opened == [path]
    again = run(people_folder)  # into one that is there
    assert (again.new, again.templates) == ((), 48)
    assert opened == [path, path]
    assert capsys.readouterr() == ("", "")


def test_one_person_by_name_from_pictures_and_folders(run, people_folder, path):
    done = run(people_folder / "s01", people_folder / "s02" / "0.png", name="Ada")
    assert (done.enrolled, done.pictures, done.already_known, done.notes) == (("Ada",), 7, 0, ())
    again = run(people_folder / "s01", people_folder / "s02" / "0.png", name="Ada")
    assert (again.pictures, again.already_known, again.templates) == (7, 7, 7)
    other = run(people_folder / "s01", people_folder / "s02" / "0.png", name="Bob")
    assert (other.already_known, other.templates) == (0, 14)  # another's are not one's own


def test_one_person_by_name(run, people_folder, path):
    pictures = sorted((people_folder / "s01").iterdir())[:2]
    assert run(*pictures, name=" Ada ").enrolled == ("Ada",)
    assert run(*pictures, name="Ada").new == ()
    options = EnrollOptions(model="no", pictures=str(people_folder), gallery=path)  # one text is one data set
    with pytest.raises(ArtefactError, match="there is no model at no"):
        enroll(options)


def test_notes_are_told_as_they_arise_and_returned(run, some_people, bad_picture):
    photos = some_people(2, 2)
    (photos / "s01").rename(photos / "Zoë")
    (photos / "s02").rename(photos / "Zoe\u0308")
    bad_picture("text", photos / "Zoë" / "bad.png")
    told = []
    done = run(photos, skip_bad=True, progress=lambda event: told.append(event.warning))
    assert (done.enrolled, done.left_out) == (("Zoë",), 1)
    assert [text for text in told if text] == list(done.notes)
    assert "spelled in several ways" in done.notes[0]
    assert "1 of 5 pictures cannot be used and are left out" in done.notes[1]


@pytest.mark.parametrize("held", [False, True])
def test_what_is_refused_changes_nothing(
    run, refuses, some_people, bad_picture, people_folder, tiny_model, path, tmp_path, held
):
    photos = some_people(2, 2)
    bad = bad_picture("truncated", tmp_path / "bad.png")
    shutil.copytree(photos, tmp_path / "spoilt")
    shutil.copy(bad, tmp_path / "spoilt" / "s02")
    shutil.copytree(photos, tmp_path / "long")
    (tmp_path / "long" / "s02").rename(tmp_path / "long" / ("s" * 201))
    if held:
        run(people_folder / "s08" / "0.png", name="Eve")
    picture = photos / "s01" / "0.png"
    for error, job, words in [
        (InputError, lambda: run(), "no pictures were given"),
        (InputError, lambda: run(name="Ada"), "no pictures were given"),
        (InputError, lambda: run(picture, picture), "2 pictures were given without --name"),
        (InputError, lambda: run(picture, name=""), "empty name"),
        (InputError, lambda: run(tmp_path / "long"), "at most 200"),
        (InputError, lambda: run(photos, recipe="mountains"), "'mountains'"),
        (InputError, lambda: run(photos, non_landmarks=photos), "--non-landmarks is for landmarks"),
        (InputError, lambda: run(photos, promise="fpr=0.1"), "--promise is for landmarks"),
        (InputError, lambda: run(photos, places=tmp_path / "p.csv"), "--places is for landmarks"),
        (InputError, lambda: run(photos, scales="big"), "such as 0.7,1,1.4"),
        (DatasetError, lambda: run(tmp_path / "none"), "does not exist"),
        (DatasetError, lambda: run(tmp_path / "spoilt"), "1 of 5 pictures"),
        (DatasetError, lambda: run(picture, bad, name="Ada"), "bad.png"),
        (ArtefactError, lambda: run(photos, model=tmp_path / "none"), "there is no model"),
        (InputError, lambda: run(photos, gallery="milvus://host"), "milvus://"),
        (ArtefactError, lambda: run(photos, gallery=photos), "it is no gallery"),
    ]:
        refuses(error, job, words)
    assert path.exists() == held


def test_a_gallery_of_another_model_is_refused_before_the_work(gallery, people_folder, refuses):
    told = []
    options = EnrollOptions(model="dlib", pictures=[people_folder], gallery=gallery)
    refuses(FingerprintError, lambda: enroll(options, told.append), "belongs to model 'tiny'", below=gallery)
    assert told == []


# --- places -----------------------------------------------------------------------------------------------------------


def test_places_of_a_folder(run_places, places, people_folder, path, opened, capsys):
    done = run_places(places)
    assert isinstance(done, PlacesEnrolled)
    assert (done.enrolled, done.new, done.places) == (PLACES, PLACES, PLACES)
    assert (done.pictures, done.left_out_unusable, done.photos, done.non_landmarks) == (12, 0, 12, 100)
    assert (done.promised.promise, done.notes) == (0.1, (done.promised.note,) if done.promised.note else ())
    assert opened == [path]
    more = run_places(people_folder / "s04" / "0.png", name="s04", recipe=None, non_landmarks=None, promise=None)
    assert (more.enrolled, more.new, more.photos, more.promised.promise) == (("s04",), ("s04",), 13, 0.1)
    looser = run_places(non_landmarks=None, promise="fpr=0.2")  # without photos thresholds are fitted anew
    assert (looser.enrolled, looser.pictures, looser.photos, looser.promised.promise) == ((), 0, 13, 0.2)
    assert opened == [path] * 3
    assert capsys.readouterr() == ("", "")


def test_stages_and_what_is_known_of_places(run_places, places, path, tmp_path):
    table = tmp_path / "facts.csv"
    table.write_text("identity,name,latitude,longitude\ns01,Église,48.5,2.25\n", "utf-8")
    events = []
    run_places(places, places=table, progress=events.append)
    stages = list(dict.fromkeys(event.stage for event in events if not event.warning))
    assert stages[:2] == ["Embedding places", "Embedding others"]
    assert stages[-2:] == ["Fitting thresholds", "Writing"]
    with open_gallery(path, create=False) as gallery:
        assert gallery.annex().entries["s01"]["facts"]["name"] == "Église"


@pytest.mark.parametrize("held", [False, True])
def test_what_is_refused_of_places_changes_nothing(
    run_places, refuses, places, others, path, bad_picture, tmp_path, held
):
    (tmp_path / "few").mkdir()
    shutil.copy(others / "000.png", tmp_path / "few")
    (tmp_path / "none").mkdir()
    shutil.copytree(places, tmp_path / "spoilt")
    bad_picture("truncated", tmp_path / "spoilt" / "s02" / "bad.png")
    if held:
        run_places(places)
    for error, job, words in [
        (DatasetError, lambda: run_places(tmp_path / "spoilt"), "1 of 13 pictures"),
        (DatasetError, lambda: run_places(places, non_landmarks=tmp_path / "none"), "holds no pictures"),
        (InputError, lambda: run_places(places, promise="fpir=0.1"), "fpr"),
        (InputError, lambda: run_places(places, promise="fpr=nan"), "fpr"),
        (InputError, lambda: run_places(places / "s01" / "0.png", name="non-landmark"), "no place may bear"),
        (InputError, lambda: run_places(name="x"), "no pictures were given"),
        (InputError, lambda: run_places(places, places), "without --name"),
        (DatasetError, lambda: run_places(places, places=tmp_path / "no.csv"), "no.csv"),
    ]:
        refuses(error, job, words)
    if not held:
        for job, words in [
            (lambda: run_places(places, non_landmarks=None), "--non-landmarks"),
            (lambda: run_places(places, non_landmarks=tmp_path / "few"), "cannot carry a false-positive rate"),
            (lambda: run_places(places, promise=None), "cannot carry a false-positive rate of 0.01"),
            (lambda: run_places(), "holds no place and no photos were given"),
        ]:
            refuses(InputError, job, words)
    assert path.exists() == held


def test_too_few_non_landmarks_that_count_leave_no_gallery(run_places, refuses, places, others, bad_picture, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for one in sorted(others.iterdir())[:28]:  # 29 carry a promise of 0.1
        shutil.copy(one, few)
    bad = bad_picture("truncated", few / "bad.png")
    words = "28 photos without a landmark cannot carry"
    refuses(InputError, lambda: run_places(places, non_landmarks=few, skip_bad=True), words)
    bad.unlink()
    for number in range(3):
        shutil.copy(others / "000.png", few / f"copy-{number}.png")
    refuses(InputError, lambda: run_places(places, non_landmarks=few), words)


def test_a_photo_of_a_place_that_is_no_picture_is_left_out(run_places, places, bad_picture, path):
    exif = Image.Exif()
    exif[0x8825] = {1: "S", 2: (33.0, 51.0, 24.3), 3: "E", 4: (151.0, 12.0, 54.4)}
    with Image.open(places / "s01" / "0.png") as image:
        image.save(places / "s01" / "0.png", exif=exif)
    bad_picture("text", places / "s01" / "bad.png")
    with pytest.raises(DatasetError, match=r"1 of 13 pictures .*--skip-bad"):
        run_places(places)
    done = run_places(places, skip_bad=True)
    assert (done.photos, done.left_out_unusable) == (12, 1)
    with open_gallery(path, create=False) as gallery:
        assert gallery.annex().entries["s01"]["facts"]["latitude"] == pytest.approx(-33.85675, abs=1e-4)
