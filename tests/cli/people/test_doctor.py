"""`lookalike people doctor`: what it prints, and that only confirmed repairs are made."""

import json

import numpy as np
import pytest

from lookalike import open_gallery


@pytest.fixture
def doubled(tmp_path):
    """A gallery of three people, where `[b]a` and `b` are one."""
    rng = np.random.default_rng(0)
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f1", "net", "euclidean", 8)
        for name, at in (("[b]a", 0), ("b", 0), ("c", 1)):
            gallery.enroll(name, 10 * np.eye(8)[at] + 0.1 * rng.random((3, 8)))
        gallery.enroll("single", 10 * np.eye(8)[2])
    return tmp_path / "g"


def rows(table):
    cells = [[one.strip() for one in line.split("│")[1:4]] for line in table.splitlines() if line.startswith("│")]
    return {what: (found, proposals) for what, found, proposals in cells}


def test_a_table_a_report_and_repairs(lookalike, doubled, tmp_path):
    output = tmp_path / "doctor"
    done = lookalike("people", "doctor", "--gallery", doubled, "--threshold", 1, "--output", output)
    assert done.code == 0
    assert f"4 people with 10 templates in {doubled}" in done.out
    assert rows(done.out)["One person under several names"] == ("1", "1")
    assert rows(done.out)["People with one template"] == ("1", "")
    assert f"report: {output / 'report.html'}" in done.out
    assert (output / "report.html").is_file()

    findings = output / "findings.json"
    nothing = lookalike("people", "doctor", "--gallery", doubled, "--apply", findings)
    assert nothing.code == 2
    assert "nothing is confirmed" in nothing.err
    done = lookalike("people", "doctor", "--gallery", doubled, "--apply", findings, "--confirm", "one-person-1")
    assert (done.code, done.out) == (
        0, "one-person-1: b is [b]a now (act 1; lookalike people undo 1 takes it back)\n",
    )  # fmt: skip
    again = lookalike("people", "doctor", "-g", doubled, "--apply", findings, "--confirm", "one-person-1", "--json")
    assert again.code == 1
    assert "have changed" in again.document["results"][0]["refused"]
    assert lookalike("people", "undo", 1, "--gallery", doubled).code == 0
    with open_gallery(doubled) as gallery:
        assert gallery.names() == ["[b]a", "b", "c", "single"]


def test_json(lookalike, doubled, tmp_path):
    done = lookalike("people", "doctor", "-g", doubled, "--threshold", 1, "-o", tmp_path / "doctor", "--json")
    document = done.document
    assert document["totals"]["one-person"] == 1
    assert document["findings"][0]["identities"] == ["[b]a", "b"]
    assert document["findings_file"] == str(tmp_path / "doctor" / "findings.json")
    assert json.loads((tmp_path / "doctor" / "findings.json").read_text("utf-8"))["totals"] == document["totals"]


def test_options_that_would_do_nothing(lookalike, doubled, tmp_path):
    confirm = lookalike("people", "doctor", "-g", doubled, "--threshold", 1, "--confirm", "one-person-1")
    assert confirm.code == 2
    assert "give --apply with it" in confirm.err
    apply = lookalike("people", "doctor", "-g", doubled, "--apply", tmp_path / "findings.json", "--most", 5)
    assert apply.code == 2
    assert "--most is about a diagnosis" in apply.err
    assert not (tmp_path / "doctor").exists()
