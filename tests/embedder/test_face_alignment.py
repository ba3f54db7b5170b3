"""Finding and aligning faces in whole photographs."""

import numpy as np
import pytest

from lookalike.embedder.face_alignment import align_face, align_faces
from lookalike.embedder.face_detection import find_faces
from lookalike.errors import NoFaceError
from lookalike.images import read_picture

pytest.importorskip("dlib", reason="the extra faces is not installed")


def test_the_largest_of_several_faces_is_used_and_said(orl):
    a, b = read_picture(orl.paths[0]), read_picture(orl.paths[10])
    scene = np.full((400, 500, 3), 127, np.uint8)
    scene[200:312, 30:122] = a
    big = np.repeat(np.repeat(b, 2, axis=0), 2, axis=1)
    scene[100:324, 250:434] = big
    boxes = [face.box for face in find_faces(scene)]
    assert len(boxes) == 2
    assert boxes[0].area > boxes[1].area
    assert boxes[0].left > 200
    chip, notes, faces = align_face(scene, 150)
    assert chip.shape == (150, 150, 3)
    assert "2 faces were found; the largest is used" in notes[0]
    assert [face.box for face in faces] == boxes


def test_alignment_undoes_a_rotation(orl):
    from PIL import Image

    picture = read_picture(orl.paths[2])
    turned = np.asarray(Image.fromarray(np.pad(picture, ((40, 40), (40, 40), (0, 0)), mode="edge")).rotate(15))
    straight, *_ = align_face(np.pad(picture, ((40, 40), (40, 40), (0, 0)), mode="edge"), 64)
    again, *_ = align_face(turned, 64)
    correlation = np.corrcoef(straight[16:48, 16:48].ravel(), again[16:48, 16:48].ravel())[0, 1]
    assert correlation > 0.8


@pytest.mark.parametrize("shape", [(150, 200), (1, 1), (2, 500), (600, 3)])
def test_no_face_is_an_error_unless_the_picture_is_a_crop(shape):
    picture = np.full((*shape, 3), 90, np.uint8)
    message = (
        f"no face was found in a picture of {shape[1]}×{shape[0]} pixels; use a frontal face of at least 32 pixels"
    )
    with pytest.raises(NoFaceError, match=message):
        align_face(picture, 150)
    chip, notes, (whole,) = align_face(picture, 150, cropped=True)
    assert chip.shape == (150, 150, 3)
    assert notes == ("no face was found; the whole picture is taken for one",)
    assert (whole.score, whole.cut_off) == (0.0, False)


def test_every_face_is_aligned_the_subject_as_it_is_alone(orl):
    scene = np.full((400, 500, 3), 127, np.uint8)
    scene[200:312, 30:122] = read_picture(orl.paths[0])
    scene[100:324, 250:434] = np.repeat(np.repeat(read_picture(orl.paths[10]), 2, axis=0), 2, axis=1)
    everyone = align_faces(scene, 150)
    assert len(everyone) == 2
    assert all(chip.shape == (150, 150, 3) and notes == () for _, chip, notes in everyone)
    np.testing.assert_array_equal(everyone[0][1], align_face(scene, 150)[0])


def test_a_crop_without_a_face_is_one_face():
    picture = np.full((120, 100, 3), 90, np.uint8)
    assert align_faces(picture, 64) == []
    ((face, chip, notes),) = align_faces(picture, 64, cropped=True)
    assert (face.score, face.cut_off) == (0, False)
    assert chip.shape == (64, 64, 3)
    assert notes == ("no face was found; the whole picture is taken for one",)
