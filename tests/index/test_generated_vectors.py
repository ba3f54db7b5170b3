"""Generated galleries: every row on its own, and like the real embeddings the constants were fitted to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.index.generated_vectors import (
    BLOCK,
    MEAN_LENGTH,
    WITHIN,
    Spectrum,
    generated_probes,
    generated_vectors,
)


@given(
    start=st.integers(0, 3 * BLOCK),
    count=st.integers(0, 2 * BLOCK),
    per_identity=st.sampled_from([1, 3, 5, 1500]),
    dimension=st.sampled_from([2, 3, 17]),
)
def test_a_row_is_the_same_whoever_asks(start, count, per_identity, dimension):
    whole, whole_identities = generated_vectors(5 * BLOCK, dimension, per_identity, seed=4)
    some, identities = generated_vectors(count, dimension, per_identity, seed=4, start=start)
    np.testing.assert_array_equal(some, whole[start : start + count])
    np.testing.assert_array_equal(identities, whole_identities[start : start + count])
    np.testing.assert_array_equal(identities, np.arange(start, start + count) // per_identity)


@pytest.mark.parametrize("start", [99_999_000, 2**40 + 7])
def test_far_rows_cost_no_more_than_near_ones(start):
    vectors, identities = generated_vectors(1500, start=start, per_identity=1)
    np.testing.assert_array_equal(generated_vectors(1, start=start + 1400, per_identity=1)[0][0], vectors[1400])
    assert identities[0] == start
    assert len(np.unique(vectors, axis=0)) == 1500


def test_probes_are_mates_and_no_vectors_of_the_gallery():
    gallery, owners = generated_vectors(20_000, seed=1)
    asked = np.array([3999, 0, 17, 0, 2048, 1023, 1024])
    first, second = (generated_probes(asked, seed=1, sample=sample) for sample in (0, 1))
    for probes in (first, second):
        scores = probes @ gallery.T
        np.testing.assert_array_equal(owners[scores.argmax(axis=1)], asked)
        assert scores.max() < 0.9999
    np.testing.assert_array_equal(first[1], first[3])
    assert (first * second).sum(axis=1).max() < 0.9999
    # Beyond the gallery: nobody's mates, so far from everyone.
    assert (generated_probes(np.arange(4000, 4200), seed=1) @ gallery.T).max() < (first @ gallery.T).max(axis=1).mean()


@given(st.lists(st.integers(0, 10 * BLOCK), max_size=30), st.integers(0, 3))
def test_a_probe_depends_on_its_identity_alone(identities, sample):
    together = generated_probes(np.array(identities, np.int64), 17, sample=sample)
    for identity, probe in zip(identities, together, strict=True):
        np.testing.assert_allclose(generated_probes([identity], 17, sample=sample)[0], probe, atol=1e-6)


@pytest.mark.parametrize("dimension", [2, 100, 128, 512])
def test_unit_length_float32(dimension):
    vectors, identities = generated_vectors(2000, dimension)
    assert vectors.dtype == np.float32
    assert identities.dtype == np.int64
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(float), axis=1), 1, atol=1e-6)
    probes = generated_probes([5], dimension)
    assert probes.shape == (1, dimension)
    np.testing.assert_allclose(np.linalg.norm(probes.astype(float), axis=1), 1, atol=1e-6)


def test_cosines_are_those_of_dlib_on_real_faces():
    """Real: genuine 0.969, impostor 0.850 ± 0.030 (benchmarks/fit_generated_vectors.py)."""
    vectors, owners = generated_vectors(3000, per_identity=10)
    cosines = vectors.astype(float) @ vectors.T
    same = owners[:, None] == owners
    genuine, impostor = cosines[same & ~np.eye(len(vectors), dtype=bool)], cosines[~same]
    assert genuine.mean() == pytest.approx(0.969, abs=0.003)
    assert impostor.mean() == pytest.approx(0.850, abs=0.006)
    assert impostor.std() == pytest.approx(0.030, abs=0.004)
    assert np.linalg.norm(vectors.mean(axis=0)) == pytest.approx(MEAN_LENGTH, abs=0.01)


def test_the_spectrum_within_identities_decays_as_fitted():
    vectors, _ = generated_vectors(60_000, per_identity=20)
    people = vectors.astype(float).reshape(3000, 20, 128)
    within = (people - people.mean(axis=1, keepdims=True)).reshape(-1, 128)
    measured = np.linalg.eigvalsh(within.T @ within / (3000 * 19))[::-1]
    fitted = WITHIN.deviations(78).astype(float) ** 2
    np.testing.assert_allclose(measured[:70], fitted[:70], rtol=0.15)
    # Beyond its 78 axes there is only what bringing to unit length takes from the mean.
    assert measured[79:].max() < 1e-9


def test_seeds_are_populations_of_the_same_embedder():
    a, b = (generated_vectors(20_000, per_identity=1, seed=seed)[0] for seed in (0, 1))
    assert not np.isin(a[:, 0], b[:, 0]).all()
    cosine = a.mean(axis=0) @ b.mean(axis=0) / np.linalg.norm(a.mean(axis=0)) / np.linalg.norm(b.mean(axis=0))
    assert cosine > 0.999


def test_deviations_add_up_and_fall():
    deviations = Spectrum(2.0, 0.3, 0.7).deviations(50)
    assert (deviations.astype(float) ** 2).sum() == pytest.approx(2.0, rel=1e-5)
    assert (np.diff(deviations) < 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": -1}, "count is -1; give a whole number of at least 0"),
        ({"count": 1.5}, "count is 1.5"),
        ({"count": 1, "dimension": 1}, "dimension is 1; give a whole number of at least 2"),
        ({"count": 1, "per_identity": 0}, "per_identity is 0"),
        ({"count": 1, "seed": -3}, "seed is -3"),
        ({"count": 1, "start": 2**63}, "start is"),
    ],
)
def test_numbers_out_of_range_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        generated_vectors(**arguments)


@pytest.mark.parametrize("identities", [[1.5], [[1]], [-1], ["a"], [2**62]])
def test_identities_must_be_whole_numbers(identities):
    with pytest.raises(InputError, match="give one dimension of whole numbers"):
        generated_probes(identities)


def test_nothing_asked_nothing_given():
    assert generated_vectors(0)[0].shape == (0, 128)
    assert generated_probes([]).shape == (0, 128)
