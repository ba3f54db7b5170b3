"""A count of distances is of one search, or there is none."""

import threading

import pytest

from lookalike.index.core.distance_count import counted


def test_counts_the_growth():
    total = [100]

    def search():
        total[0] += 7
        return "found"

    assert counted(lambda: total[0], search) == ("found", 7)


def test_searches_that_overlap_have_no_count():
    total, inside, leave = [0], threading.Event(), threading.Event()
    slow = []

    def wait():
        total[0] += 1
        inside.set()
        assert leave.wait(10)

    thread = threading.Thread(target=lambda: slow.append(counted(lambda: total[0], wait)))
    thread.start()
    assert inside.wait(10)

    def quick():
        total[0] += 5

    assert counted(lambda: total[0], quick) == (None, None)
    leave.set()
    thread.join(10)
    assert slow == [(None, None)]
    assert counted(lambda: total[0], quick) == (None, 5)


def test_an_error_leaves_the_next_count_right():
    def fail():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        counted(lambda: 0, fail)
    assert counted(lambda: 3, lambda: 1) == (1, 0)
