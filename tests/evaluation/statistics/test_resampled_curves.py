import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.evaluation.statistics.resampled_curves import ResampledCurves, cumulative_weights, curve_points
from lookalike.evaluation.verification.all_pairs import from_scores

weighted = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=8)


@settings(deadline=None)
@given(weighted, weighted, st.floats(0.01, 1))
def test_weighted_curves_equal_curves_of_repeated_pairs(genuine, impostor, target):
    """The slow way: write each pair down as often as its weight says."""
    sides = [np.array(sorted(side), float).T for side in (genuine, impostor)]
    if any(not weights.any() for _, weights in sides):
        return
    distances = [np.repeat(values, weights.astype(int)) for values, weights in sides]
    slow = from_scores(np.concatenate(distances), np.repeat([True, False], [len(side) for side in distances]))
    (genuine_values, genuine_weights), (impostor_values, impostor_weights) = sides
    curves = ResampledCurves(
        cumulative_weights(genuine_weights[None]),
        cumulative_weights(impostor_weights[None]),
        *curve_points(genuine_values, impostor_values),
    )
    below, not_above = (np.searchsorted(impostor_values, genuine_values, side=side) for side in ("left", "right"))
    found = [curves.eer(), curves.auc(below, not_above), curves.tar_at_far(target)]
    np.testing.assert_allclose(np.ravel(found), [slow.eer, slow.auc, slow.tar_at_far(target).tar], atol=1e-12)


def test_cumulative_weights_start_at_nothing():
    assert cumulative_weights(np.array([[2.0, 0.0, 3.0]])).tolist() == [[0.0, 2.0, 2.0, 5.0]]
