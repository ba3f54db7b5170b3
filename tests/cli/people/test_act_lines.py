"""Names put right by the verbs of `lookalike people`, and taken back."""

import pytest

from lookalike import open_gallery


@pytest.fixture
def people(lookalike, gallery):
    """Runs a verb of `lookalike people` on a gallery of s01, s02 and s03 with two templates each."""
    return lambda verb, *given: lookalike("people", verb, *given, "--gallery", gallery)


def names(gallery):
    with open_gallery(gallery, create=False) as opened:
        return {person.name: person.templates for person in opened.people()}


def test_who_is_renamed_merged_and_split_is_so_until_it_is_undone(people, gallery):
    before = names(gallery)
    said = people("rename", "s01", "Ada").err
    assert said == "renamed s01 -> Ada (2 templates); lookalike people undo 1 takes it back\n"
    assert people("merge", "Ada", "s02", "--into", "Ada").err.startswith("merged s02 -> Ada (2 templates); ")
    assert names(gallery) == {"Ada": 4, "s03": 2}
    templates = people("templates", "Ada", "--json").document["templates"]
    ids = [one["id"] for one in templates]
    assert set(templates[0]) == {"id", "source", "enrolled_at", "quality"}
    assert f"4 templates of Ada in {gallery}" in people("templates", "Ada").out
    split = people("split", "Ada", ids[0], ids[1], "--into", "Eve", "--json").document["act"]
    assert (split["kind"], split["identities"], split["templates"]) == ("split", {"Ada": "Eve"}, 2)
    assert names(gallery) == {"Ada": 2, "Eve": 2, "s03": 2}
    listed = people("acts", "--json").document["acts"]
    assert [one["kind"] for one in listed] == ["split", "merge", "rename"]
    assert len(people("acts", "--limit", "1", "--json").document["acts"]) == 1
    assert "s02 -> Ada" in people("acts").out
    for act in listed:
        assert people("undo", act["id"]).err.startswith(f"undid act {act['id']}: ")
    assert names(gallery) == before
    assert [one["undone"] for one in people("acts", "--json").document["acts"]] == [True] * 3


def test_what_cannot_be_done_is_refused(people, refused, gallery, snapshot):
    before = snapshot(gallery)
    refused(people("rename", "s01", "s02"), "'s02' is in", "merge the two")
    refused(people("rename", "Eve", "s05"), "'Eve' is not in")
    refused(people("merge", "s01", "--into", "s01"), "no two identities")
    refused(people("split", "s01", 99, "--into", "Eve"), "template 99 is not of 's01'")
    refused(people("undo", 7), "has no act 7")
    refused(people("tag", "s01", "site"), "'site' is not KEY=VALUE", "site=Berlin")
    refused(people("list", "--where", "=x"), "'=x' is not KEY=VALUE")
    assert snapshot(gallery) == before


def test_lists_are_limited_by_tags_names_and_pages(people, lookalike, gallery):
    assert people("tag", "s01", "site=Berlin", "role=staff").err == "tagged s01: role=staff, site=Berlin\n"
    assert people("tag", "s01", "role=").err == "tagged s01: site=Berlin\n"
    assert people("tag", "s02", "site=Paris", "--json").document["tags"] == {"site": "Paris"}

    def listed(*given):
        return [one["name"] for one in lookalike("people", *given, "--gallery", gallery, "--json").document["people"]]

    assert listed("--where", "site=Berlin") == listed("list", "--where", "site=Berlin") == ["s01"]
    assert listed("--where", "site=Berlin", "--where", "site=Paris", "--after", "s01") == ["s02"]
    assert listed("--prefix", "s0", "--limit", "2") == ["s01", "s02"]
    assert listed("--limit", "2", "--after", "s02") == ["s03"]
    assert listed("--prefix", "S") == []
    assert "site=Berlin" in people("list").out
