import dataclasses
import math
import re

import numpy as np
import pytest

from lookalike.samples.loss_page.panel_drawing import draw
from lookalike.samples.loss_page.panels import PANELS
from lookalike.samples.loss_page.plane_training import TrainedPanel, measure

LABELS = np.repeat(np.arange(10), 6)
ANGLES = LABELS * 2 * math.pi / 10 + 0.1
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
CENTERS = RING[::6]


def panel(name):
    return next(panel for panel in PANELS if panel.name.startswith(name))


def trained(name, embeddings, centers=None):
    return TrainedPanel(
        panel(name),
        embeddings,
        LABELS,
        centers,
        0.1,
        measure(embeddings, LABELS, embeddings, LABELS, by_direction=True),
    )


def dots(svg, radius="2.2"):
    return np.array(re.findall(rf'<circle cx="(-?[\d.]+)" cy="(-?[\d.]+)" r="{radius}"/>', svg), float)


def labels(svg):
    return re.findall(r'<text class="digit [^>]*>([^<]+)</text>', svg)


def test_the_plane_keeps_shapes_and_says_its_scale():
    places = RING * np.array([[5.0, 2.5]]) + np.array([[20.0, 0.0]])
    svg = draw(trained("Softmax", places), "words")
    drawn = (dots(svg) - 160) * [1, -1]
    factor = drawn[0, 0] / places[0, 0]
    assert drawn == pytest.approx(places * factor, abs=0.06)  # one scale for both axes, the origin in the middle
    assert np.abs(drawn).max() == pytest.approx(128, abs=0.1)
    (length,) = re.findall(r'<text class="scale"[^>]*>([^<]+)<', svg)
    (bar,) = re.findall(r'class="bar" d="M12 306v4h([\d.]+)v-4"', svg)
    assert float(bar) == pytest.approx(float(length) * factor, abs=0.1)


def test_every_digit_has_a_label_beyond_its_dots_and_within_the_drawing():
    svg = draw(trained("CosFace", 7 * RING, CENTERS), "words")
    assert labels(svg) == [str(digit) for digit in range(10)]
    at = np.array(re.findall(r'<text class="digit [^>]* x="([\d.]+)" y="([\d.]+)">', svg), float)
    assert np.linalg.norm(at - [160, 165], axis=1) == pytest.approx(135, abs=0.5)
    assert np.linalg.norm(dots(svg) - 160, axis=1) == pytest.approx(122, abs=0.1)  # lengths are not drawn
    assert svg.count('class="ray ') == 10


def test_labels_in_one_place_become_one():
    places = RING.copy()
    places[LABELS == 1] = places[LABELS == 0]
    assert labels(draw(trained("Softmax", places), "words"))[0] == "0 1"


def test_centers_are_crosses_in_the_same_scale():
    svg = draw(trained("Center", RING, 2 * CENTERS), "words")
    (path,) = re.findall(r'class="cross" d="([^"]+)"', svg)
    assert path.count("h8") == 10
    assert np.linalg.norm(dots(svg) - 160, axis=1).max() < 66


def test_a_collapse_is_one_point_with_a_magnifying_glass():
    angles = 1 + 1e-4 * (LABELS - 4.5)
    svg = draw(trained("Triplet, hard", np.stack([np.cos(angles), np.sin(angles)], axis=1)), "words")
    assert len(np.unique(dots(svg), axis=0)) <= 4
    assert labels(svg) == []
    shown = dots(svg, "1.5")
    assert len(shown) == len(LABELS)
    assert np.all(np.linalg.norm(shown - 160, axis=1) < 62)
    assert len(np.unique(shown[:, 1])) == 10
    (times,) = re.findall(r"×([\d,]+): a row per digit", svg)
    assert np.ptp(shown[:, 0]) == pytest.approx(9e-4 * 122 * float(times.replace(",", "")), abs=0.2)


def test_everything_on_the_origin_can_still_be_drawn():
    for name in ("Softmax", "Triplet, hard"):
        assert "nan" not in draw(trained(name, np.zeros_like(RING)), "words")


def test_words_are_escaped_and_no_address_is_named():
    svg = draw(trained("ArcFace", RING, CENTERS), '"<script>')
    assert 'aria-label="&quot;&lt;script&gt;"' in svg
    assert "http" not in svg
    one = trained("ArcFace", RING, CENTERS)
    assert draw(one, "x") == draw(dataclasses.replace(one), "x")
