"""Quality: each number against a face whose truth is known by construction."""

import math

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lookalike.embedder.face import Face, FaceBox
from lookalike.embedder.face_quality import measured_quality

RANDOM = np.random.default_rng(3)
PICTURE = RANDOM.integers(0, 256, (300, 400, 3), dtype=np.uint8)


def face(left_eye, right_eye, nose):
    points = (left_eye, right_eye, nose, nose, nose)
    return Face(FaceBox(100, 100, 200, 200), 1.0, points, False, scheme="eye-centres")


def test_size_and_roll_are_those_of_the_line_between_the_eyes():
    quality = measured_quality(PICTURE, face((150.0, 140.0), (190.0, 170.0), (160.0, 180.0)))
    assert quality.size == pytest.approx(50)
    assert quality.roll == pytest.approx(math.degrees(math.atan2(30, 40)))


@pytest.mark.parametrize("angle", [-40, -15, 0, 15, 40])
@pytest.mark.parametrize("roll", [0, 30])
def test_yaw_of_a_head_turned_by_a_known_angle(angle, roll):
    # Eyes 50 pixels apart on a head seen from the front, the tip of the nose 0.6 of this before them.
    turn, tilt = math.radians(angle), math.radians(roll)

    def seen(across, down):
        return 200 + across * math.cos(tilt) - down * math.sin(tilt), 150 + across * math.sin(tilt) + down * math.cos(
            tilt
        )

    eyes = seen(-25 * math.cos(turn), 0), seen(25 * math.cos(turn), 0)
    quality = measured_quality(PICTURE, face(*eyes, seen(30 * math.sin(turn), 30)))
    assert quality.yaw == pytest.approx(angle, abs=0.5)


def test_blur_takes_sharpness_and_score():
    sharp = face((180.0, 140.0), (220.0, 140.0), (200.0, 165.0))
    image = Image.fromarray(PICTURE)
    measured = [
        measured_quality(np.asarray(image.filter(ImageFilter.GaussianBlur(radius))), sharp) for radius in (0, 1, 3, 8)
    ]
    assert sorted(measured, key=lambda one: -one.sharpness) == measured
    assert measured[0].score == 1 > measured[-1].score >= 0


def test_brightness_is_the_mean_grey_level():
    picture = np.full((300, 400, 3), 77, np.uint8)
    quality = measured_quality(picture, face((180.0, 140.0), (220.0, 140.0), (200.0, 165.0)))
    assert quality.brightness == 77
    assert quality.sharpness == 0
    assert quality.score == 0


@pytest.mark.parametrize("middle", [(-50, -50), (0, 0), (1000, 1000)])
def test_landmarks_beyond_the_picture_are_no_error(middle):
    x, y = middle
    quality = measured_quality(PICTURE, face((x - 20.0, y), (x + 20.0, y), (x, y + 30.0)))
    assert 0 <= quality.score <= 1
    assert math.isfinite(quality.sharpness)


def test_sharpness_of_a_large_face_is_that_of_its_small_picture():
    # An enlarged picture has no more detail: read at single points without averaging, noise would pretend some.
    random = np.random.default_rng(5)
    small = np.asarray(Image.fromarray(random.integers(0, 256, (75, 100, 3), dtype=np.uint8)).resize((200, 150)))
    large = np.asarray(Image.fromarray(small).resize((1200, 900), Image.Resampling.BICUBIC))
    noisy = np.clip(large + random.normal(0, 60, large.shape), 0, 255).astype(np.uint8)
    clean = measured_quality(small, face((80.0, 70.0), (120.0, 70.0), (100.0, 95.0)))
    averaged = measured_quality(noisy, face((480.0, 420.0), (720.0, 420.0), (600.0, 570.0)))
    assert averaged.sharpness < 2 * clean.sharpness


def test_eyes_at_one_point_are_no_error():
    assert measured_quality(PICTURE, face((5.0, 5.0), (5.0, 5.0), (5.0, 5.0))).size == 0
