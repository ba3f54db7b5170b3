"""Two readings of real measures compared: rates, times as Prometheus counts them, refusals, batches."""

import pytest

from lookalike.service.console.live_numbers import Reading, live_numbers
from lookalike.service.measures import Measures


@pytest.fixture
def measures():
    return Measures()


def reading(measures, at):
    return Reading(measures.samples(), at)


def test_rates_are_of_the_time_between_the_readings(measures):
    for _ in range(5):
        measures.request("POST", "/v1/identify", 200, 0.02)
    before = reading(measures, 100.0)
    for _ in range(20):
        measures.request("POST", "/v1/identify", 200, 0.02)
    measures.request("POST", "/v1/people", 200, 0.02)
    measures.request("GET", "/v1/people", 200, 0.02)
    measures.request("GET", "/metrics", 200, 9.0)
    found = live_numbers(before, reading(measures, 110.0), threads=4)
    assert found.per_second == pytest.approx({"identify": 2.0, "enroll": 0.1, "other": 0.1})


def test_times_are_those_between_the_bounds_of_the_histogram(measures):
    for _ in range(50):
        measures.request("POST", "/v1/identify", 200, 9.0)  # before the first reading
    before = reading(measures, 0.0)
    for _ in range(90):
        measures.request("POST", "/v1/identify", 200, 0.02)
    for _ in range(10):
        measures.request("POST", "/v1/identify", 200, 0.7)
    measures.request("GET", "/v1/jobs/{job_id}/events", 200, 25.0)  # lasts as long as somebody listens
    found = live_numbers(before, reading(measures, 1.0), threads=4)
    assert found.median == pytest.approx(0.01 + 0.015 * 50 / 90)
    assert found.slowest == pytest.approx(0.5 + 0.5 * 9 / 10)
    measures.request("POST", "/v1/identify", 200, 1000.0)
    over = live_numbers(reading(measures, 1.0), reading(measures, 2.0), threads=4)
    assert (over.median, over.slowest) == (None, None)


def test_a_time_beyond_the_last_bound_is_told_as_that_bound(measures):
    before = reading(measures, 0.0)
    measures.request("POST", "/v1/identify", 200, 1000.0)
    assert live_numbers(before, reading(measures, 1.0), threads=4).median == 30.0


def test_what_works_waits_was_refused_and_batched(measures):
    told = {"working_requests": 7, "embedded_pictures": 10, "embedding_calls": 5, "decoders": 2, "dead_decoders": 1}
    for name in told:
        measures.watch(name, name, lambda name=name: told[name])
    before = reading(measures, 0.0)
    told |= {"embedded_pictures": 40, "embedding_calls": 15}
    for code in ("overloaded", "overloaded", "too_large"):
        measures.refusal(code)
    found = live_numbers(before, reading(measures, 1.0), threads=4)
    assert (found.busy, found.waiting, found.batch) == (4, 3, 3.0)
    assert (found.decoders, found.died) == (2, 1)
    assert found.refused == {"overloaded": 2, "too_large": 1}
    assert found.memory > 10 * 2**20
    assert live_numbers(before, before, threads=4).batch is None
