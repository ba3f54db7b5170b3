import subprocess
import sys

import numpy as np
import pytest

from lookalike.errors import VectorError
from lookalike.evaluation.identification.enrolment_trials import identify_trials
from lookalike.evaluation.report import figure_style, figures
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 5)
    return rng.normal(size=(6, 8))[labels] + 0.8 * rng.normal(size=(30, 8)), labels


@pytest.fixture(scope="module")
def result(people):
    return verify_all_pairs(*people, "euclidean")


@pytest.fixture(scope="module")
def identification(people):
    return identify_trials(*people, "euclidean", trials=4)


def drawn_lines(figure):
    return [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]


def test_the_roc_shows_what_a_table_would_say(result):
    (line,) = drawn_lines(figures.roc({"one": result}))
    x, y = line.get_data()
    for far, tar in list(zip(x, y, strict=True))[::25]:
        assert tar == pytest.approx(result.tar_at_far(min(1.0, float(far) * (1 + 1e-12))).tar)
    assert x[0] == pytest.approx(1 / len(result.impostor))


def test_the_det_passes_through_the_equal_error_rate(result):
    from scipy.special import ndtr

    figure = figures.det({"one": result})
    (dot,) = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert ndtr(dot.get_xdata()[0]) == pytest.approx(result.eer)
    x, y = next(iter(drawn_lines(figure))).get_data()
    for deviate, fnmr in list(zip(x, y, strict=True))[::50]:
        assert ndtr(fnmr) == pytest.approx(
            max(1 - result.tar_at_far(float(ndtr(deviate)) * (1 + 1e-12)).tar, 1 / len(result.impostor)), abs=1e-9
        )


def test_a_band_holds_the_intervals_around_the_curve(result):
    band = figures.Band.of(result, seed=3, replicates=50)
    wanted = result.intervals(tuple(band.far.tolist()), replicates=50, seed=3).tar_at_far
    assert band.low.tolist() == [one.low for one in wanted.values()]
    assert (band.low <= band.high).all()
    for draw in (figures.roc, figures.det):
        plain, shaded = (draw({"a": result}, bands=bands) for bands in (None, {"a": band}))
        assert len(shaded.axes[0].collections) == len(plain.axes[0].collections) + 1
    vertices = figures.roc({"a": result}, bands={"a": band}).axes[0].collections[0].get_paths()[0].vertices
    assert vertices[:, 1].max() == pytest.approx(band.high.max())
    assert figures.Band.of(from_scores([0.0, 1.0], [True, False])) is None


def test_cmc_and_open_set_show_the_result(identification):
    (line,) = drawn_lines(figures.cmc({"one": identification}))
    np.testing.assert_array_equal(line.get_ydata(), identification.cmc)
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 7))
    (line,) = drawn_lines(figures.open_set({"one": identification}))
    np.testing.assert_array_equal(line.get_ydata(), identification.fnir)


def test_the_histogram_marks_its_threshold(result):
    figure = figures.score_histogram(result, 1.25)
    assert figure.axes[0].lines[0].get_xdata()[0] == 1.25
    svg = figure_style.inline_svg(figure)
    assert "threshold 1.25" in svg
    assert f"impostor ({len(result.impostor)})" in svg
    assert figures.score_histogram(result).axes[0].lines[0].get_xdata()[0] == result.eer_threshold


def test_constant_and_perfect_scores_can_be_drawn():
    for scores in ([1.0, 1.0, 1.0, 1.0], [0.0, 0.1, 0.8, 0.9]):
        result = {"x": from_scores(scores, [True, True, False, False])}
        for figure in (figures.score_histogram(result["x"]), figures.roc(result), figures.det(result)):
            assert "<svg" in figure_style.inline_svg(figure)


def test_the_star_is_the_widest_line(result):
    lines = drawn_lines(figures.roc({"a": result, "b": result, "c": result}, star="b"))
    assert [line.get_linewidth() for line in lines].index(max(line.get_linewidth() for line in lines)) == 1
    assert len({str(line._dash_pattern) for line in lines}) == 3, "told apart without colour"


def test_a_map_keeps_neighbours_and_is_reproducible(people):
    x, labels = people
    first, second = (figures.embedding_map(x, labels, seed=1) for _ in range(2))
    assert figure_style.inline_svg(first) == figure_style.inline_svg(second)
    points = sum(len(line.get_xdata()) for line in first.axes[0].lines)
    assert points == 30
    assert len({line.get_color() for line in first.axes[0].lines}) == 6


def test_a_map_with_thumbnails(people):
    x, labels = people
    pictures = [np.full((20, 16), i, np.uint8) for i in range(15)] + [np.zeros((20, 16, 3), np.uint8)] * 15
    svg = figure_style.inline_svg(figures.embedding_map(x, labels, thumbnails=pictures))
    assert svg.count("data:image/png;base64") == 30
    assert "http" not in svg
    with pytest.raises(VectorError, match="29 thumbnails were given for 30"):
        figures.embedding_map(x, labels, thumbnails=pictures[1:])


@pytest.mark.parametrize(
    "vectors", [np.ones((5, 3)), np.arange(5.0)[:, None], np.eye(3)], ids=["all equal", "one dimension", "three"]
)
def test_small_maps(vectors):
    assert "<svg" in figure_style.inline_svg(figures.embedding_map(vectors, list(range(len(vectors)))))


def test_a_map_needs_three_pictures():
    with pytest.raises(VectorError, match="at least 3"):
        figures.embedding_map([[0.0], [1.0]], ["a", "b"])


def test_a_large_map_draws_a_sample(monkeypatch, people):
    monkeypatch.setattr(figures, "MAP_PICTURES", 10)
    figure = figures.embedding_map(*people)
    assert sum(len(line.get_xdata()) for line in figure.axes[0].lines) == 10


def test_pyplot_is_never_touched():
    code = (
        "import sys; from lookalike.evaluation.report import figure_style, figures;"
        "from lookalike.evaluation.verification.all_pairs import from_scores;"
        "figure_style.png(figures.roc({'a': from_scores([0, 1], [True, False])}));"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
