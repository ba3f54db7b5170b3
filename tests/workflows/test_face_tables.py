"""Faces and answers as CSV: every face and every picture has a row, and texts are what they were."""

import csv
import io
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.answers import Identified, IdentifiedFace, PlaceCandidate
from lookalike.embedder.face import Face, FaceBox, FaceQuality
from lookalike.errors import InputError
from lookalike.gallery.records import Candidate
from lookalike.progress import Reporter
from lookalike.workflows.detect import Detection, PictureFaces
from lookalike.workflows.face_tables import check_table, detection_csv, formula_remarks, identification_csv, write_table
from lookalike.workflows.identify import Identification
from lookalike.workflows.unusable_pictures import UnusablePicture

QUALITY = FaceQuality(9.5, 120.0, 40.0, -3.0, 1.5, 0.75)
FACE = Face(FaceBox(-3, 4, 50, 60), 1.25, tuple((float(n), n + 0.5) for n in range(5)), True, QUALITY)
ADA = Identified("Ada", 0.4, 0.5, "given", (Candidate("Ada", 0.4, 1), Candidate("Bo", 0.7, 2)), decision="match")
NOBODY = replace(ADA, identity=None, decision="unknown", distance=math.inf, candidates=())


def rows(table):
    return list(csv.DictReader(io.StringIO(table, newline=""), strict=True))


def filled(row):
    return {key: value for key, value in row.items() if value}


def test_a_row_for_each_picture_of_people_in_the_order_given():
    bad = (UnusablePicture("c.jpg", "c.jpg is empty", 1), UnusablePicture("d.jpg", "d.jpg is no picture", 3))
    about = replace(ADA, faces=(FACE,), notes=("a.jpg: 2 faces were found",), probability=0.9)
    found = rows(identification_csv(Identification("people", 2, ("a.jpg", "b,c.jpg"), (about, NOBODY), unusable=bad)))
    assert filled(found[0]) == {
        "picture": "a.jpg", "face": "1", "left": "-3", "top": "4", "right": "50", "bottom": "60", "quality": "0.75",
        "decision": "match", "identity": "Ada", "nearest": "Ada", "distance": "0.4", "threshold": "0.5",
        "probability": "0.9", "notes": "a.jpg: 2 faces were found",
    }  # fmt: skip
    assert filled(found[1]) == {"picture": "c.jpg", "error": "c.jpg is empty"}
    assert filled(found[2]) == {"picture": "b,c.jpg", "decision": "unknown", "threshold": "0.5"}
    assert filled(found[3]) == {"picture": "d.jpg", "error": "d.jpg is no picture"}


def test_a_row_for_each_face():
    faces = (IdentifiedFace(FACE, replace(ADA, faces=(FACE,)), ("2 faces",)),) * 2
    found = rows(identification_csv(Identification("people", 2, ("a.jpg", "b.jpg"), (), faces=(faces, ()))))
    assert [(row["picture"], row["face"], row["identity"]) for row in found[:2]] == [
        ("a.jpg", "1", "Ada"),
        ("a.jpg", "2", "Ada"),
    ]
    assert found[0]["notes"] == "2 faces"
    assert filled(found[2]) == {"picture": "b.jpg", "error": "no face was found"}


def test_a_row_for_each_photo_of_a_place():
    place = PlaceCandidate("7", 0.4, 1, "Sacré-Cœur", 48.5, -2.25, "https://map", 0.5, 0.75)
    answer = replace(ADA, identity="7", kind="landmarks", candidates=(place,))
    assert filled(rows(identification_csv(Identification("landmarks", 2, ("a.jpg",), (answer,))))[0]) == {
        "picture": "a.jpg", "decision": "match", "identity": "7", "nearest": "7", "distance": "0.4", "threshold": "0.5",
        "name": "Sacré-Cœur", "latitude": "48.5", "longitude": "-2.25", "map_url": "https://map", "confidence": "0.75",
    }  # fmt: skip


def test_a_row_for_each_face_that_was_found():
    bare = replace(FACE, quality=None, cut_off=False)
    pictures = (PictureFaces("a.jpg", 80, 60, (FACE, bare)), PictureFaces("b.jpg", 80, 60, ()))
    found = rows(detection_csv(Detection(pictures, (UnusablePicture("c.jpg", "c.jpg is empty", 2),))))
    assert len(found) == 4
    assert found[0] == {
        "picture": "a.jpg", "face": "1", "left": "-3", "top": "4", "right": "50", "bottom": "60", "score": "1.25",
        "cut_off": "true", "quality": "0.75", "sharpness": "9.5", "brightness": "120.0", "eye_distance": "40.0",
        "yaw": "-3.0", "roll": "1.5", "x1": "0.0", "y1": "0.5", "x2": "1.0", "y2": "1.5", "x3": "2.0", "y3": "2.5",
        "x4": "3.0", "y4": "3.5", "x5": "4.0", "y5": "4.5", "error": "",
    }  # fmt: skip
    assert (found[1]["cut_off"], found[1]["quality"], found[1]["yaw"]) == ("false", "", "")
    assert [filled(row) for row in found[2:]] == [
        {"picture": "b.jpg", "error": "no face was found"},
        {"picture": "c.jpg", "error": "c.jpg is empty"},
    ]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_names_come_back_as_they_were(name):
    answer = replace(ADA, identity=name, candidates=(Candidate(name, 0.4, 1),))
    row = rows(identification_csv(Identification("people", 2, (name,), (answer,))))[0]
    assert (row["picture"], row["identity"], row["nearest"]) == (name, name, name)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_names_that_spreadsheets_take_for_formulas_are_said(name):
    answer = replace(ADA, identity=name)
    table = identification_csv(Identification("people", 2, ("a.jpg",), (answer,)))
    assert rows(table)[0]["identity"] == name
    assert "import its columns as text" in formula_remarks(table)[0]
    assert repr(name) in formula_remarks(table)[0]


def test_other_names_and_numbers_are_not():
    place = PlaceCandidate("7", 0.4, 1, "a = b", -48.5, -2.25)
    answer = replace(ADA, identity="7", kind="landmarks", candidates=(place,))
    assert formula_remarks(identification_csv(Identification("landmarks", 2, ("-",), (answer,)))) == ()


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    check_table(None)
    check_table(tmp_path / "new.csv")
    with pytest.raises(InputError, match=r"is a folder; give a file in it"):
        check_table(tmp_path)
    with pytest.raises(InputError, match=r"there is no folder .*none; make it"):
        check_table(tmp_path / "none" / "a.csv")


def test_names_of_files_that_are_no_text_keep_their_bytes(tmp_path):
    write_table(tmp_path / "a.csv", "picture\n\udce9.jpg\n", Reporter())
    assert (tmp_path / "a.csv").read_bytes() == b"picture\n\xe9.jpg\n"
