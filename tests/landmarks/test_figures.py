"""Figures of landmarks: angles as they are, and every point drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.report.figure_style import inline_svg
from lookalike.landmarks import figures
from lookalike.landmarks.figures import Viewpoints, angle_between
from lookalike.landmarks.measurement import measure_answers

degrees = st.floats(-720, 720)


@given(degrees, degrees, st.integers(-3, 3))
def test_angles_go_round(a, b, turns):
    angle = float(angle_between(a, b))
    assert 0 <= angle <= 180
    assert angle == pytest.approx(float(angle_between(b, a + 360 * turns)), abs=1e-6)
    chord = abs(np.exp(1j * np.radians(a)) - np.exp(1j * np.radians(b)))  # the oracle: on the unit circle
    assert chord == pytest.approx(2 * np.sin(np.radians(angle) / 2), abs=1e-6)


def place(number=0, enrolled=(0, 10, 90, 100), centroids=(0, 0, 1, -1), asked=(50, 355), outcomes=("right", "missed")):
    guessed = np.array([outcome == "right" for outcome in outcomes])
    angles = (np.array(some, float) for some in (enrolled, asked))
    enrolled, asked = angles
    return Viewpoints(f"Place {number}", enrolled, np.array(centroids), asked, outcomes, guessed)


def test_gaps_to_the_nearest_enrolled_viewpoint():
    assert place().gaps.tolist() == [40, 5]


def test_pairs_in_one_centroid_and_in_two():
    one = place(1, centroids=(0, 0, 0, 0))  # no second centroid: it says nothing about how photos are divided
    same, other = figures.centroid_pairs([place(), one])
    assert same.tolist() == [10]
    assert other.tolist() == [90, 80]


def test_maps_show_every_photo():
    figure = figures.viewpoints([place(number) for number in range(4)])
    assert len(figure.axes) == 4
    for axes in figure.axes:
        assert sum(len(drawn.get_offsets()) for drawn in axes.collections) == 4 + 2
    assert "Place 3" in inline_svg(figure)


@pytest.mark.parametrize("count", [0, 13])
def test_a_figure_of_no_or_too_many_places(count):
    with pytest.raises(InputError, match=f"{count} places were given for one figure; expected 1 to 12"):
        figures.viewpoints([place()] * count)


def test_places_whose_numbers_do_not_fit():
    with pytest.raises(VectorError, match="Place 0"):
        place(centroids=(0, 0))


def test_right_guesses_by_angle():
    figure = figures.by_angle({"a": [place()], "b": [place(outcomes=("wrong place", "right"))]}, star="a")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0–18°", "18–25°", "25–40°", "over 40°"]
    a, b = (container.lines[0].get_ydata().tolist() for container in axes.containers)
    assert (a, b) == ([0, 1], [1, 0])


def test_places_are_counted_by_their_centroids():
    one, two, none = (place(centroids=of) for of in ((0, 0, 0, 0), (0, 0, 1, -1), (-1, -1, -1, -1)))
    (axes,) = figures.centroid_counts([one, one, two, none]).axes
    assert [bar.get_height() for bar in axes.patches] == [2, 1, 0, 0]


def test_angles_of_centroids_with_none_in_common():
    assert inline_svg(figures.centroid_angles([place(centroids=(0, 1, 2, 3))]))


@pytest.fixture(scope="module")
def measured(town, tmp_path_factory):
    from lookalike import LandmarkRecognizer, open_gallery

    with open_gallery(tmp_path_factory.mktemp("figures") / "places.gallery") as gallery:
        recognizer = LandmarkRecognizer(town.Colours(), gallery)
        names = [name for name in town.LOOKS for _ in range(8)]
        recognizer.enroll(
            [town.photo(name, n) for n, name in enumerate(names)], names, town.others[:200], promise_fpr=0.05
        )
        asked = [town.photo(name, 100 + n) for n, name in enumerate(names)] + town.others[200:260]
        return measure_answers(recognizer.identify_many(asked), [*names, *[None] * 60], replicates=20)


def test_the_curve_ends_where_all_are_guessed(measured):
    figure = figures.precision_by_recall({"one": measured, "two": measured}, star="one")
    (axes,) = figure.axes
    assert axes.lines[0].get_xdata()[-1] == measured.measures.top_1
    assert "two" in inline_svg(figure)


def test_scores_are_counted_once(measured):
    figure = figures.scores(measured)
    counted = sum(patch.get_data().values.sum() for patch in figure.axes[0].patches) / 2  # filled, and outlined
    assert counted == len(measured.answers)
    assert "no landmark (60)" in inline_svg(figure)
