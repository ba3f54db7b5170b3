"""Eigenfaces against the covariance written out, and SciPy's Mahalanobis distance."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis as scipy_mahalanobis

from lookalike.errors import InputError
from lookalike.faces.eigenfaces import Eigenfaces


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return 5 + rng.normal(size=(30, 4, 3)) @ rng.normal(size=(3, 3))


@pytest.mark.parametrize("components", [1, 4, 12])
def test_distances_are_those_of_the_explicit_covariance(pictures, components):
    faces = Eigenfaces(pictures, components)
    flat = pictures.reshape(30, 12)
    values, axes = np.linalg.eigh(np.cov(flat.T))
    axes = axes[:, np.argsort(values)[::-1][:components]]
    coordinates = (flat - flat.mean(axis=0)) @ axes
    inverse = np.linalg.inv(np.atleast_2d(np.cov(coordinates.T)))
    oracle = [[scipy_mahalanobis(a, b, inverse) for b in coordinates[:9]] for a in coordinates[:7]]
    embedded = faces.embed(pictures)
    assert np.allclose(np.abs(embedded), np.abs(coordinates))  # an axis may point either way
    assert np.allclose(faces.distances(embedded[:7], embedded[:9]), oracle, atol=1e-6)


def test_with_all_components_it_is_the_mahalanobis_distance_of_the_pixels(pictures):
    faces = Eigenfaces(pictures, 12)
    flat = pictures.reshape(30, 12)
    new = flat[:5] + 0.3
    inverse = np.linalg.inv(np.cov(flat.T))
    oracle = [[scipy_mahalanobis(a, b, inverse) for b in flat[:6]] for a in new]
    distances = faces.distances(faces.embed(new.reshape(5, 4, 3)), faces.embed(pictures[:6]))
    assert np.allclose(distances, oracle, atol=1e-6)


def test_every_component_weighs_the_same_whatever_its_scale(pictures):
    stretched = pictures * np.array([1.0, 100.0, 0.01])
    one, other = Eigenfaces(pictures, 12), Eigenfaces(stretched, 12)
    a = one.distances(one.embed(pictures), one.embed(pictures))
    b = other.distances(other.embed(stretched), other.embed(stretched))
    assert np.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("components", [0, -1, 30, 31])
def test_too_few_pictures_for_the_components(pictures, components):
    with pytest.raises(InputError, match="ask for at most 29"):
        Eigenfaces(pictures, components)
