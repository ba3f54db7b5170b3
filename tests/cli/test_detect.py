"""`lookalike detect`: a line, a row or a box for every face."""

import csv
import io
import subprocess
import sys

import pytest
from PIL import Image


@pytest.fixture
def nobody_there(tmp_path):
    path = tmp_path / "nobody.png"
    Image.new("L", (120, 90), 128).save(path)
    return path


def test_a_line_for_every_face(lookalike, group_photo, nobody_there):
    said = lookalike("detect", group_photo, nobody_there)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert len(lines) == 6
    for number, line in enumerate(lines[:5], 1):
        assert line.startswith(f"{group_photo}, face {number}: ")
        assert " pixels between the eyes)" in line
    assert lines[5] == f"{nobody_there}: no face was found"


def test_json(lookalike, group_photo, bad_picture, tmp_path):
    bad = bad_picture("empty", tmp_path / "bad.png")
    said = lookalike("detect", bad, group_photo, "--json", "--skip-bad", "--draw", tmp_path / "out")
    document = said.document
    assert list(document) == ["pictures", "unusable", "drawn"]
    assert document["unusable"][0]["picture"] == str(bad)
    assert "is empty (0 bytes)" in document["unusable"][0]["reason"]
    (picture,) = document["pictures"]
    assert (picture["picture"], picture["width"], picture["height"]) == (str(group_photo), 732, 1248)
    assert len(picture["faces"]) == 5
    face = picture["faces"][0]
    assert set(face) >= {"box", "score", "landmarks", "cut_off", "quality"}
    assert set(face["box"]) == {"left", "top", "right", "bottom"}
    assert document["drawn"] == [str(tmp_path / "out" / "group-faces.png")]
    assert f"wrote 1 picture with boxes to {tmp_path / 'out'}" in said.err


def test_csv_in_a_file_and_on_stdout(lookalike, refused, nobody_there, tmp_path):
    on_stdout = lookalike("detect", nobody_there, "--csv", "-")
    assert on_stdout.said == ""
    rows = list(csv.DictReader(io.StringIO(on_stdout.out)))
    assert [(row["picture"], row["face"], row["error"]) for row in rows] == [
        (str(nobody_there), "", "no face was found")
    ]
    in_file = lookalike("detect", nobody_there, "--csv", tmp_path / "f.csv")
    assert (in_file.out, in_file.err) == ("", f"wrote 0 faces to {tmp_path / 'f.csv'}\n")
    assert (tmp_path / "f.csv").read_text("utf-8").splitlines() == on_stdout.out.splitlines()
    refused(lookalike("detect", nobody_there, "--csv", "-", "--json"), "both print on stdout")


def test_names_for_formulas_are_said(lookalike, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (60, 60), 128).save("=1.png")
    said = lookalike("detect", "=1.png", "--csv", "-")
    assert "=1.png," in said.out
    assert "note: 1 name begins with =, +, - or @, such as '=1.png'" in said.err


def test_what_is_refused(lookalike, refused, tiny_model, nobody_there, bad_picture, tmp_path):
    bad = bad_picture("text", tmp_path / "bad.png")
    refused(lookalike("detect", bad), "is not a picture")
    refused(lookalike("detect", tmp_path / "no.jpg"), "does not exist")
    refused(lookalike("detect", f"{tmp_path}/*.gif"), "nothing matches")
    refused(lookalike("detect", nobody_there, "--model", tiny_model), "looks for no faces")
    refused(lookalike("detect"), "Missing argument")


def test_one_picture_on_standard_input(nobody_there, child_environment):
    command = [sys.executable, "-m", "lookalike", "detect", "-"]
    with nobody_there.open("rb") as picture:
        done = subprocess.run(command, stdin=picture, capture_output=True, text=True, check=True, env=child_environment)
    assert done.stdout == "-: no face was found\n"
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=child_environment
    )
    assert done.returncode == 2
    assert "standard input, and that is empty (0 bytes); pipe one picture in" in done.stderr
