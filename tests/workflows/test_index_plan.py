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
