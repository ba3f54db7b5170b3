"""Landmarks of either scheme come to lie where either template has them."""

import numpy as np
import pytest

from lookalike.embedder.face import Face, FaceBox
from lookalike.embedder.face_templates import align_to_template, template

#: InsightFace's `arcface_dst`.
ARCFACE = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]


def test_arcfaces_template_is_insightfaces_and_grows_with_the_size():
    assert template("arcface-112", "eye-centres", 112).tolist() == ARCFACE
    assert template("arcface-112", "eye-centres", 224) == pytest.approx(2 * np.array(ARCFACE))


def test_dlibs_template_has_its_border():
    """dlib: (padding + x) / (2 padding + 1) · size, of the outer corner of the eye at the right."""
    assert template("dlib-150", "eye-corners", 150)[0, 0] == pytest.approx((0.25 + 0.8595674595992) / 1.5 * 150)


@pytest.mark.parametrize("alignment", ["arcface-112", "dlib-150"])
def test_both_schemes_agree_where_the_eyes_are(alignment):
    """What was measured: the middle of the corners of an eye is its centre, to about a pixel."""
    corners, centres = template(alignment, "eye-corners", 112), template(alignment, "eye-centres", 112)
    assert corners[2:4].mean(0) == pytest.approx(centres[0], abs=1.2)
    assert corners[:2].mean(0) == pytest.approx(centres[1], abs=2.0)


@pytest.mark.parametrize("scheme", ["eye-corners", "eye-centres"])
@pytest.mark.parametrize("turned", [0.0, 0.5, -2.0])
def test_a_face_is_turned_upright(scheme, turned):
    """Five bright spots of a tilted, larger face lie at the template's five points afterwards."""
    goal = template("arcface-112", scheme, 112)
    rotation = 2.0 * np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]])
    points = (goal - 56) @ rotation.T + [180, 170]
    rgb = np.zeros((360, 360, 3), np.uint8)
    rows, columns = np.indices((360, 360))
    for x, y in points:
        rgb[(columns - x) ** 2 + (rows - y) ** 2 < 16] = 255
    landmarks = tuple((float(x), float(y)) for x, y in points)
    chip = align_to_template(rgb, Face(FaceBox(0, 0, 1, 1), 1.0, landmarks, False, scheme=scheme), "arcface-112", 112)
    assert chip.shape == (112, 112, 3)
    assert all(chip[round(y), round(x), 0] > 200 for x, y in goal)
    assert chip[20, 56, 0] == 0


def test_dlibs_own_code_aligns_dlibs_landmarks():
    pytest.importorskip("dlib")
    from lookalike.embedder.face_alignment import aligned

    rgb = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    points = tuple((float(round(x)), float(round(y))) for x, y in template("dlib-150", "eye-corners", 180))
    face = Face(FaceBox(20, 20, 160, 160), 1.0, points, False)
    assert (align_to_template(rgb, face, "dlib-150", 150) == aligned(rgb, face, 150)).all()
