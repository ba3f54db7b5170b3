"""One event for every long job, and remarks that are told at once and kept."""

import doctest

from hypothesis import given
from hypothesis import strategies as st

from lookalike import progress
from lookalike.progress import Progress, Reporter, counted


@given(st.lists(st.integers(0, 10), max_size=20))
def test_counted_reports_the_sum(steps):
    events = []
    done = counted(events.append, "Reading", sum(steps))
    for step in steps:
        done(step)
    assert [event.done for event in events] == [sum(steps[: i + 1]) for i in range(len(steps))]
    assert {event.total for event in events} <= {sum(steps)}


def test_a_remark_is_told_at_once_and_kept_and_said_once():
    events = []
    report = Reporter(events.append)
    report.counted("Embedding", 4)(1)
    report.remark("one picture is dark")
    report.counted("Embedding", 4)(2)
    assert [event.warning for event in events] == ["", "one picture is dark", ""]
    assert (events[1].stage, events[1].done, events[1].total) == ("Embedding", 1, 4)
    assert report.remarks == ["one picture is dark"]


def test_a_warning_of_a_part_is_kept_as_well():
    report = Reporter()
    report(Progress("training", 3, 10, warning="everything becomes alike"))
    report.remark("and more")
    assert report.remarks == ["everything becomes alike", "and more"]


def test_a_share_needs_a_total():
    assert Progress("a", 1).share is None
    assert Progress("a", 0, 0).share is None
    assert Progress("a", 5, 4).share == 1.0


def test_the_examples_run():
    assert doctest.testmod(progress).failed == 0
