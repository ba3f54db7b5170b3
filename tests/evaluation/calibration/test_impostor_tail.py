import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from lookalike.decisions.promise import Promise
from lookalike.errors import InputError
from lookalike.evaluation.calibration.impostor_tail import SHAPE_PRIOR, fit_impostor_tail, fit_pareto, pareto_survival
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs


def population(identities, seed, pictures=2, dimension=24, blurred=0.0):
    """Unit vectors whose variance falls from axis to axis, as embeddings' does; some pictures shrink to one point."""
    rng = np.random.default_rng(seed)
    deviations = np.exp(-np.arange(dimension) / 12)
    labels = np.repeat(np.arange(identities), pictures)
    vectors = rng.normal(size=(identities, dimension))[labels] + 0.35 * rng.normal(size=(len(labels), dimension))
    bad = rng.random(len(labels)) < blurred
    vectors[bad] = 0.5 * vectors[bad] + 2
    vectors *= deviations
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.fixture(scope="module")
def result():
    return verify_all_pairs(*population(250, 0))


@pytest.fixture(scope="module")
def tail(result):
    return fit_impostor_tail(result)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2])
def test_the_fit_is_the_maximum_of_likelihood_and_prior(shape):
    excess = stats.genpareto.rvs(shape, scale=0.7, size=400, random_state=1)

    def cost(parameters):
        found, log_scale = parameters
        likelihood = stats.genpareto.logpdf(excess, found, scale=np.exp(log_scale)).sum()
        return -likelihood + 0.5 * (found / SHAPE_PRIOR) ** 2

    best = optimize.minimize(cost, [0.01, np.log(0.7)], method="Nelder-Mead", options={"xatol": 1e-6, "maxiter": 2000})
    shapes, scales = fit_pareto(excess, np.ones((1, 400)))
    # On the grid, and with the shape of the likelihood alone per point of it: close to the true maximum.
    assert shapes[0] == pytest.approx(best.x[0], abs=0.02)
    assert scales[0] == pytest.approx(np.exp(best.x[1]), rel=0.03)


def test_a_weight_of_two_is_the_exceedance_twice():
    excess = stats.genpareto.rvs(0.1, size=200, random_state=2)
    weights = np.random.default_rng(0).integers(0, 3, size=(1, 200)).astype(float)
    repeated = np.repeat(excess, weights[0].astype(int))
    weighted, plain = fit_pareto(excess, weights), fit_pareto(repeated, np.ones((1, len(repeated))))
    at = np.array([0.5, 2.0, 6.0])
    # The grid is laid by the exceedances, so that it differs a little.
    assert pareto_survival(at, *weighted) == pytest.approx(pareto_survival(at, *plain), rel=0.1)


@given(st.floats(-0.5, 0.5), st.floats(0.01, 10), st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_survival_is_scipys(shape, scale, excess):
    shape = 0.0 if abs(shape) < 1e-6 else shape
    assert pareto_survival(excess, shape, scale) == pytest.approx(
        stats.genpareto.sf(excess, shape, scale=scale), rel=1e-6, abs=1e-300
    )


def test_where_many_pairs_lie_the_tail_is_the_measured_rate(result, tail):
    for rate in (0.3, 0.1, 0.03, 0.01, 0.003):
        distance = float(np.quantile(result.impostor, rate))
        assert tail.rate(distance) == pytest.approx(result.fmr(distance), rel=0.1)


def test_never_promises_less_than_was_measured(result, tail):
    for distance in np.concatenate([result.impostor[:3000], result.impostor[3000 : len(result.impostor) // 2 : 500]]):
        assert tail.upper_rate(float(distance)) >= result.fmr(float(distance)) * (1 - 1e-9)


@given(st.floats(-6, -0.4), st.floats(-6, -0.4))
def test_thresholds_keep_the_bound_and_rise_with_the_rate(tail, a, b):
    low, high = sorted((10**a, 10**b))
    safe, likely = tail.threshold_for(Promise("fmr", low))
    assert safe <= likely
    assert tail.upper_rate(safe) <= low
    assert tail.rate(likely) <= low * (1 + 1e-9) or likely == safe
    assert safe <= tail.threshold_for(Promise("fmr", high))[0]


def test_the_bound_holds_beyond_the_data():
    """95% confidence: of 20 calibrations, at most 3 may break it (more happen in 2 of 100 such tests)."""
    gallery, _ = population(6000, 99, pictures=1)
    probes, _ = population(4000, 98, pictures=1)
    near = np.sort(np.partition((1 - probes @ gallery.T).ravel(), 3000)[:3000])
    truth = float(near[240])  # exceeded by 1e-5 of 24 million comparisons
    broken = 0
    for seed in range(20):
        fitted = fit_impostor_tail(verify_all_pairs(*population(120, seed)), replicates=100, seed=seed)
        assert 1e-5 * fitted.impostor_pairs < 1, "the data end before this rate"
        broken += fitted.threshold_for(Promise("fmr", 1e-5))[0] > truth
    assert broken <= 3


def test_unequal_probes_make_the_independence_formula_too_pessimistic_never_too_bold():
    """Searches against the slow truth: strangers searched in random galleries."""
    vectors, labels = population(500, 3, pictures=1, blurred=0.05)
    twice, names = np.concatenate([vectors, vectors[:1]]), np.r_[labels, labels[:1]]  # one genuine pair is demanded
    tail = fit_impostor_tail(verify_all_pairs(twice, names))
    assert tail.dispersion > 1
    distance, size = float(tail.start), 100
    distances = 1 - vectors @ vectors.T
    np.fill_diagonal(distances, 9)
    rng = np.random.default_rng(0)
    alarms = []
    for probe in range(500):
        others = np.delete(np.arange(500), probe)
        alarms += [distances[probe, rng.choice(others, size, replace=False)].min() <= distance for _ in range(4)]
    realised = float(np.mean(alarms))
    independent = -math.expm1(size * math.log1p(-tail.rate(distance)))
    assert realised < 0.8 * independent
    assert tail.fpir(distance, size) == pytest.approx(realised, rel=0.25)
    assert tail.upper_fpir(distance, size) >= realised


@pytest.mark.parametrize("variance", [0.0, 0.5, 2.0])
def test_dispersion_is_the_variance_of_the_probes_rates_without_chance(variance):
    """Distances drawn so that the rate of a picture is proportional to a known number."""
    rng = np.random.default_rng(4)
    rates = rng.gamma(1 / variance, variance, size=1500) if variance else np.ones(1500)
    chances = np.triu(rng.random((1500, 1500)), 1) / np.outer(rates + 1e-9, rates + 1e-9)
    labels = np.r_[np.arange(1499), 1498]
    fitted = fit_impostor_tail(verify_all_pairs(None, labels, distances=chances + chances.T), replicates=10)
    assert fitted.dispersion == pytest.approx(np.var(rates) / np.mean(rates) ** 2, rel=0.2, abs=0.05)


def test_pictures_of_one_identity_near_one_probe_count_once():
    people, (vectors, labels) = np.repeat(np.arange(300), 5), population(300, 5, pictures=1)
    once = fit_impostor_tail(verify_all_pairs(np.concatenate([vectors, vectors[:1]]), np.r_[labels, labels[:1]]))
    clumped = fit_impostor_tail(verify_all_pairs(vectors[people], people))
    assert clumped.identity_pairs < clumped.exceedances / 20
    assert clumped.dispersion == pytest.approx(once.dispersion, rel=0.5)


def test_distances_may_be_negative():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(60), 2)
    tail = fit_impostor_tail(
        verify_all_pairs(rng.normal(size=(60, 8))[labels] + rng.normal(size=(120, 8)), labels, "inner_product")
    )
    assert not tail.logarithmic
    assert tail.start < 0
    assert tail.threshold_for(Promise("fmr", 1e-5))[0] < tail.threshold_for(Promise("fmr", 1e-3))[0] < tail.start


def test_one_picture_under_two_names_makes_the_tail_heavier_and_breaks_nothing():
    vectors, labels = population(100, 1)
    twins = vectors.copy()
    twins[[10, 20, 30]] = vectors[[50, 60, 70]]
    clean, dirty = (fit_impostor_tail(verify_all_pairs(v, labels)) for v in (vectors, twins))
    assert dirty.shape > clean.shape
    assert dirty.upper_rate(0.0) >= 3 / dirty.impostor_pairs


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(InputError, match="180 impostor pairs are too few"):
        fit_impostor_tail(verify_all_pairs(*population(10, 0)))
    with pytest.raises(InputError, match="only scores were given"):
        fit_impostor_tail(from_scores([0.1, 0.2], [True, False]))
    same = np.ones((60, 3))
    with pytest.raises(InputError, match="at one distance"):
        fit_impostor_tail(verify_all_pairs(same, np.repeat(np.arange(30), 2)))
    with pytest.raises(InputError, match="replicates"):
        fit_impostor_tail(verify_all_pairs(*population(40, 0)), replicates=0)


def test_the_same_seed_gives_the_same_tail(result, tail):
    assert fit_impostor_tail(result) == tail
    assert fit_impostor_tail(result, seed=1) != tail
