"""Which of several faces a picture is of."""

from dataclasses import replace

import pytest

from lookalike.embedder.face import Face, FaceBox, FaceQuality
from lookalike.embedder.face_subject import prominence, subject_first, subject_note

SIZE = (400, 300)
SHARP = FaceQuality(sharpness=10, brightness=120, size=40, yaw=0, roll=0, score=1)


def face(left, top, side, score=1.0, cut_off=False, quality=SHARP):
    return Face(FaceBox(left, top, left + side, top + side), score, ((0.0, 0.0),) * 5, cut_off, quality)


def chosen(*faces):
    return subject_first(faces, SIZE)[0]


def test_of_faces_alike_the_larger():
    large, small = face(60, 100, 100), face(240, 100, 80)
    assert chosen(small, large) is large
    assert subject_note([large, small]) == "2 faces were found; the largest is used (100×100 pixels at 60,100)"


def test_a_whole_face_before_a_larger_one_that_is_cut_off():
    cut, whole = face(-20, 100, 100, cut_off=True), face(200, 100, 80)
    assert chosen(cut, whole) is whole
    assert subject_note([whole, cut]) == (
        "2 faces were found; the most likely subject is used "
        "(80×80 pixels at 200,100; the largest is cut off by the edge)"
    )


def test_a_face_that_fills_the_picture_before_a_small_whole_one():
    cut, whole = face(-20, 20, 260, cut_off=True), face(300, 100, 60)
    assert chosen(cut, whole) is cut


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        (face(0, 0, 84), "is farther from the middle"),
        (face(165, 115, 84, score=0.05), "is an uncertain detection"),
        (face(165, 115, 84, quality=replace(SHARP, sharpness=2.5)), "is blurred"),
    ],
)
def test_each_drawback_decides_between_faces_of_nearly_one_size_and_is_said(worse, reason):
    better = face(160, 110, 80)
    assert chosen(worse, better) is better
    assert subject_note([better, worse]).endswith(f"; the largest {reason})")


def test_prominence_of_a_perfect_face_is_its_side():
    assert prominence(face(150, 100, 100), SIZE) == pytest.approx(100)


def test_quality_that_was_not_measured_speaks_against_nobody():
    assert prominence(face(150, 100, 100, quality=None), SIZE) == pytest.approx(100)
