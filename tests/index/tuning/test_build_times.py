"""Expected build times, corrected by builds that were timed: a build's own, its kind's, all; and their margin."""

import pytest

from lookalike.index.core.kind import Candidate
from lookalike.index.tuning.build_times import BuildTimes
from lookalike.index.tuning.expectations import Expectations

SOAR, PLAIN = Candidate("scann", {}, {"leaves": 2.0}), Candidate("scann", {"soar": 0.0}, {"leaves": 2.0})
CELLS = Candidate("ivf", {}, {"nlist": 4.0})
SAMPLE, ALL = 40_000, 1_000_000


@pytest.fixture
def tables():
    return Expectations(128, 0.95, 10, 2)


@pytest.fixture
def times(tables):
    return BuildTimes(tables)


def test_before_any_build_the_tables_hold(times, tables):
    assert times.seconds(SOAR, ALL) == tables.build_seconds(SOAR, ALL)
    assert times.margin(SOAR) == 1.5


def test_a_build_over_a_sample_corrects_that_over_all_vectors(times, tables):
    times.note(SOAR, SAMPLE, 3 * tables.build_seconds(SOAR, SAMPLE))
    assert times.seconds(SOAR, ALL) == pytest.approx(3 * tables.build_seconds(SOAR, ALL))


def test_what_was_not_built_is_corrected_by_its_kind_and_else_by_all(times, tables):
    times.note(SOAR, SAMPLE, 2 * tables.build_seconds(SOAR, SAMPLE))
    assert times.seconds(PLAIN, ALL) == pytest.approx(2 * tables.build_seconds(PLAIN, ALL))
    times.note(CELLS, SAMPLE, 8 * tables.build_seconds(CELLS, SAMPLE))
    assert times.seconds(PLAIN, ALL) == pytest.approx(2 * tables.build_seconds(PLAIN, ALL))
    graph = Candidate("hnsw", {"M": 16})
    assert times.seconds(graph, ALL) == pytest.approx(4 * tables.build_seconds(graph, ALL))


def test_a_build_over_all_vectors_shows_how_far_the_growth_of_its_kind_is_off(times, tables):
    for one, ratio in ((SOAR, 2.0), (PLAIN, 3.0), (CELLS, 5.0)):
        times.note(one, SAMPLE, ratio * tables.build_seconds(one, SAMPLE))
    times.note(SOAR, ALL, 4.0 * tables.build_seconds(SOAR, ALL))
    assert times.seconds(PLAIN, ALL) == pytest.approx(6 * tables.build_seconds(PLAIN, ALL))
    assert times.seconds(CELLS, ALL) == pytest.approx(5 * tables.build_seconds(CELLS, ALL))


@pytest.mark.parametrize(("second", "margin"), [(2.0, 1.2), (2.6, 1.3), (1.0, 2.0), (9.0, 2.0)])
def test_the_margin_is_how_far_the_builds_of_a_kind_disagree(times, tables, second, margin):
    times.note(SOAR, SAMPLE, 2 * tables.build_seconds(SOAR, SAMPLE))
    assert times.margin(PLAIN) == 1.5
    times.note(PLAIN, SAMPLE, second * tables.build_seconds(PLAIN, SAMPLE))
    assert times.margin(SOAR) == times.margin(PLAIN) == pytest.approx(margin)
    assert times.margin(CELLS) == 1.5
