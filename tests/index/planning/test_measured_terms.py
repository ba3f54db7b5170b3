import pytest

from lookalike.index.planning.measured_terms import merge_ms


@pytest.mark.parametrize(
    ("lists", "k", "microseconds"),
    [
        (16, 10, 6.3),
        (16, 100, 10.6),
        (128, 10, 7.6),
        (128, 100, 42.5),
        (512, 10, 17.3),
        (512, 100, 180),
        (2048, 100, 563),
    ],
)
def test_merging_takes_about_what_was_measured(lists, k, microseconds):
    # benchmarks/billion_terms.py --only merge
    assert 1000 * merge_ms(lists, k) == pytest.approx(microseconds, rel=0.45)
