"""Lines at a steady pace, also while a step takes long; how much is done, and what is left."""

import re
import threading

import pytest

from lookalike.cli.progress_log import ProgressLog, duration_text, progress_line
from lookalike.progress import Progress


@pytest.mark.parametrize(
    ("event", "done_since", "seconds", "line"),
    [
        (Progress("Embedding", 0, 400), 0, 0.0, "Embedding: 0 of 400"),
        (Progress("Embedding", 0, 1), 0, 3.0, "Embedding"),
        (Progress("Embedding", 64, 400), 0, 0.0, "Embedding: 64 of 400 (16%)"),
        (Progress("Embedding", 128, 400), 64, 16.0, "Embedding: 128 of 400 (32%), about 1:08 left"),
        (Progress("Embedding", 399, 400), 399, 0.1, "Embedding: 399 of 400 (99%), about 0:00 left"),
        (Progress("Embedding", 400, 400), 400, 9.0, "Embedding: 400 of 400 (100%); what follows is running"),
        (Progress("Reading", 1200, None), 1200, 9.0, "Reading: 1,200 done"),
        (Progress("Trying", 0, 1, "hnsw"), 0, 9.0, "Trying: hnsw"),
        (Progress("Training", 5, 10, "loss 0.4"), 5, 5.0, "Training: 5 of 10 (50%), about 0:05 left; loss 0.4"),
    ],
)
def test_a_line_says_what_is_done_and_what_is_left(event, done_since, seconds, line):
    assert progress_line(event, done_since, seconds) == line


def test_durations():
    assert [duration_text(seconds) for seconds in (0, 9.4, 61, 3600, 90061)] == [
        "0:00", "0:09", "1:01", "1:00:00", "25:01:01",
    ]  # fmt: skip


def lines_of(work, count, **options):
    """What is printed until there are `count` lines, without the seconds before each."""
    printed, enough = [], threading.Event()

    def take(line):
        printed.append(re.sub(r"^ *\d+\.\d s  ", "", line))
        if len(printed) >= count:
            enough.set()

    with ProgressLog(take, **options) as log:
        work(log)
        assert enough.wait(60)
    return printed


def test_lines_come_while_one_step_takes_long():
    lines = lines_of(lambda log: log(Progress("Embedding", 64, 400)), 3, first=0.001, pace=0.001)
    assert lines[-1] == "Embedding: 64 of 400 (16%)"
    assert set(lines) <= {"starting", "Embedding: 64 of 400 (16%)"}


def test_nothing_was_reported_yet():
    assert lines_of(lambda log: None, 1, first=0.001, pace=60.0)[0] == "starting"


def test_what_is_left_counts_from_where_the_stage_was_first_seen():
    """A resumed training begins in the middle: its first steps were not taken now."""

    def resumed(log):
        log(Progress("Training", 500, 1000, "a"))
        log(Progress("Training", 501, 1000, "b"))

    first, second = lines_of(resumed, 2, every_change=True, first=60.0)
    assert first == "Training: 500 of 1,000 (50%); a"
    assert re.fullmatch(r"Training: 501 of 1,000 \(50%\), about .* left; b", second)


def test_every_change_is_a_line_at_once_and_no_other_event():
    def work(log):
        log(Progress("", 0))
        for done in range(3):
            log(Progress("Reading", done, 5))
        log(Progress("Building", 0, 1))

    assert lines_of(work, 2, every_change=True, first=60.0) == ["Reading: 0 of 5", "Building"]


def test_a_reader_that_has_gone_ends_the_log_alone():
    tried = threading.Event()

    def gone(line):
        tried.set()
        raise BrokenPipeError

    with ProgressLog(gone, first=0.001, pace=0.001) as log:
        assert tried.wait(60)
        log(Progress("Embedding", 1, 2))
    assert not log._thread.is_alive()
