"""Template scoring against slow and obvious computations, and by its properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.decisions.scoring_rule import SCORINGS
from lookalike.decisions.template_scoring import SHARPNESS, TemplateSets, scored
from lookalike.errors import InputError, VectorError

METRICS = ("cosine", "euclidean", "manhattan", "inner_product")


def distance(a, b, metric):
    """Of two vectors, one number at a time."""
    if metric == "euclidean":
        return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))
    if metric == "manhattan":
        return sum(abs(x - y) for x, y in zip(a, b, strict=True))
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return -product if metric == "inner_product" else 1 - product / (length(a) * length(b))


def length(a):
    return math.sqrt(sum(x * x for x in a))


def expected(probe, templates, qualities, metric, rule):
    """The rules as their definitions say them, in a loop over templates."""
    each = [distance(probe, one, metric) for one in templates]
    weights = [1.0 if quality is None else quality for quality in qualities]
    if not any(weights):
        weights = [1.0] * len(weights)
    if rule == "nearest":
        return min(each)
    total = sum(weights)
    if rule == "mean":
        scales = [length(one) if metric == "cosine" else 1.0 for one in templates]
        mean = [
            sum(w * one[i] / scale for w, one, scale in zip(weights, templates, scales, strict=True)) / total
            for i in range(len(probe))
        ]
        return distance(probe, mean, metric)
    scale = 1.0
    if metric in ("euclidean", "manhattan"):
        scale = sum(w * d for w, d in zip(weights, each, strict=True)) / total
    elif metric == "inner_product":
        scale = length(probe) * max(map(length, templates))
    soft = [w * math.exp(-SHARPNESS / scale * d) for w, d in zip(weights, each, strict=True)]
    return sum(s * d for s, d in zip(soft, each, strict=True)) / sum(soft)


@st.composite
def identities(draw, several=True):
    """A probe, templates, and qualities."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(1 if not several else 2, 6))
    qualities = draw(st.lists(st.none() | st.floats(0.01, 1), min_size=size, max_size=size))
    return rng.normal(size=4), rng.normal(size=(size, 4)) + draw(st.sampled_from([0.0, 3.0])), qualities


@given(identities(), st.sampled_from(METRICS), st.sampled_from(SCORINGS))
def test_each_rule_is_what_its_definition_says(given_one, metric, rule):
    probe, templates, qualities = given_one
    found = scored(probe, templates, qualities, metric, rule)
    assert found == pytest.approx(expected(probe, templates, qualities, metric, rule), rel=1e-9, abs=1e-9)


@given(st.lists(identities(), min_size=1, max_size=4), st.sampled_from(METRICS), st.sampled_from(SCORINGS))
def test_many_sets_and_probes_together_are_each_alone(several, metric, rule):
    sets = TemplateSets.of([templates for _, templates, _ in several], [own for *_, own in several])
    probes = np.stack([probe for probe, *_ in several])
    found = sets.distances(probes, metric, rule)
    for row, probe in enumerate(probes):
        alone = [scored(probe, templates, own, metric, rule) for _, templates, own in several]
        assert found[row] == pytest.approx(alone, rel=1e-9, abs=1e-12)
    backwards = list(range(len(several)))[::-1]
    assert sets.chosen(backwards).distances(probes, metric, rule) == pytest.approx(found[:, ::-1], rel=1e-9, abs=1e-12)


@given(identities(several=False), st.sampled_from(METRICS))
def test_of_one_template_all_rules_say_the_same(given_one, metric):
    probe, templates, qualities = given_one
    values = [scored(probe, templates[:1], qualities[:1], metric, rule) for rule in SCORINGS]
    assert values[1:] == pytest.approx(values[:1] * 2, rel=1e-9, abs=1e-9)


@given(identities(), st.sampled_from(METRICS), st.sampled_from(SCORINGS), st.floats(1e-3, 1e3), st.randoms())
def test_neither_order_nor_the_scale_of_qualities_matters(given_one, metric, rule, scale, random):
    probe, templates, qualities = given_one
    value = scored(probe, templates, qualities, metric, rule)
    order = list(range(len(templates)))
    random.shuffle(order)
    others = [scale * (1.0 if qualities[at] is None else qualities[at]) for at in order]
    assert scored(probe, templates[order], others, metric, rule) == pytest.approx(value, rel=1e-9, abs=1e-9)


@given(identities(), st.sampled_from(METRICS))
def test_a_template_given_twice_counts_twice_except_for_the_nearest(given_one, metric):
    probe, templates, _ = given_one
    twice = np.concatenate([templates, templates[:1]])
    doubled = [2.0] + [1.0] * (len(templates) - 1)
    nearest = scored(probe, templates, None, metric, "nearest")
    assert scored(probe, twice, None, metric, "nearest") == pytest.approx(nearest, rel=1e-12, abs=1e-12)
    for rule in ("mean", "set"):
        assert scored(probe, twice, None, metric, rule) == pytest.approx(
            scored(probe, templates, doubled, metric, rule), rel=1e-9, abs=1e-9
        )


@given(identities(), st.sampled_from(METRICS))
def test_a_set_is_no_nearer_than_its_nearest_and_no_farther_than_the_mean_of_its_distances(given_one, metric):
    probe, templates, _ = given_one
    each = [distance(probe, one, metric) for one in templates]
    value = scored(probe, templates, None, metric, "set")
    assert min(each) - 1e-9 <= value <= sum(each) / len(each) + 1e-9


def test_a_duplicate_changes_mean_and_set():
    probe, templates = [1.0, 0.0], np.array([[1.0, 0.5], [0.6, 1.0]])
    more = np.concatenate([templates, templates[1:]])
    for rule in ("mean", "set"):
        assert scored(probe, more, None, "cosine", rule) > scored(probe, templates, None, "cosine", rule) + 1e-3


def test_euclidean_sets_scale_with_the_vectors():
    rng = np.random.default_rng(1)
    probe, templates = rng.normal(size=3), rng.normal(size=(4, 3))
    for rule in SCORINGS:
        once = scored(probe, templates, None, "euclidean", rule)
        assert scored(1000 * probe, 1000 * templates, None, "euclidean", rule) == pytest.approx(1000 * once)


@pytest.mark.parametrize("rule", SCORINGS)
def test_a_probe_that_is_every_template_is_at_distance_0(rule):
    for metric in ("cosine", "euclidean", "manhattan"):
        assert scored([1.0, 2.0], [[1.0, 2.0]] * 3, None, metric, rule) == pytest.approx(0, abs=1e-12)


def test_opposite_templates_have_no_mean_direction():
    assert scored([1.0, 0.0], [[0.0, 1.0], [0.0, -1.0]], None, "cosine", "mean") == 1.0
    assert scored([0.0, 1.0], [[0.0, 1.0], [0.0, -1.0]], None, "cosine", "mean") == 1.0


def test_of_quality_0_a_template_has_no_say_unless_all_are():
    probe, templates = [1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]
    for rule in ("mean", "set"):
        assert scored(probe, templates, [0, 1], "cosine", rule) == pytest.approx(1.0)
        assert scored(probe, templates, [0, 0], "cosine", rule) == scored(probe, templates, None, "cosine", rule)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InputError, match="'median' is unknown; choose one of nearest, mean, set"):
        scored([1.0], [[1.0]], None, "euclidean", "median")
    with pytest.raises(VectorError, match="metric 'angle' is unknown"):
        scored([1.0], [[1.0]], None, "angle", "mean")
    for templates in ([[]], [np.empty((0, 2))], [[[1.0]], [[1.0, 2.0]]], []):
        with pytest.raises(VectorError, match="expected"):
            TemplateSets.of(templates)
    with pytest.raises(VectorError, match="NaN"):
        TemplateSets.of([[[float("nan")]]])
    for qualities in ([1.0], [1.0, -1.0], [1.0, float("nan")]):
        with pytest.raises(VectorError, match="expected 2 numbers of at least 0"):
            scored([1.0], [[1.0], [2.0]], qualities, "euclidean", "mean")
    with pytest.raises(VectorError, match="qualities of 2 identities"):
        TemplateSets.of([[[1.0]]], [None, None])
