import json
import subprocess
import sys

import pytest

from lookalike.errors import InputError
from lookalike.index import build_index, plan_capacity
from lookalike.index.generated_vectors import generated_vectors
from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.machine_speed import REFERENCE, MachineSpeed
from lookalike.index.spec import IndexSpec

GIB = 1 << 30


def option(plan, name):
    return next(option for option in plan.options if option.name == name)


def test_a_hundred_million_on_a_small_machine_are_codes_and_a_mapped_float16_store():
    plan = plan_capacity("100M", 128, memory="24GiB", disk="80GiB", threads=2)
    chosen = plan.recommended
    assert (chosen.kind, chosen.build["store"]) == ("ivfpq", "float16")
    assert chosen.memory_bytes < 16 * GIB
    assert chosen.mapped_bytes == 10**8 * 128 * 2
    assert chosen.disk_bytes < 80 * GIB
    assert "--kind ivfpq" in plan.command
    assert "--set store=float16" in plan.command
    assert not option(plan, "hnsw").fits
    assert any("memory while serving" in reason for reason in option(plan, "hnsw").reasons)


def test_a_million_in_eight_gibibytes_are_a_graph_or_scann():
    for name, kind in KINDS.items():
        if kind.requires:
            pytest.importorskip(kind.requires, reason=f"the choice includes {name}")
    assert plan_capacity("1M", 128, memory="8GiB").recommended.kind in ("hnsw", "nsw", "vamana", "scann")


def test_ten_thousand_are_searched_exactly():
    plan = plan_capacity("10k", 128)
    assert plan.recommended.kind == "exact"
    assert plan.recommended.recall == 1
    assert "--set" not in plan.command


def test_an_impossible_budget_says_what_would_be_needed():
    plan = plan_capacity("100M", 128, memory="1GiB", disk="1GiB")
    assert plan.recommended is None
    assert plan.command == ""
    assert "of memory" in plan.advice
    assert "of disk" in plan.advice
    assert all(option.reasons for option in plan.options)
    # What it says is enough.
    nearest = next(o for o in plan.options if f"nearest is {o.name}," in plan.advice)
    memory = max(nearest.memory_bytes, nearest.build_memory_bytes)
    assert plan_capacity("100M", 128, memory=memory, disk=nearest.disk_bytes).recommended is not None


def test_recall_of_one_leaves_exact_search_alone():
    plan = plan_capacity("1M", 128, recall=1.0)
    assert [o.kind for o in plan.options if o.fits] == ["exact"]
    assert any("below 1" in reason for reason in option(plan, "hnsw").reasons)


def test_a_metric_is_offered_only_by_kinds_that_can():
    plan = plan_capacity("1M", 128, metric="manhattan")
    for found in plan.options:
        able = "manhattan" in KINDS[found.kind].metrics
        assert able != any("cannot search by manhattan" in reason for reason in found.reasons)
    assert "manhattan" in KINDS[plan.recommended.kind].metrics


def test_what_is_not_installed_is_listed_as_such(monkeypatch):
    monkeypatch.setitem(sys.modules, "svs", None)  # how Python itself says that a module is not there
    found = option(plan_capacity("1M", 128), "vamana")
    assert not found.installed
    assert not found.fits
    assert found.reasons[0] == "not installed: pip install 'lookalike[vamana]'"


def test_less_memory_means_pages_read_from_disk():
    wide, tight = (plan_capacity("100M", 128, memory=memory, disk="80GiB") for memory in ("64GiB", "12GiB"))
    name = "ivfpq fastscan float16"
    assert option(tight, name).latency_ms > option(wide, name).latency_ms + 1


def test_a_slower_machine_takes_longer_and_a_measured_one_is_known_better():
    slow = MachineSpeed(REFERENCE.stream / 4, REFERENCE.gather / 4, REFERENCE.product / 4)
    unknown, measured = plan_capacity("1M", 128, threads=2), plan_capacity("1M", 128, threads=2, measured=slow)
    for before, after in zip(
        sorted(unknown.options, key=lambda o: o.name), sorted(measured.options, key=lambda o: o.name), strict=True
    ):
        assert after.latency_ms == pytest.approx(4 * before.latency_ms)
        assert after.build_hours == pytest.approx(4 * before.build_hours)
        assert after.uncertainty < before.uncertainty
    assert measured.calibrated
    assert not unknown.calibrated


def test_more_threads_build_sooner():
    one, eight = (option(plan_capacity("10M", 128, threads=threads), "hnsw") for threads in (1, 8))
    assert one.build_hours / 8 < eight.build_hours < one.build_hours / 4
    assert one.latency_ms == eight.latency_ms


def test_more_neighbours_take_a_higher_setting():
    ten, hundred = (option(plan_capacity("1M", 128, k=k), "ivfpq fastscan float16") for k in (10, 100))
    assert hundred.search["rerank"] >= 1000
    assert hundred.search["nprobe"] > ten.search["nprobe"]


@pytest.mark.parametrize("count", [1, 30, 5000, 10**6, 10**9])
@pytest.mark.parametrize("dimension", [2, 100, 2048])
def test_every_option_of_every_plan_is_one_that_can_be_built(count, dimension):
    plan = plan_capacity(count, dimension)
    heads, rows = plan.rows()
    assert len(rows) == len(plan.options) == len({o.name for o in plan.options})
    assert all(len(row) == len(heads) and all(isinstance(cell, str) for cell in row) for row in rows)
    for found in plan.options:
        IndexSpec.create(found.kind, "cosine", dimension, **found.settings)
        low, high = found.latency_range_ms
        assert 0 < low < found.latency_ms < high
        assert found.memory_bytes > 0
        assert found.mapped_bytes < found.disk_bytes
        assert 0 < found.recall <= 1
    assert sum(row[0] == "*" for row in rows) == (plan.recommended is not None)


def test_the_recommended_settings_build_what_was_planned():
    vectors, _ = generated_vectors(30_000, 32)
    plan = plan_capacity(len(vectors), 32)
    chosen = plan.recommended
    index = build_index(vectors, chosen.kind, plan.metric, **chosen.settings)
    assert index.kind == chosen.kind
    assert index.search(vectors[:5], k=1).ids[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_json_holds_everything():
    plan = plan_capacity("2M", 256, memory="8GiB", disk="20GB", metric="euclidean", recall=0.9, k=5, threads=4)
    found = json.loads(json.dumps(plan.to_dict()))
    assert (found["vectors"], found["memory"], found["disk"], found["k"]) == (2_000_000, 8 * GIB, 20 * 10**9, 5)
    assert found["recommended"] == plan.recommended.name
    assert found["command"] == plan.command
    assert len(found["options"]) == len(plan.options)
    assert found["options"][0]["settings"] == plan.options[0].settings


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"vectors": "many"}, "'many'"),
        ({"vectors": 0}, "'0'"),
        ({"dimension": 0}, "dimension is 0"),
        ({"dimension": True}, "dimension is True"),
        ({"memory": "lots"}, "'lots'"),
        ({"disk": -1}, "'-1'"),
        ({"metric": "hamming"}, "'hamming'"),
        ({"recall": 0}, "recall is 0"),
        ({"recall": 95}, "recall is 95"),
        ({"recall": float("nan")}, "recall is nan"),
        ({"k": 0}, "k"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_what_cannot_be_planned_is_said(wrong, named):
    with pytest.raises(InputError, match=named):
        plan_capacity(**{"vectors": 1000, "dimension": 8, **wrong})


def test_planning_loads_no_engine_that_is_not_planned_with():
    # faiss is the one dependency; annoy, SVS and ScaNN are looked for, not imported.
    code = """
import sys
from lookalike.index import plan_capacity
plan_capacity(1000, 8)
print([name for name in ("annoy", "svs", "scann", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout.strip() == "[]"
