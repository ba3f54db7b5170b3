import numpy as np
import pytest

from lookalike.decisions.promise import Promise
from lookalike.errors import InputError
from lookalike.evaluation.identification.distractors import rank_among_distractors
from lookalike.evaluation.report import size_figures
from lookalike.evaluation.report.figure_style import inline_svg


def test_the_distractor_curve_shows_rank_1(sixty_people):
    vectors, labels = sixty_people
    ranks = rank_among_distractors(vectors[:80], labels[:80], vectors[80:], "euclidean", sizes=[10, 100, 160])
    figure = size_figures.distractor_curve({"a": ranks})
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), [10, 100, 160])
    np.testing.assert_array_equal(line.get_ydata(), ranks.rank_k(1))
    assert figure.axes[0].get_xscale() == "log"
    assert "<svg" in inline_svg(figure)


def test_a_fixed_threshold_breaks_a_promise_that_the_other_keeps(sixty_calibration):
    sizes = [100, 1000, 10_000]
    figure = size_figures.false_alarm_curve(
        sixty_calibration.tail, Promise("fpir", 0.01), sixty_calibration.threshold(0.01), sizes
    )
    fixed, follows, promised = (line.get_ydata() for line in figure.axes[0].lines)
    assert fixed[0] > 0.01
    assert (np.diff(fixed) >= 0).all()
    assert len(follows) >= 1
    assert (np.asarray(follows) <= 0.01).all()
    assert set(promised) == {0.01}


def test_misses_rise_as_the_gallery_grows_and_end_with_the_data(sixty_calibration):
    sizes = [100, 1000, 10_000, 10**9]
    figure = size_figures.miss_curve(sixty_calibration.tail, sixty_calibration.misses, Promise("fpir", 0.1), sizes)
    (line,) = figure.axes[0].lines
    assert 1 <= len(line.get_ydata()) < len(sizes)
    assert (np.diff(line.get_ydata()) >= 0).all()
    found = sixty_calibration.promised(Promise("fpir", 0.1), 100)
    assert line.get_ydata()[0] == pytest.approx(found.fnmr)


def test_a_promise_per_comparison_has_no_sizes(sixty_calibration):
    with pytest.raises(InputError, match="promise per comparison"):
        size_figures.false_alarm_curve(sixty_calibration.tail, Promise("fmr", 0.1), 1.0, [100])
    with pytest.raises(InputError, match="promise per comparison"):
        size_figures.miss_curve(sixty_calibration.tail, sixty_calibration.misses, Promise("fmr", 0.1), [100])
