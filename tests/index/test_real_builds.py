"""Plans against indexes of one and ten million vectors that were built for real (`benchmarks/capacity_check.py`).

The builds take half an hour and ten gigabytes, so what they took is kept in `fixtures/real_builds.jsonl`; the plan is
made anew, and must foretell it.
"""

import json
from pathlib import Path

import pytest

from lookalike.index import plan_capacity
from lookalike.index.planning.footprint import PROCESS_BYTES

BUILDS = [
    json.loads(line) for line in (Path(__file__).parent / "fixtures" / "real_builds.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("real", BUILDS, ids=[f"{real['option']}-{real['count']:,}" for real in BUILDS])
def test_a_plan_foretells_what_a_real_build_took(real):
    plan = plan_capacity(real["count"], real["dimension"], recall=0.95, threads=real["threads"])
    option = next(option for option in plan.options if option.name == real["option"])
    assert (option.build, option.search) == (real["build"], real["search"]), "what was built is what is planned"
    took = real["actual"]
    assert option.disk_bytes == pytest.approx(took["disk"], rel=0.02)
    # Never much less than it takes, for that is what a budget is for; more, where not all steps' memory comes together.
    assert 0.9 * took["building"] <= option.build_memory_bytes - PROCESS_BYTES <= 1.7 * took["building"]
    more = took["serving"] - (option.memory_bytes - PROCESS_BYTES)
    assert 0 <= more <= max(40e6, 0.3 * took["serving"]), "and some that the process takes for itself"
    assert took["build_cpu_s"] / 1.7 - 3 <= option.build_cpu_seconds <= took["build_cpu_s"] * 1.7 + 3
    assert option.latency_range_ms[0] <= took["latency_ms"] <= option.latency_range_ms[1]
    assert option.recall == pytest.approx(took["recall"], abs=0.012)


def test_one_and_ten_million_were_built():
    assert {real["count"] for real in BUILDS} == {1_000_000, 10_000_000}
    assert len({real["kind"] for real in BUILDS}) >= 5
