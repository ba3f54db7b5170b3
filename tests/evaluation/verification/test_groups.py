import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs
from lookalike.evaluation.verification.groups import GroupRate, GroupRates, compare_groups


@st.composite
def grouped(draw):
    """Pictures on a grid, identities whose pictures may be of several groups."""
    pictures = draw(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.sampled_from("xyz")), min_size=6, max_size=12)
    )
    return [list(side) for side in zip(*pictures, strict=True)]


def slow_rates(x, labels, groups, threshold):
    """Pair by pair: {(group, group): [errors, pairs]}, {group: [errors, pairs]}, genuine pairs between groups."""
    fmr, fnmr, mixed = {}, {}, 0
    for i, j in combinations(range(len(x)), 2):
        match = abs(x[i] - x[j]) <= threshold
        if labels[i] != labels[j]:
            for cell in {(groups[i], groups[j]), (groups[j], groups[i])}:
                count = fmr.setdefault(cell, [0, 0])
                count[0] += match
                count[1] += 1
        elif groups[i] == groups[j]:
            count = fnmr.setdefault(groups[i], [0, 0])
            count[0] += not match
            count[1] += 1
        else:
            mixed += 1
    return fmr, fnmr, mixed


@settings(deadline=None)
@given(grouped(), st.integers(0, 6))
def test_rates_equal_pair_by_pair(case, threshold):
    x, labels, groups = case
    if not 1 < len(set(labels)) < len(labels):
        return
    result = verify_all_pairs(np.array(x, float)[:, None], labels, "manhattan")
    found = compare_groups(result, groups, threshold=threshold, replicates=5)
    fmr, fnmr, mixed = slow_rates(x, labels, groups, threshold)
    assert found.groups == tuple(sorted(set(groups)))
    assert found.mixed_genuine == mixed
    for a in found.groups:
        for b in found.groups:
            rate, (errors, pairs) = found.fmr[a, b], fmr.get((a, b), (0, 0))
            assert (rate.errors, rate.pairs) == (errors, pairs)
            np.testing.assert_array_equal(rate.rate, errors / pairs if pairs else math.nan)
            np.testing.assert_allclose(
                rate.ratio, errors / pairs / result.fmr(threshold) if pairs and result.fmr(threshold) else math.nan
            )
            assert rate.sufficient == (pairs > 0 and math.floor(result.fmr(threshold) * pairs + 1e-9) >= 10)
        rate, (errors, pairs) = found.fnmr[a], fnmr.get(a, (0, 0))
        assert (rate.errors, rate.pairs) == (errors, pairs)
    assert sum(fmr_of.pairs for (a, b), fmr_of in found.fmr.items() if a <= b) == len(result.impostor)
    assert sum(fmr_of.errors for (a, b), fmr_of in found.fmr.items() if a <= b) == round(
        result.fmr(threshold) * len(result.impostor)
    )
    assert sum(rate.pairs for rate in found.fnmr.values()) + mixed == len(result.genuine)
    np.testing.assert_array_equal(found.fmr_matrix(), found.fmr_matrix().T)


def people(seed=0, identities=12, pictures=3):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(identities), pictures)
    return rng.normal(size=(identities, 2))[labels] + 0.5 * rng.normal(size=(len(labels), 2)), labels


@pytest.mark.parametrize("per_picture", [False, True])
def test_every_replicate_equals_counting_the_repeated_pairs(per_picture):
    """A pair of i and j counts as often as i times as often as j was drawn, a genuine one as often as i."""
    x, labels = people()
    groups = np.arange(len(labels)) % 2 if per_picture else labels % 2
    result = verify_all_pairs(x, labels, "euclidean")
    threshold = float(np.quantile(result.impostor, 0.2))
    rng = np.random.default_rng(3)
    slow = {}
    for _ in range(40):
        drawn = np.bincount(rng.integers(12, size=12), minlength=12)
        cells = {}
        for distances, pairs, genuine in (
            (result.impostor, result.impostor_pairs, False),
            (result.genuine, result.genuine_pairs, True),
        ):
            for distance, (i, j) in zip(distances, pairs, strict=True):
                weight = drawn[labels[i]] if genuine else drawn[labels[i]] * drawn[labels[j]]
                if genuine and groups[i] != groups[j]:
                    continue
                cell = cells.setdefault((genuine, *sorted((int(groups[i]), int(groups[j])))), [0, 0])
                cell[0] += weight * ((distance <= threshold) != genuine)
                cell[1] += weight
        for key, (errors, total) in cells.items():
            if total:
                slow.setdefault(key, []).append(errors / total)
    found = compare_groups(result, groups.tolist(), threshold=threshold, replicates=40, level=0.9, seed=3)
    for (genuine, a, b), values in slow.items():
        interval = (found.fnmr[a] if genuine else found.fmr[a, b]).interval
        np.testing.assert_allclose((interval.low, interval.high), np.quantile(values, [0.05, 0.95]))


def test_the_threshold_is_common_and_the_worse_group_shows():
    """One group's people look more alike: at a threshold for everybody they match falsely more often."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(120), 4)
    spread = np.where(np.arange(120) < 60, 1.0, 0.6)[:, None]
    x = (rng.normal(size=(120, 4)) * spread)[labels] + 0.1 * rng.normal(size=(480, 4))
    result = verify_all_pairs(x, labels, "euclidean")
    groups = {identity: "wide" if identity < 60 else "narrow" for identity in range(120)}
    found = compare_groups(result, groups, target=0.01, replicates=200)
    assert found.threshold == result.tar_at_far(0.01).threshold
    own = found.own_fmr()
    assert own["narrow"].rate > 2 * own["wide"].rate
    assert own["narrow"].interval.low > own["wide"].interval.high, "and it is no chance"
    assert own["narrow"].ratio == own["narrow"].rate / found.overall_fmr > 1
    assert found.worst_to_best() == own["narrow"].rate / own["wide"].rate
    assert found.worst_to_mean() == pytest.approx(math.sqrt(found.worst_to_best()))
    assert own["narrow"].sufficient
    assert not compare_groups(result, groups, target=0.0001, replicates=2).own_fmr()["narrow"].sufficient
    whole = compare_groups(result, ["all"] * 480, target=0.01, replicates=200)
    assert whole.own_fmr()["all"].rate == whole.overall_fmr
    assert whole.fnmr["all"].rate == pytest.approx(whole.overall_fnmr)
    intervals = result.intervals((), (whole.threshold,), replicates=200)
    assert whole.own_fmr()["all"].interval.low == pytest.approx(intervals.fmr_at[whole.threshold].low)
    assert whole.fnmr["all"].interval.high == pytest.approx(intervals.fnmr_at[whole.threshold].high)


def test_ratios_over_groups_that_suffice():
    def rates(*values):
        made = {g: GroupRate(rate, 0, 1, None, 1.0, enough) for g, (rate, enough) in enumerate(values)}
        return GroupRates(0.0, tuple(made), {(g, g): rate for g, rate in made.items()}, made, 0.1, 0.1, 0, 1)

    assert rates((0.1, True), (0.4, True), (0.9, False)).worst_to_best() == 4
    assert rates((0.1, True), (0.4, True), (0.9, False)).worst_to_mean("fnmr") == pytest.approx(2)
    assert rates((0.0, True), (0.4, True)).worst_to_best() == math.inf
    assert rates((0.0, True), (0.4, True)).worst_to_mean() == math.inf
    assert math.isnan(rates((0.0, True), (0.0, True)).worst_to_best())
    assert math.isnan(rates((0.1, True), (0.4, False)).worst_to_mean())
    with pytest.raises(InputError, match="kind is 'far'"):
        rates((0.1, True)).worst_to_best("far")


def test_bad_input():
    result = verify_all_pairs([[0.0], [0.1], [1.0]], ["a", "a", "b"], "euclidean")
    for keywords in ({}, {"target": 0.1, "threshold": 0.1}):
        with pytest.raises(InputError, match="either a target FMR or a threshold"):
            compare_groups(result, ["x"] * 3, **keywords)
    with pytest.raises(InputError, match="the threshold is NaN"):
        compare_groups(result, ["x"] * 3, threshold=math.nan)
    with pytest.raises(InputError, match="the target rate is 2"):
        compare_groups(result, ["x"] * 3, target=2)
    with pytest.raises(InputError, match="1 identities have no group, such as 'b'"):
        compare_groups(result, {"a": "x"}, threshold=0.1)
    with pytest.raises(VectorError, match="2 label"):
        compare_groups(result, ["x", "y"], threshold=0.1)
    with pytest.raises(InputError, match="only scores were given"):
        compare_groups(from_scores([0.1, 0.2], [True, False]), ["x"], threshold=0.1)
    with pytest.raises(InputError, match="0 replicates"):
        compare_groups(result, ["x"] * 3, threshold=0.1, replicates=0)


def test_identities_in_another_spelling():
    x, labels = np.arange(6.0)[:, None], ["José", "Jose\u0301", "Bo", "Bo ", "Cy", "Cy"]
    result = verify_all_pairs(x, labels, "euclidean")
    rates = compare_groups(result, {" José": "m\u00e9", "Bo": "me\u0301", "Cy ": "f"}, threshold=1.0, replicates=10)
    assert rates.groups == ("f", "m\u00e9")
    with pytest.raises(InputError, match="has two groups under two spellings; give it one"):
        compare_groups(result, {"José": "m", "Jose\u0301": "f", "Bo": "m", "Cy": "f"}, threshold=1.0)
