"""Moments as a gallery stores them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lookalike.errors import InputError
from lookalike.gallery.moments import now, utc_moment


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2025-01-31", "2025-01-31T00:00:00.000+00:00"),
        ("2025-01-31T08:30", "2025-01-31T08:30:00.000+00:00"),
        ("2025-01-31T08:30:00+02:00", "2025-01-31T06:30:00.000+00:00"),
        ("2025-01-31T08:30:00.123456Z", "2025-01-31T08:30:00.123+00:00"),
        (datetime(2025, 1, 31), "2025-01-31T00:00:00.000+00:00"),
        (datetime(2025, 1, 31, tzinfo=timezone(timedelta(hours=1))), "2025-01-30T23:00:00.000+00:00"),
        ("0001-01-01", "0001-01-01T00:00:00.000+00:00"),
    ],
)
def test_moments_are_texts_in_the_order_of_time(given, stored):
    assert utc_moment(given) == stored


@pytest.mark.parametrize("given", ["", "soon", "2025-13-01", 2025, None, "0001-01-01T00:00+02:00"])
def test_what_is_no_moment(given):
    with pytest.raises(InputError, match="is no date or time"):
        utc_moment(given)


def test_now_is_such_a_moment():
    moment = now()
    assert utc_moment(moment) == moment
    assert abs(datetime.fromisoformat(now()) - datetime.now(UTC)) < timedelta(seconds=5)
