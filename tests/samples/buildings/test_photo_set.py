import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from lookalike.datasets import read_pictures
from lookalike.errors import ArtefactError, InputError, MissingDependencyError, StorageError
from lookalike.samples.buildings import PhotoSetOptions, cache_folder, photo_set, render_landmarks
from lookalike.samples.buildings.plan import LEAST_AZIMUTH_GAP

SMALL = {"landmarks": 3, "photos": (2, 4), "test_photos": 2, "non_landmarks": (3, 2, 4), "size": 48}


def render(folder=None, workers=None, progress=None, **options):
    return render_landmarks(PhotoSetOptions(**options), folder, workers=workers, progress=progress)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return render(tmp_path_factory.mktemp("rendered") / "set", **SMALL, workers=1)


def test_a_set_is_a_folder_per_place_and_lists(made):
    assert [place.id for place in made.places] == sorted((p.name for p in made.train.iterdir()), key=lambda n: n[-2:])
    train, test = read_pictures(made.train), read_pictures(made.test)
    assert set(train.names) == set(test.names) == {place.id for place in made.places}
    assert len(test) == 6
    counts = [len(list(made.non_landmarks(split).iterdir())) for split in ("train", "calibration", "test")]
    assert counts == [3, 2, 4]
    listed = read_pictures(made.photos_csv)
    assert len(listed) == len(train) + len(test) + 9
    with made.places_csv.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["identity"] for row in rows] == [place.id for place in made.places]
    assert [float(row["latitude"]) for row in rows] == [place.latitude for place in made.places]


def test_the_least_angle_between_training_and_test_is_measured(made):
    with made.photos_csv.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["identity"] != "non-landmark"]
    gap = min(
        abs((float(a["azimuth"]) - float(b["azimuth"]) + 180) % 360 - 180)
        for a in rows
        for b in rows
        if a["identity"] == b["identity"] and (a["split"], b["split"]) == ("train", "test")
    )
    assert made.azimuth_gap == pytest.approx(gap, abs=0.005)
    assert made.azimuth_gap >= LEAST_AZIMUTH_GAP


def test_what_is_there_is_not_rendered_again(made):
    before = files(made.folder)
    calls = []
    again = render(made.folder, **SMALL, progress=calls.append)
    assert again == made
    assert calls == []
    assert files(made.folder) == before


@pytest.mark.slow
def test_of_two_processes_one_renders_and_both_have_the_set(tmp_path, made):
    program = (
        "import sys; from lookalike.samples.buildings import PhotoSetOptions, render_landmarks\n"
        f"if __name__ == '__main__': render_landmarks(PhotoSetOptions(**{SMALL}), sys.argv[1], workers=1, "
        "progress=lambda event: print(event.done, flush=True))"
    )
    run = [sys.executable, "-c", program, str(tmp_path / "set")]
    started = [subprocess.Popen(run, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate(timeout=240)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted(bool(text) for text in printed) == [False, True]
    assert files(tmp_path / "set") == files(made.folder)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_who_waited_for_another_process_takes_its_set_and_leaves_nothing(tmp_path, made, monkeypatch):
    first = iter([None, made, made])
    monkeypatch.setattr(photo_set, "_found", lambda target, arguments: next(first))
    assert render(tmp_path / "set", **SMALL) == made
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_same_arguments_give_the_same_files_with_two_workers_and_after_an_interruption(made, tmp_path):
    def stop(event):
        if event.done:
            raise KeyboardInterrupt

    folder = tmp_path / "set"
    with pytest.raises(KeyboardInterrupt):
        render(folder, **SMALL, workers=1, progress=stop)
    assert not folder.exists()
    assert any((tmp_path / ".set.rendering" / "done").iterdir())
    calls = []
    render(folder, **SMALL, workers=2, progress=calls.append)
    assert calls[0].done > 0  # it went on where it stopped
    assert files(folder) == files(made.folder)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_rendering_with_other_arguments_leaves_nothing_of_the_one_before(tmp_path):
    def stop(event):
        if event.done:
            raise KeyboardInterrupt

    folder = tmp_path / "set"
    with pytest.raises(KeyboardInterrupt):
        render(folder, **{**SMALL, "seed": 5}, workers=1, progress=stop)
    tiny = {**SMALL, "landmarks": 1, "photos": (1, 1), "test_photos": 0, "non_landmarks": (0, 0, 0)}
    made = render(folder, **tiny, workers=1)
    assert len(list(folder.rglob("*.jpg"))) == 1
    assert [path.name for path in made.train.iterdir()] == [made.places[0].id]
    assert made.azimuth_gap == 180


def test_a_failure_before_the_first_picture_leaves_nothing(tmp_path, monkeypatch):
    def failing(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(photo_set, "render_units", failing)
    with pytest.raises(StorageError, match="No space left on device"):
        render(tmp_path / "set", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path, made):
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(StorageError, match="choose another folder"):
        render(tmp_path, **SMALL)
    with pytest.raises(StorageError, match="choose another folder"):
        render(tmp_path / "holiday.jpg", **SMALL)
    assert files(tmp_path) == {"holiday.jpg": b"mine"}
    with pytest.raises(StorageError, match="other arguments"):
        render(made.folder, **{**SMALL, "seed": 1})


def test_lost_pictures_and_damaged_cards_are_noticed(tmp_path):
    card = {"arguments": photo_set._arguments(PhotoSetOptions(**SMALL)), "places": [], "azimuth_gap": 20.0}
    (tmp_path / "synthetic-landmarks.json").write_text(json.dumps(card))
    (tmp_path / "photos.csv").write_text("path,identity\ntrain/a/000.jpg,a\n")
    with pytest.raises(ArtefactError, match=r"lost 1 of its pictures, first train/a/000\.jpg"):
        render(tmp_path, **SMALL)
    (tmp_path / "synthetic-landmarks.json").write_text("{")
    with pytest.raises(ArtefactError, match="damaged"):
        render(tmp_path, **SMALL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"landmarks": 0}, "landmarks must be 1 to 10,000, not 0"),
        ({"photos": (5, 3)}, "photos must be"),
        ({"photos": (5,)}, "photos must be"),
        ({"test_photos": -1}, "test_photos must be 0 or more"),
        ({"non_landmarks": (1, 2)}, "three counts"),
        ({"size": 20}, "size must be 32 to 1024"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"workers": 0}, "workers must be 1 or more"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path, wrong, message):
    with pytest.raises(InputError, match=message):
        render(tmp_path / "set", **{**SMALL, **wrong})
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_split_is_refused(made):
    with pytest.raises(InputError, match="train, calibration, test"):
        made.non_landmarks("validation")


def test_without_vtk_the_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_set.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"lookalike\[synthetic\]"):
        render(tmp_path / "set", **SMALL)


def test_the_cache_is_where_the_environment_says_and_told_apart_by_arguments(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    tiny = {**SMALL, "landmarks": 1, "photos": (1, 1), "test_photos": 0, "non_landmarks": (0, 0, 0)}
    first = render(**tiny, workers=1)
    second = render(**{**tiny, "seed": 1}, workers=1)
    assert first.folder.parent == second.folder.parent == tmp_path
    assert first.folder != second.folder
    monkeypatch.delenv("LOOKALIKE_CACHE")
    assert cache_folder().parts[-2:] == (".cache", "lookalike")


def test_test_photos_of_one_place_differ_from_its_training_photos(made):
    train, test = files(made.train), files(made.test)
    assert not set(train.values()) & set(test.values())
    assert len(set(train.values())) == len(train)
    assert np.mean([len(content) for content in train.values()]) > 500
