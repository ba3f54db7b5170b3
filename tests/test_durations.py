import pytest

from lookalike.durations import clock_text, parse_seconds
from lookalike.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0.5s", 0.5), ("500ms", 0.5), ("2m", 120), ("1h30m", 5400), ("1m 30.5s", 90.5), ("3", 3), (0, 0), ("2 MIN", 120)],
)
def test_times_as_people_write_them(text, seconds):
    assert parse_seconds(text, "--every") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "x", "-1", "1x", "s", "nan", "inf", "5 frames", "1e400", "-2s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match=r"--every is .*; give a time of at least 0, such as 0.5s"):
        parse_seconds(text, "--every")


def test_a_clock_never_shows_sixty_seconds():
    assert [clock_text(x) for x in (0, 59.94, 59.96, 3599.99, 36000)] == [
        "0:00.0", "0:59.9", "1:00.0", "1:00:00.0", "10:00:00.0",
    ]  # fmt: skip
