"""What is drawn of an answer: a name, nobody, or perhaps somebody; and which face it is about."""

from dataclasses import replace

import pytest

from lookalike.answers import Identified, IdentifiedFace, PlaceCandidate
from lookalike.embedder.face import Face, FaceBox
from lookalike.face_drawing import Mark
from lookalike.gallery.records import Candidate
from lookalike.workflows.answer_marks import answer_label, answer_marks, answered_face_marks, found_face_marks

FACES = tuple(Face(FaceBox(at, 0, at + 9, 9), 1.0, ((at, 1.0),), False) for at in (0, 20))
ADA = Identified("Ada", 0.4, 0.5, "given", (Candidate("Ada", 0.4, 1), Candidate("Bo", 0.7, 2)), decision="match")


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "Ada"),
        ({"decision": "unknown", "identity": None}, "nobody"),
        ({"decision": "ambiguous", "identity": None}, "perhaps Ada"),
        ({"decision": "unknown", "identity": None, "candidates": ()}, "nobody"),
        ({"kind": "landmarks", "decision": "unknown", "identity": None}, "no landmark"),
        ({"kind": "landmarks", "candidates": (PlaceCandidate("7", 0.4, 1, name="Sacré-Cœur"),)}, "Sacré-Cœur"),
    ],
)
def test_an_answer_in_a_few_words(changes, label):
    assert answer_label(replace(ADA, **changes)) == label


def test_one_answer_marks_its_face_and_those_that_were_not_asked_about():
    answer = replace(ADA, faces=FACES)
    assert answer_marks(answer) == [Mark(FACES[0].box, "Ada", "match"), Mark(FACES[1].box, "", "not asked")]
    assert answer_marks(ADA) == [Mark(None, "Ada", "match")]


def test_all_faces_are_numbered_as_in_lists():
    nobody = replace(ADA, decision="unknown", identity=None)
    faces = [IdentifiedFace(FACES[0], ADA), IdentifiedFace(FACES[1], nobody)]
    assert answered_face_marks(faces) == [
        Mark(FACES[0].box, "1 Ada", "match"),
        Mark(FACES[1].box, "2 nobody", "unknown"),
    ]
    assert found_face_marks(FACES)[1] == Mark(FACES[1].box, "2", "face", ((20, 1.0),))
