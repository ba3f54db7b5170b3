import pytest

from lookalike.index.planning.hosts.measurements import merge_ms

#: benchmarks/billion_terms.py --only merge: lists, k, microseconds.
MEASURED = [(16, 10, 9.6), (16, 100, 15.4), (128, 10, 11.5), (128, 100, 60.8), (512, 10, 25.3), (512, 100, 246)]


@pytest.mark.parametrize(("lists", "k", "microseconds"), MEASURED)
def test_merging_takes_about_what_was_measured(lists, k, microseconds):
    assert 1000 * merge_ms(lists, k) == pytest.approx(microseconds, rel=0.35)
