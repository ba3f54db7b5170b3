import dataclasses

import pytest

from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.machine_speed import REFERENCE, MachineSpeed, measure_machine


def test_the_reference_is_as_fast_as_itself():
    assert {REFERENCE.slowdown(kind, building) for kind in KINDS for building in (True, False)} == {1.0}


def test_graphs_wait_for_jumps_cells_for_reading_and_k_means_for_products():
    jumps = dataclasses.replace(REFERENCE, gather=REFERENCE.gather / 3)
    assert [jumps.slowdown(kind) for kind in ("hnsw", "vamana", "trees", "ivf", "exact")] == [3, 3, 3, 1, 1]
    reading = dataclasses.replace(REFERENCE, stream=REFERENCE.stream / 3)
    assert [reading.slowdown(kind) for kind in ("hnsw", "ivfpq", "scann", "exact")] == pytest.approx([1, 3, 3, 3])
    products = dataclasses.replace(REFERENCE, product=REFERENCE.product / 3)
    assert [products.slowdown(kind, True) for kind in ("hnsw", "ivf", "scann", "exact")] == pytest.approx([1, 3, 3, 1])


def test_a_real_machine_is_measured():
    found = measure_machine(repeat=1)
    assert isinstance(found, MachineSpeed)
    # From a small board to what no machine does: a probe that measured nothing at all would be outside.
    assert 1e7 < found.stream < 1e12
    assert 1e4 < found.gather < 1e10
    assert 1e8 < found.product < 1e14
    # A product uses a number from memory many times; jumping costs more than reading in order.
    assert found.product > found.stream > found.gather
    assert found.to_dict() == dataclasses.asdict(found)
