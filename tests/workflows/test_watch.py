"""Pictures that arrive are answered; `linear_model` says with whom."""

import shutil

import pytest

from lookalike.errors import ImageError, InputError, StorageError
from lookalike.workflows.watch import WatchOptions, watch


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def watched(inbox, tiny_model, gallery):
    def begin(**more):
        return watch(WatchOptions(folder=inbox, model=tiny_model, gallery=gallery, settle=0.05, interval=0.02, **more))

    return begin


def test_pictures_are_answered_as_they_arrive(watched, inbox, people_folder):
    shutil.copy(people_folder / "s02" / "4.png", inbox / "old.png")
    answers = watched(existing=True, top=2)
    first = next(answers)
    assert (first.path, first.answer.identity, first.error) == (inbox / "old.png", "s02", None)
    assert len(first.answer.candidates) == 2
    assert first.to_json()["picture"] == str(inbox / "old.png")
    shutil.copy(people_folder / "s08" / "0.png", inbox / "new.png")
    second = next(answers)
    assert (second.path.name, second.answer.identity, second.answer.decision) == ("new.png", None, "unknown")


def test_a_picture_that_cannot_be_used_is_said_and_the_others_are_answered(watched, inbox, people_folder, bad_picture):
    shutil.copy(people_folder / "s01" / "4.png", inbox / "a.png")
    bad_picture("truncated", inbox / "b.png")
    shutil.copy(people_folder / "s03" / "4.png", inbox / "c.png")
    answers = watched(existing=True)
    found = [next(answers) for _ in range(3)]
    assert [one.answer and one.answer.identity for one in found] == ["s01", None, "s03"]
    assert isinstance(found[1].error, ImageError)
    assert found[1].to_json()["error"] == "ImageError"
    assert "b.png" in found[1].to_json()["message"]
    shutil.copy(people_folder / "s02" / "4.png", inbox / "b.png")  # the whole copy comes
    assert next(answers).answer.identity == "s02"


def test_a_folder_that_is_removed_ends_it_with_an_error(watched, inbox, people_folder):
    shutil.copy(people_folder / "s02" / "4.png", inbox / "a.png")
    answers = watched(existing=True)
    next(answers)
    shutil.rmtree(inbox)
    with pytest.raises(StorageError, match="inbox cannot be read any more"):
        next(answers)


def test_what_cannot_be_answered_is_refused_before_a_picture_comes(watched):
    with pytest.raises(InputError, match="give one of them"):
        next(watched(threshold=0.5, fmr=0.1))
