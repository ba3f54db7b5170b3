"""A plan as a function."""

from lookalike.index import plan_capacity
from lookalike.workflows.index_plan import IndexPlanOptions, index_plan


def test_the_plan_is_that_of_plan_capacity(capsys):
    planned = index_plan(IndexPlanOptions(vectors="100M", dimension=128, memory="24GiB", disk="80GiB", threads=2))
    assert planned == plan_capacity("100M", 128, memory="24GiB", disk="80GiB", threads=2)
    assert planned.recommended.kind == "ivfpq"
    assert not planned.calibrated
    assert capsys.readouterr() == ("", "")


def test_measuring_the_machine_is_reported():
    events = []
    planned = index_plan(IndexPlanOptions(vectors=20_000, dimension=32, measure=True), events.append)
    assert planned.calibrated
    assert [(event.stage, event.done, event.total) for event in events] == [
        ("Measuring this machine", 0, 1),
        ("Measuring this machine", 1, 1),
    ]


def test_hosts_are_planned_where_one_machine_is_too_small_or_they_are_asked_for():
    def hosts(**wish):
        return index_plan(IndexPlanOptions(vectors=wish.pop("vectors", "1B"), dimension=128, **wish)).hosts

    assert hosts() is not None  # without a limit, what is recommended needs more than a host has
    assert hosts(memory="64GiB") is not None  # nothing fits
    assert hosts(memory="2TiB") is None
    assert hosts(vectors="1M") is None
    assert hosts(vectors="1M", hosts=True).demand.host_memory == 64 << 30
    assert hosts(vectors="1M", host_memory="32GiB").demand.host_memory == 32 << 30
    assert hosts(memory="64GiB", metric="manhattan") is None  # which Milvus has not


def test_hosts_get_what_the_plan_is_for():
    wish = {"metric": "euclidean", "recall": 0.9, "k": 5, "searches_per_second": 20.0, "segment": "2GiB"}
    plan = index_plan(IndexPlanOptions(vectors="1B", dimension=96, **wish))
    found = plan.hosts.demand
    assert (found.vectors, found.dimension, found.recall, found.k) == (10**9, 96, 0.9, 5)
    assert (found.rate, found.segment, plan.hosts.metric) == (20.0, 2 << 30, "euclidean")
    assert plan.to_dict()["hosts"]["recommended"] == plan.hosts.recommended.name
