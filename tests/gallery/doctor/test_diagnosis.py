"""Every kind of finding, in galleries whose vectors are chosen so that each is there or is not."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.gallery import open_gallery
from lookalike.gallery.doctor import KINDS, diagnose
from lookalike.progress import Progress


def found(gallery, rules, **options):
    diagnosis = diagnose(gallery, rules, **options)
    return diagnosis, {kind: [one for one in diagnosis.findings if one.kind == kind] for kind in KINDS}


def test_nothing_is_wrong_with_a_clean_gallery(gallery, enroll, person, rules):
    enroll({f"p{i}": person(i, 3) for i in range(6)})
    diagnosis, _ = found(gallery, rules)
    assert diagnosis.totals == dict.fromkeys(KINDS, 0)
    assert (diagnosis.identities, diagnosis.templates, diagnosis.single, diagnosis.usual) == (6, 18, 0, 3)
    assert diagnosis.change == gallery.change
    assert sum(diagnosis.own.counts) == sum(diagnosis.other.counts) == 18


def test_an_empty_gallery(gallery, rules):
    diagnosis, _ = found(gallery, rules)
    assert (diagnosis.identities, diagnosis.findings, diagnosis.own.counts) == (0, (), ())


def test_one_person_under_two_names_goes_to_the_one_with_most_templates(gallery, enroll, person, rules):
    ids = enroll({"new": person(0, 2), "old": person(0, 3, start=3), "other": person(1, 3)})
    diagnosis, of = found(gallery, rules)
    (one,) = of["one-person"]
    assert diagnosis.totals["one-person"] == sum(diagnosis.totals.values()) == 1
    assert one.identities == ("new", "old")
    assert sorted(one.templates) == sorted(ids["new"] + ids["old"])
    assert (one.agreeing, one.compared) == (6, 6)
    assert one.distance == pytest.approx(0.2, abs=1e-6)
    assert one.probability > 0.99
    assert (one.proposal.act, one.proposal.into) == ("merge", "old")
    assert one.proposal.expected == {"new": tuple(ids["new"]), "old": tuple(ids["old"])}
    assert set(one.shown[0]) <= set(one.templates)


def test_of_equally_many_templates_the_older_name_stays(gallery, enroll, person, rules):
    enroll({"z": person(0, 2), "a": person(0, 2, start=2)})
    _, of = found(gallery, rules)
    assert of["one-person"][0].proposal.into == "z"


def test_three_names_of_one_person_are_one_finding(gallery, enroll, person, rules):
    enroll({name: person(0, 2, start=2 * at) for at, name in enumerate("abc")} | {"d": person(1, 2)})
    diagnosis, of = found(gallery, rules)
    assert [one.identities for one in of["one-person"]] == [("a", "b", "c")]
    assert diagnosis.totals["one-person"] == 1
    assert len(of["one-person"][0].shown) == 3


def test_a_bad_template_joins_nobody(gallery, enroll, person, rules):
    # Half of b's templates are a's: with single linkage a, b and c would be one.
    b = np.concatenate([person(1, 2), person(0, 1, start=5), person(2, 1, start=5)])
    ids = enroll({"a": person(0, 4), "b": b, "c": person(2, 4)})
    diagnosis, of = found(gallery, rules)
    assert diagnosis.totals["one-person"] == diagnosis.totals["undecided"] == 0
    assert {(one.templates, one.identities) for one in of["wrong-name"]} == {
        ((ids["b"][2],), ("b", "a")),
        ((ids["b"][3],), ("b", "c")),
    }
    assert diagnosis.totals["look-alikes"] == 0  # without those templates they are 10 apart


def test_a_template_under_the_wrong_name_moves(gallery, enroll, person, rules):
    ids = enroll({"a": person(0, 3), "b": np.concatenate([person(1, 3), person(0, 1, start=4)])})
    diagnosis, of = found(gallery, rules)
    (one,) = of["wrong-name"]
    assert sum(diagnosis.totals.values()) == 1
    assert one.templates == (ids["b"][3],)
    assert (one.agreeing, one.compared) == (3, 3)
    assert one.shown[0][0] == one.shown[1][0] == ids["b"][3]
    assert one.shown[0][1] in ids["a"]
    assert one.shown[1][1] in ids["b"]
    assert (one.proposal.act, one.proposal.identities, one.proposal.into) == ("split", ("b",), "a")
    assert one.proposal.templates == one.templates
    assert one.proposal.expected == {"a": tuple(ids["a"]), "b": tuple(ids["b"])}


def test_two_names_of_one_person_explain_a_template_that_is_far_from_its_own(gallery, enroll, person, rules):
    far = person(0, 1)
    far[0, 15] = 0.9  # 0.95 from most of a's, 0.2 from b's last
    enroll({"a": person(0, 3), "b": np.concatenate([person(0, 3, start=3), far])})
    diagnosis, _ = found(gallery, rules)
    assert diagnosis.totals == dict.fromkeys(KINDS, 0) | {"one-person": 1}


def test_one_template_each_cannot_tell_one_person_from_look_alikes(gallery, enroll, person, rules):
    ids = enroll({"a": person(0, 1), "b": person(0, 1, start=1), "c": person(1, 4)})
    diagnosis, of = found(gallery, rules)
    (one,) = of["undecided"]
    assert diagnosis.totals["one-person"] == 0
    assert one.templates == (ids["a"][0], ids["b"][0])
    assert one.probability > rules.sure  # and yet it is not called so
    assert "one template each" in one.reason
    assert one.proposal.act == "merge"
    assert diagnosis.single == 2


def test_look_alikes_match_in_part_only(gallery, enroll, person, rules):
    b, d = person(0, 4, start=3), person(3, 4, start=3)
    b[:, 0] = [10.9, 11.3, 11.3, 11.3]  # the first is 0.92 from a's and 0.45 from its own; the others are 1.3 from a's
    d[:, 3] = 11.05  # 1.07 from c's: within the neighbourhood
    enroll({"a": person(0, 3), "b": b, "c": person(3, 3), "d": d})
    diagnosis, of = found(gallery, rules)
    assert sum(diagnosis.totals.values()) == 2
    assert [one.identities for one in of["look-alikes"]] == [("a", "b"), ("c", "d")]
    one, other = of["look-alikes"]
    assert (one.agreeing, one.compared) == (3, 12)
    assert "within the threshold" in one.reason
    assert "just beyond the threshold" in other.reason
    assert one.proposal is None
    assert one.telling == one.nearest < one.distance
    _, of = found(gallery, replace(rules, neighbourhood=0.0))
    assert [one.identities for one in of["look-alikes"]] == [("a", "b")]


def test_improbable_matches_are_look_alikes(gallery, enroll, person, rules):
    enroll({"a": person(0, 2), "b": person(0, 2, start=2)})
    assert found(gallery, rules)[0].totals["one-person"] == 1
    unlikely = replace(rules, odds=None)
    assert found(gallery, unlikely)[0].totals["one-person"] == 1  # without odds, most pairs decide
    expected_nowhere = replace(rules, repeated_share=1e-9)
    _, of = found(gallery, expected_nowhere)
    assert [one.identities for one in of["look-alikes"]] == [("a", "b")]
    assert of["look-alikes"][0].probability < 0.05


def test_copies_under_one_name_are_deleted_but_for_the_first(gallery, enroll, person, rules):
    x = person(0, 3)
    ids = enroll({"a": np.concatenate([x, x[:1] + np.float32(1e-3), x[:1] - np.float32(1e-3)])})
    diagnosis, of = found(gallery, rules)
    (one,) = of["twice"]
    assert sum(diagnosis.totals.values()) == 1
    assert one.templates == (ids["a"][0], ids["a"][3], ids["a"][4])
    assert (one.proposal.act, one.proposal.templates) == ("forget", (ids["a"][3], ids["a"][4]))


def test_one_picture_under_two_names(gallery, enroll, person, rules):
    enroll({"a": person(0, 1), "b": person(0, 1), "c": person(1, 2)})
    diagnosis, of = found(gallery, rules)
    assert sum(diagnosis.totals.values()) == 1  # a and b are not also called undecided
    assert of["twice"][0].identities == ("a", "b")
    assert (of["twice"][0].proposal.act, of["twice"][0].proposal.into) == ("merge", "a")


def test_a_copy_under_the_name_of_another_person(gallery, enroll, person, rules):
    ids = enroll({"a": person(0, 3), "b": np.concatenate([person(1, 3), person(0, 1)])})
    _, of = found(gallery, rules)
    assert of["twice"][0].identities == ("a", "b")
    assert of["twice"][0].proposal is None  # the other finding has it
    assert of["wrong-name"][0].templates == (ids["b"][3],)


def test_a_template_that_matches_none_of_its_own(gallery, enroll, person, rules):
    ids = enroll({"a": np.concatenate([person(0, 3), 5 * np.eye(16, dtype=np.float32)[7:8]]), "b": person(1, 3)})
    diagnosis, of = found(gallery, rules)
    (one,) = of["poor-picture"]
    assert sum(diagnosis.totals.values()) == 1
    assert one.templates == (ids["a"][3],)
    assert (one.proposal.act, one.proposal.templates) == ("forget", (ids["a"][3],))
    assert one.quality is None


def test_two_templates_that_do_not_match_are_one_finding_without_a_proposal(gallery, enroll, person, rules):
    ids = enroll({"a": np.concatenate([person(0, 1), person(5, 1)]), "b": person(1, 3)})
    _, of = found(gallery, rules)
    (one,) = of["poor-picture"]
    assert sorted(one.templates) == ids["a"]
    assert one.proposal is None


@pytest.mark.parametrize("poor", [0, 1])
def test_of_two_that_do_not_match_the_poor_one_is_meant(gallery, enroll, person, rules, poor):
    qualities = [0.9, 0.9]
    qualities[poor] = 0.1
    ids = enroll({"a": np.concatenate([person(0, 1), person(5, 1)]), "b": person(1, 3)}, {"a": qualities})
    _, of = found(gallery, rules)
    (one,) = of["poor-picture"]
    assert one.templates == (ids["a"][poor],)
    assert one.proposal.templates == one.templates


def test_low_quality_is_a_finding_worst_first(gallery, enroll, person, rules):
    enroll(
        {"a": person(0, 3), "b": person(1, 1), "c": person(2, 2)},
        {"a": [0.9, 0.2, None], "b": [0.1], "c": [0.25, 0.3]},
    )
    _, of = found(gallery, rules)
    assert [(one.identities[0], one.quality) for one in of["poor-picture"]] == [("b", 0.1), ("a", 0.2)]
    assert of["poor-picture"][0].proposal is None  # nothing would be left of b
    assert of["poor-picture"][1].proposal.act == "forget"
    assert (of["poor-picture"][1].agreeing, of["poor-picture"][1].compared) == (2, 2)  # it is poor and matches


def test_a_poor_template_of_one_name_may_match_the_other_name_of_its_person(gallery, enroll, person, rules):
    odd = np.zeros((2, 16), np.float32)
    odd[:, 0], odd[0, 7], odd[1, 7] = 10, 1.5, 1.0  # b's second is 0.5 from a's last, and 1 and more from its own
    a = np.concatenate([person(0, 4), odd[1:]])
    b = np.concatenate([person(0, 4, start=4), odd[:1]])
    enroll({"a": a, "b": b})
    diagnosis, _ = found(gallery, rules)
    assert diagnosis.totals == dict.fromkeys(KINDS, 0) | {"one-person": 1}


def test_all_are_counted_and_some_listed(gallery, enroll, person, rules):
    enroll({f"{who}{name}": person(who, 2, start=2 * name) for who, name in itertools.product(range(4), range(2))})
    diagnosis, of = found(gallery, rules, most=3)
    assert diagnosis.totals["one-person"] == 4
    assert [one.id for one in of["one-person"]] == ["one-person-1", "one-person-2", "one-person-3"]
    with pytest.raises(InputError, match="at least 1"):
        diagnose(gallery, rules, most=0)


def test_progress_reaches_the_end_of_every_stage(gallery, enroll, person, rules):
    enroll({"a": person(0, 2), "b": person(0, 2, start=2), "c": person(1, 1)})
    last = {}
    diagnose(gallery, rules, progress=lambda event: last.update({event.stage: event}))
    assert list(last) == [
        "Reading templates",
        "Comparing with their own",
        "Searching neighbours",
        "Comparing identities",
    ]
    assert all(event.done == event.total for event in last.values())
    assert last["Searching neighbours"] == Progress("Searching neighbours", 5, 5)


def test_landmarks_are_refused(tmp_path, rules):
    with open_gallery(tmp_path / "g", kind="landmarks") as places, pytest.raises(InputError, match="landmarks"):
        diagnose(places, rules)


def test_who_is_forgotten_meanwhile_is_left_out(gallery, enroll, person, rules):
    from lookalike.gallery.doctor import StoredTemplates

    enroll({"a": person(0, 2), "b": person(0, 2, start=2), "c": person(0, 2, start=4)})
    templates = StoredTemplates.read(gallery)
    gallery.forget("c")
    gallery.enroll("d", person(0, 2, start=6))
    diagnosis, of = found(gallery, rules, templates=templates)
    # c's own templates were read and still ask: it is found beside a and b, and d is not known.
    assert all("d" not in one.identities for one in diagnosis.findings)
    assert {"a", "b"} <= set(of["one-person"][0].identities)
