"""Rates as text."""

import pytest

from lookalike.evaluation.report.rate_text import number_range, percent, percent_range, small_percent
from lookalike.evaluation.statistics.intervals import Rate


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0, "0.0%"), (0.5, "50.0%"), (0.01, "1.0%"), (0.00999, "0.999%"), (1.2345e-7, "1.23e-05%")]
)
def test_small_rates_keep_three_digits(rate, text):
    assert small_percent(rate) == text


def test_intervals():
    interval = Rate.of(1, 4)
    assert percent_range(interval) == f"{percent(interval.low)} – {percent(interval.high)}"
    assert number_range(interval) == f"{interval.low:.3f} – {interval.high:.3f}"
    assert percent_range(None) == number_range(None) == ""
