"""`findings.json` read again, and its confirmed proposals carried out."""

import json

import numpy as np
import pytest

from lookalike import open_gallery
from lookalike.errors import ArtefactError, FingerprintError, InputError
from lookalike.workflows.people_doctor import DoctorOptions, examine_people
from lookalike.workflows.people_repairs import RepairOptions, repair_people


@pytest.fixture
def examined(tmp_path):
    """A gallery where `a` and `b` are one person, and `d` holds a template of `c`; and its findings.json."""
    rng = np.random.default_rng(0)
    people = {
        name: 10 * np.eye(8)[at] + 0.1 * rng.random((4, 8)) for name, at in zip("abcd", (0, 0, 1, 2), strict=True)
    }
    people["d"][3] = people["c"][0] + 0.05
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f1", "net", "euclidean", 8)
        gallery.enroll_many((name, x, None) for name, x in people.items())
    return examine_people(DoctorOptions(gallery=tmp_path / "g", threshold=1.0, output=tmp_path / "doctor")).findings


@pytest.fixture
def confirm(examined):
    """Mark findings in the file."""

    def mark(*ids, value=True):
        document = json.loads(examined.read_text("utf-8"))
        for one in document["findings"]:
            if one["id"] in ids:
                one["confirm"] = value
        examined.write_text(json.dumps(document), "utf-8")

    return mark


def test_only_what_is_confirmed_is_done(examined, confirm, tmp_path):
    confirm("one-person-1")
    done = repair_people(RepairOptions(findings=examined, gallery=tmp_path / "g")).results
    assert [(one.finding, one.refused) for one in done] == [("one-person-1", "")]
    with open_gallery(tmp_path / "g") as gallery:
        assert [(one.name, one.templates) for one in gallery.people()] == [("a", 8), ("c", 4), ("d", 4)]
        gallery.undo(done[0].act)
        assert gallery.names() == ["a", "b", "c", "d"]


def test_ids_confirm_besides_the_file(examined, confirm, tmp_path):
    confirm("one-person-1")
    options = RepairOptions(findings=examined, gallery=tmp_path / "g", confirm=["wrong-name-1"])
    assert [one.finding for one in repair_people(options).results] == ["one-person-1", "wrong-name-1"]
    with open_gallery(tmp_path / "g") as gallery:
        assert [(one.name, one.templates) for one in gallery.people()] == [("a", 8), ("c", 5), ("d", 3)]
    again = repair_people(options).results
    assert all("have changed" in one.refused for one in again)


def test_what_is_refused(examined, confirm, tmp_path, refuses):
    def apply(findings=examined, gallery=tmp_path / "g", confirm=()):
        return lambda: repair_people(RepairOptions(findings=findings, gallery=gallery, confirm=confirm))

    refuses(InputError, apply(), "nothing is confirmed")
    refuses(InputError, apply(confirm=["one-person-7"]), "proposes nothing for 'one-person-7'")
    refuses(ArtefactError, apply(findings=tmp_path / "none.json"), "cannot be read")
    with open_gallery(tmp_path / "other") as other:
        other.bind("f2", "net", "euclidean", 8)
    refuses(FingerprintError, apply(gallery=tmp_path / "other", confirm=["one-person-1"]), "model f1", "f2")
    confirm("one-person-1", value="yes")
    refuses(ArtefactError, apply(), "confirm of one-person-1 is 'yes'")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda one: one["proposal"].update(act="burn"), "act is 'burn'"),
        (lambda one: one["proposal"].pop("into"), "into"),
        (lambda one: one["proposal"].update(identities=[]), "are not listed"),
        (lambda one: one["proposal"].update(identities=["x"]), "are not listed"),
        (lambda one: one["proposal"]["expected"].update(a=["x"]), "invalid literal"),
        (lambda one: one.pop("id"), "id"),
    ],
)
def test_a_damaged_file(examined, tmp_path, refuses, change, word):
    document = json.loads(examined.read_text("utf-8"))
    change(document["findings"][0])
    examined.write_text(json.dumps(document), "utf-8")
    options = RepairOptions(findings=examined, gallery=tmp_path / "g", confirm=["wrong-name-1"])
    refuses(ArtefactError, lambda: repair_people(options), "is damaged", word)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"format_version": 2}', b"\xff\xfe"])
def test_a_file_that_is_none(examined, tmp_path, refuses, content):
    examined.write_bytes(content)
    options = RepairOptions(findings=examined, gallery=tmp_path / "g", confirm=["one-person-1"])
    refuses(ArtefactError, lambda: repair_people(options), "findings.json")
