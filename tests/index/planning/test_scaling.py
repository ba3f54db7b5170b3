import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.index.core.costs import MEASURED_DIMENSION as DIMENSION
from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.machine_speed import REFERENCE, MachineSpeed
from lookalike.index.planning.scaling import (
    build_cpu_seconds,
    expected_recall,
    search_ms,
    setting_for_recall,
    uncertainty,
)

IVFPQ = [{"code": c, "store": s} for c in ("fastscan", "pq", "rabitq") for s in ("float16", "sq8", "none")]
OPTIONS = [(kind, {}) for kind in KINDS if kind != "ivfpq"] + [("ivfpq", build) for build in IVFPQ]
GROWING = [option for option in OPTIONS if option[0] != "exact"]


def name(option):
    kind, build = option
    return "-".join([kind, *build.values()])


def measurements():
    for kind, build in OPTIONS:
        for point in KINDS[kind].costs.measured(KINDS[kind].build(**build)):
            yield pytest.param(kind, build, point, id=f"{name((kind, build))}-{point.vectors}")


@pytest.mark.parametrize(("kind", "build", "point"), list(measurements()))
def test_what_was_measured_is_predicted(kind, build, point):
    assert build_cpu_seconds(kind, point.vectors, DIMENSION, build) == pytest.approx(point.build_cpu_s, rel=0.01)
    for value, recall, ms in point.curve:
        assert search_ms(kind, point.vectors, DIMENSION, value, build) == pytest.approx(ms, rel=0.01)
        predicted = expected_recall(kind, point.vectors, max(value, 1), build)
        # On a plateau, values cannot be told apart.
        assert predicted == pytest.approx(recall, abs=0.015)


@pytest.mark.parametrize("option", GROWING, ids=name)
@settings(deadline=None, max_examples=15)
@given(count=st.integers(1000, 2 * 10**8), recall=st.floats(0.5, 0.999), dimension=st.sampled_from([32, 128, 768]))
def test_more_recall_and_more_numbers_cost_more(option, count, recall, dimension):
    kind, build = option
    less, more = (setting_for_recall(kind, count, wanted, build) for wanted in (recall - 0.1, recall))
    assert 1 <= less <= more
    assert search_ms(kind, count, dimension, more, build) > 0
    assert search_ms(kind, count, 2 * dimension, more, build) > search_ms(kind, count, dimension, more, build)
    # From a million on: below, most is learning cells and codes, which hardly depends on how many vectors there are.
    many = 10**6 + count
    assert build_cpu_seconds(kind, 2 * many, dimension, build) > build_cpu_seconds(kind, many, dimension, build)
    assert expected_recall(kind, count, 2 * more, build) >= expected_recall(kind, count, more, build)


@pytest.mark.parametrize("option", GROWING, ids=name)
@pytest.mark.parametrize("count", [5_000, 20_000, 300_000, 10**6, 10**8])
def test_the_setting_for_a_recall_reaches_it_or_the_plateau(option, count):
    kind, build = option
    plateau = expected_recall(kind, count, 10**9, build)
    for wanted in (0.6, 0.9, 0.95, 0.99):
        reached = expected_recall(kind, count, setting_for_recall(kind, count, wanted, build), build)
        assert reached >= min(wanted, plateau) - 1e-6


def test_codes_without_a_store_stay_below_what_a_store_reaches():
    bare, stored = ({"code": "fastscan", "store": store} for store in ("none", "float16"))
    assert expected_recall("ivfpq", 10**6, 10**6, bare) < 0.9 < expected_recall("ivfpq", 10**6, 10**6, stored)


def test_graphs_grow_like_the_logarithm_and_exact_search_in_proportion():
    def ratio(kind):
        return search_ms(kind, 10**8, 128, 100, {}) / search_ms(kind, 10**7, 128, 100, {})

    assert ratio("exact") == pytest.approx(10)
    assert ratio("hnsw") == pytest.approx(8 / 7, rel=0.01)


def test_a_machine_of_half_the_speed_takes_twice_as_long():
    slow = MachineSpeed(REFERENCE.stream / 2, REFERENCE.gather / 2, REFERENCE.product / 2)
    for kind, build in OPTIONS:
        assert search_ms(kind, 10**6, 128, 100, build, slow) == pytest.approx(
            2 * search_ms(kind, 10**6, 128, 100, build)
        )
        assert build_cpu_seconds(kind, 10**6, 128, build, slow) == pytest.approx(
            2 * build_cpu_seconds(kind, 10**6, 128, build)
        )


def test_uncertainty_grows_away_from_what_was_measured():
    near = uncertainty("hnsw", 20_000, 128, {}, calibrated=True)
    assert near < uncertainty("hnsw", 20_000, 128, {}, calibrated=False)
    assert near < uncertainty("hnsw", 20_000, 1024, {}, calibrated=True)
    assert near < uncertainty("hnsw", 10**8, 128, {}, calibrated=True)
    assert near < uncertainty("hnsw", 100, 128, {}, calibrated=True)
    assert math.isclose(near, uncertainty("exact", 10**9, 128, {}, calibrated=True))
