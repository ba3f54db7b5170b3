"""Plans over several hosts: figures against sums by hand, and every printed formula against its value."""

import ast
import itertools
import json
import math
import operator

import pytest

from lookalike.errors import InputError
from lookalike.index.planning.hosts.measurements import CELL_WORK_PER_SECOND
from lookalike.index.planning.hosts.plan import plan_hosts
from lookalike.index.planning.machine_speed import REFERENCE, MachineSpeed

GIB = 1 << 30
NAMES = {"IVF_FLAT", "IVF_SQ8", "IVF_PQ+FP16", "IVF_RABITQ+SQ8", "SCANN", "HNSW", "DISKANN"}


def option(plan, name):
    return next(option for option in plan.options if option.name == name)


def term(found, name):
    return next(term for term in found.terms if term.name == name)


def test_a_billion_in_hnsw_by_hand():
    plan = plan_hosts("1B", 128, host_memory="64GiB", host_cores=16)
    found = option(plan, "HNSW")
    rows = GIB // (4 * 128 + 8)
    assert rows == 2_064_888
    assert found.segments == math.ceil(1e9 / rows) == 485
    loaded = 1.15 * rows * (4 * 128 + 8 * 16 + 32)
    held = math.floor((0.9 * 64 * GIB - 2 * 1.15 * GIB) / loaded)
    assert held == 37
    assert found.hosts == math.ceil(485 / 37) == 14
    assert found.service_hosts == math.ceil((23 + 14 * 16 / 8) / 16) == 4
    assert found.memory_per_host_bytes == pytest.approx(35 * loaded + 2.3 * GIB, rel=1e-6)
    assert found.object_bytes == 10**9 * (4 * 128 + 24 + 4 * 128 + 8 * 16)
    assert found.wal_bytes == 10**9 * (4 * 128 + 24)
    assert found.ssd_per_host_bytes == 0
    assert (found.bound, found.index_params) == ("memory", {"M": 16, "efConstruction": 100})


def test_times_and_costs_follow_from_the_time_of_a_segment():
    plan = plan_hosts("1B", 128, host_memory="64GiB", host_cores=16, host_price=1.2)
    found = option(plan, "IVF_FLAT")
    each = term(found, "search of a segment among others").value
    assert found.cpu_seconds_per_search == pytest.approx(found.segments * each / 1000, rel=0.01)
    assert found.searches_per_second == pytest.approx(0.7 * found.hosts * 16 / found.cpu_seconds_per_search)
    hours = 1e6 / found.searches_per_second / 3600 * (found.hosts + found.service_hosts)
    assert found.host_hours_per_million == pytest.approx(hours)
    assert found.cost_per_million == pytest.approx(1.2 * hours)
    # Plain k-means of faiss: ten rounds over 256 vectors a list, then every vector beside every centroid.
    rows, lists = 2_064_888, found.index_params["nlist"]
    learned = term(found, "processor time of a segment's k-means").value
    assert learned == pytest.approx((10 * 256 * lists + rows) * lists * 128 / CELL_WORK_PER_SECOND)
    build = term(found, "processor time of a segment's index").value
    assert found.build_cpu_seconds == pytest.approx(found.segments * (build + learned))
    assert found.build_hours == pytest.approx(found.build_cpu_seconds / (found.hosts * 16 * 0.75 * 0.85) / 3600)


def test_diskann_is_limited_by_the_reads_of_its_ssd():
    slow, fast = (
        option(plan_hosts("1B", 128, searches_per_second=100, host_reads=reads), "DISKANN") for reads in ("30k", "300k")
    )
    assert (slow.bound, fast.bound) == ("reads", "reads")
    assert slow.hosts == pytest.approx(10 * fast.hosts, rel=0.06)
    assert slow.ssd_per_host_bytes > 0
    reads = term(slow, "reads of a search").value
    assert reads == slow.segments * slow.search["search_window"]
    assert slow.searches_per_second == pytest.approx(0.7 * slow.hosts * 30_000 / reads)


def test_an_ssd_that_is_small_needs_more_hosts_for_diskann_alone():
    wide, tight = (plan_hosts("1B", 128, host_disk=disk) for disk in ("2TiB", "100GiB"))
    held = math.floor(0.95 * 100 * GIB / (2 * GIB // 520 * (4 * 128 + 4 * 56)))
    assert option(tight, "DISKANN").hosts == math.ceil(option(tight, "DISKANN").segments / held)
    assert option(tight, "DISKANN").hosts > option(wide, "DISKANN").hosts
    assert (option(wide, "DISKANN").bound, option(tight, "DISKANN").bound) == ("memory", "disk")
    assert option(tight, "HNSW").hosts == option(wide, "HNSW").hosts


OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
FUNCTIONS = {"ceil": math.ceil, "floor": math.floor, "max": max, "min": min}


def worked_out(text):
    """What an expression that is printed comes to."""

    def value(node):
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.Call):
            return FUNCTIONS[node.func.id](*map(value, node.args))
        return node.value

    # Commas within numbers are not those between arguments, which a space follows.
    plain = text.replace(", ", "; ").replace(",", "").replace("; ", ", ").replace("×", "*")
    return value(ast.parse(plain, mode="eval").body)


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"searches_per_second": 250, "host_price": 0.7, "replicas": 2, "host_reads": "500k", "host_disk": "1TB"},
        {"vectors": 3_000_000, "dimension": 96, "host_memory": "16GiB", "host_cores": 8, "k": 100, "recall": 0.9},
        {"vectors": "20B", "dimension": 768, "host_memory": "512GiB", "host_cores": 64, "segment": "4GiB"},
    ],
)
def test_every_formula_that_is_printed_comes_to_the_figure_beside_it(wish):
    plan = plan_hosts(**{"vectors": "1B", "dimension": 128, **wish})
    assert {option.name for option in plan.options} == NAMES
    for found in plan.options:
        assert len(found.terms) > 15
        for one in found.terms:
            assert one.basis, one.name
            if one.numbers:
                assert worked_out(one.numbers) == pytest.approx(one.value, rel=0.002, abs=1e-6), one.line()
            else:
                assert one.basis == ("measured",), one.name


@pytest.mark.parametrize("name", sorted(NAMES))
def test_more_vectors_never_take_less(name):
    counts = [1, 1000, 10**6, 2_064_888, 2_064_889, 5 * 10**6, 10**8, 10**9, 10**10]
    found = [option(plan_hosts(count, 128, searches_per_second=50), name) for count in counts]
    for less, more in itertools.pairwise(found):
        assert less.segments <= more.segments
        assert less.hosts <= more.hosts
        assert less.hosts * less.memory_per_host_bytes <= more.hosts * more.memory_per_host_bytes
        assert less.object_bytes < more.object_bytes
        assert less.build_cpu_seconds < more.build_cpu_seconds
        assert less.cpu_seconds_per_search < more.cpu_seconds_per_search


@pytest.mark.parametrize("name", sorted(NAMES))
def test_replicas_need_as_many_times_the_hosts(name):
    one, three = (option(plan_hosts("1B", 128, replicas=replicas), name) for replicas in (1, 3))
    assert three.hosts == 3 * one.hosts
    assert three.searches_per_second == pytest.approx(3 * one.searches_per_second, rel=0.01)
    assert three.memory_per_host_bytes == one.memory_per_host_bytes
    assert three.object_bytes == one.object_bytes


def test_twice_the_cores_halve_hosts_that_processors_bound():
    few, many = (
        option(plan_hosts("1B", 128, searches_per_second=1000, host_cores=cores), "IVF_SQ8") for cores in (16, 32)
    )
    assert (few.bound, many.bound) == ("searches", "searches")
    assert abs(few.hosts - 2 * many.hosts) <= 1
    assert few.hosts == math.ceil(1000 * few.cpu_seconds_per_search / (0.7 * 16))


def test_hosts_that_memory_bounds_get_fewer_with_more_memory():
    small, large = (option(plan_hosts("1B", 128, host_memory=memory), "SCANN") for memory in ("64GiB", "256GiB"))
    assert large.hosts < small.hosts / 3
    assert large.memory_per_host_bytes < 0.9 * 256 * GIB


def test_the_hosts_answer_what_is_asked_and_use_no_more_memory_than_they_have():
    plan = plan_hosts("1B", 128, host_memory="32GiB", searches_per_second=777, replicas=2)
    for found in plan.options:
        assert found.searches_per_second >= 777
        assert found.hosts % 2 == 0
        assert found.memory_per_host_bytes <= 0.9 * 32 * GIB


def test_larger_segments_are_fewer_and_cost_less_processor_time():
    usual, large = (plan_hosts("1B", 128, segment=segment) for segment in (None, "8GiB"))
    for name in ("IVF_FLAT", "HNSW"):
        assert option(large, name).segments <= math.ceil(option(usual, name).segments / 8) + 1
        assert option(large, name).cpu_seconds_per_search < option(usual, name).cpu_seconds_per_search


def test_a_slower_machine_takes_longer():
    slow = MachineSpeed(REFERENCE.stream / 4, REFERENCE.gather / 4, REFERENCE.product / 4)
    usual, slower = plan_hosts("1B", 128), plan_hosts("1B", 128, measured=slow)
    for name in NAMES:
        before, after = option(usual, name), option(slower, name)
        assert after.cpu_seconds_per_search == pytest.approx(4 * before.cpu_seconds_per_search, rel=0.05)
        assert after.build_cpu_seconds == pytest.approx(4 * before.build_cpu_seconds)
        assert after.uncertainty < before.uncertainty


def test_a_recall_that_no_code_reaches_is_said():
    plan = plan_hosts("1B", 128, recall=0.999)
    coded = option(plan, "IVF_RABITQ+SQ8")
    assert not coded.fits
    assert coded.reasons == ("recall < 0.999",)
    assert coded.recall < 0.999


def test_a_type_whose_segment_is_too_large_for_a_host_is_named_with_what_it_needs():
    plan = plan_hosts("1B", 768, host_memory="2GiB")
    assert option(plan, "DISKANN").fits
    flat = option(plan, "IVF_FLAT")
    assert (flat.hosts, flat.fits) == (0, False)
    assert "GiB of memory" in flat.reasons[0]
    # What it says is enough.
    needed = flat.reasons[0].removeprefix("a segment needs ").removesuffix(" of memory")
    assert option(plan_hosts("1B", 768, host_memory=needed), "IVF_FLAT").hosts > 0


def test_the_recommended_type_is_the_cheapest_that_fits():
    plan = plan_hosts("1B", 128, searches_per_second=100)
    fitting = [option for option in plan.options if option.fits]
    assert plan.recommended is plan.options[0]
    assert plan.recommended.host_hours_per_million == min(option.host_hours_per_million for option in fitting)
    assert plan.recommended.name in plan.advice


def test_json_holds_every_term():
    plan = plan_hosts("1B", 128, searches_per_second=100, host_price=2)
    found = json.loads(json.dumps(plan.to_dict()))
    assert found["recommended"] == plan.recommended.name
    assert found["demand"]["host_memory"] == 64 * GIB
    first = found["options"][0]
    assert first["cost_per_million"] == pytest.approx(2 * first["host_hours_per_million"])
    assert {"name", "formula", "numbers", "value", "unit", "basis", "source"} == set(first["terms"][0])


def test_rows_are_as_long_as_their_heads():
    for wish in ({}, {"host_price": 3}, {"host_memory": "2GiB"}):
        plan = plan_hosts("1B", 768, **wish)
        heads, rows = plan.rows()
        assert len(rows) == len(NAMES)
        assert all(len(row) == len(heads) for row in rows)
        assert sum(row[0] == "*" for row in rows) == 1


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"host_memory": "big"}, "host memory: the size 'big'"),
        ({"host_memory": 0}, "host memory"),
        ({"host_memory": "1GiB", "host_disk": "1MiB"}, "holds no segment"),
        ({"host_cores": 0}, "host cores is 0"),
        ({"host_cores": 2.5}, "host cores is 2.5"),
        ({"host_disk": -1}, "host disk"),
        ({"host_reads": "fast"}, "host reads is 'fast'"),
        ({"replicas": 0}, "replicas is 0"),
        ({"replicas": True}, "replicas is True"),
        ({"searches_per_second": 0}, "searches per second is 0"),
        ({"searches_per_second": float("inf")}, "searches per second is inf"),
        ({"host_price": -1}, "host price is -1"),
        ({"host_price": float("nan")}, "host price is nan"),
        ({"segment": "1 GX"}, "segment"),
        ({"segment": 100}, "segment"),
        ({"metric": "manhattan"}, "Milvus cannot search by 'manhattan'"),
        ({"dimension": 40_000}, "dimension is 40000"),
        ({"recall": 2}, "recall is 2"),
        ({"k": 0}, "k"),
    ],
)
def test_what_no_host_can_be_is_said_in_one_line(wrong, named):
    with pytest.raises(InputError, match=named) as refused:
        plan_hosts(**{"vectors": "1B", "dimension": 128, **wrong})
    assert "\n" not in str(refused.value)


def test_more_hosts_than_segments_are_refused_with_what_to_do():
    plan = plan_hosts("10M", 128, searches_per_second=100_000)
    found = option(plan, "IVF_FLAT")
    assert not found.fits
    assert "give more replicas or smaller segments" in found.reasons[-1]
    assert plan.advice.startswith("nothing fits") == (plan.recommended is None)
