"""Names put right, and lists, as functions."""

import numpy as np
import pytest

from lookalike.errors import ArtefactError, InputError
from lookalike.gallery import open_gallery
from lookalike.workflows import people as lists
from lookalike.workflows.forget import ForgetBeforeOptions, ForgottenBefore, forget_before
from lookalike.workflows.identity_acts import (
    ActsOptions,
    MergeOptions,
    RenameOptions,
    SplitOptions,
    TagOptions,
    UndoOptions,
    list_acts,
    merge,
    rename,
    split,
    tag,
    undo,
)


@pytest.fixture
def path(tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "cosine", 4)
        for n, name in enumerate(["Ada", "Bob", "Eve"]):
            gallery.enroll(name, np.random.default_rng(n).normal(size=(2, 4)), [f"{n}/0", f"{n}/1"])
    return tmp_path / "g"


def listed(path, **asked):
    return {one.name: one.templates for one in lists.list_people(lists.PeopleOptions(gallery=path, **asked)).people}


def test_every_act_is_one_function(path):
    done = [
        rename(RenameOptions(name="Ada", new="Zoe", gallery=path)),
        merge(MergeOptions(names=["Zoe", "Bob"], into="Bob", gallery=path)),
        split(SplitOptions(name="Bob", templates=[1], into="Eve", gallery=path)),
    ]
    assert listed(path) == {"Bob": 3, "Eve": 3}
    assert list(list_acts(ActsOptions(gallery=path)).acts) == done[::-1]
    assert tag(TagOptions(name=" Eve ", tags=["site=Berlin"], gallery=path)).tags == {"site": "Berlin"}
    assert listed(path, where={"site": "Berlin"}) == listed(path, where=["site=Berlin"]) == {"Eve": 3}
    for act in done[::-1]:
        assert undo(UndoOptions(act=act.id, gallery=path)).undone
    assert listed(path) == {"Ada": 2, "Bob": 2, "Eve": 2}


def test_lists_without_a_limit_are_read_page_by_page(path, monkeypatch):
    monkeypatch.setattr(lists, "_PAGE", 1)
    assert list(listed(path, after="Ada")) == ["Bob", "Eve"]
    assert list(listed(path, prefix="B")) == ["Bob"]
    assert list(listed(path, limit=2)) == ["Ada", "Bob"]
    found = lists.list_templates(lists.TemplatesOptions(name="Bob", gallery=path)).templates
    assert [(one.id, one.source) for one in found] == [(3, "1/0"), (4, "1/1")]


def test_what_is_too_old_is_forgotten(path):
    assert forget_before(ForgetBeforeOptions(before="2000-01-01", gallery=path)) == ForgottenBefore(0, 0, 3)
    assert forget_before(ForgetBeforeOptions(before="2100-01-01", gallery=path)) == ForgottenBefore(3, 6, 0)


def test_no_place_is_given_the_name_of_what_is_none(tmp_path):
    with open_gallery(tmp_path / "places.gallery", kind="landmarks"):
        pass
    with pytest.raises(InputError, match="no place may bear"):
        rename(RenameOptions(name="Tower", new="non-landmark", gallery=tmp_path / "places.gallery"))


def test_no_gallery_is_made(tmp_path):
    for function, options in (
        (rename, RenameOptions(name="a", new="b", gallery=tmp_path / "none")),
        (list_acts, ActsOptions(gallery=tmp_path / "none")),
        (forget_before, ForgetBeforeOptions(before="2000-01-01", gallery=tmp_path / "none")),
    ):
        with pytest.raises(ArtefactError, match="is not there"):
            function(options)
    assert list(tmp_path.iterdir()) == []
