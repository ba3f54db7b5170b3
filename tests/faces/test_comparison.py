"""The methods side by side: each one's distances are those of its embeddings, whatever made them."""

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.datasets import split_identities
from lookalike.distances import pairwise
from lookalike.faces.comparison import METHODS, compare_methods, untrained_embeddings
from lookalike.faces.recipe import face_recipe

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def people(orl):
    return split_identities(orl.of(orl.names[:6]), 2)


def test_pixels_and_eigenfaces_against_their_definitions(people, tmp_path):
    learn, test = people
    pixels, eigenfaces = compare_methods(learn, test, tmp_path, methods=list(METHODS)[:2])
    x = pixels.embeddings
    assert len(x) == len(test)
    assert x.min() >= 0
    assert 0.5 < x.max() <= 1
    assert np.allclose(pixels.distances, [[np.linalg.norm(a - b) for b in x] for a in x])
    assert eigenfaces.embeddings.shape == (len(test), min(60, len(learn) - 1))
    for method in (pixels, eigenfaces):
        assert method.distances.shape == (len(test), len(test))
        assert np.allclose(method.distances, method.distances.T)
        assert np.allclose(np.diag(method.distances), 0, atol=1e-5)
        assert method.folder is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_trained_method_is_its_model_folder(people, tmp_path):
    learn, test = people
    seen = []
    (method,) = compare_methods(
        learn, test, tmp_path, methods=["ArcFace"], epochs=1, progress=lambda name, p: seen.append((name, p.stage))
    )
    embedder = Embedder.load(method.folder)
    vectors = embedder.embed(test.paths)
    assert np.allclose(method.embeddings, vectors, atol=1e-5)
    assert np.allclose(method.distances, pairwise(vectors, vectors, embedder.metric), atol=1e-5)
    assert embedder.card.training["identities"] == len(learn.names)
    assert set(seen) >= {("ArcFace", "Reading pictures"), ("ArcFace", "Training (arcface)")}


def test_before_training_is_repeatable_and_leaves_the_programs_random_numbers_alone(people):
    import torch

    _, test = people
    recipe = face_recipe("face-crops", seed=3)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    one = untrained_embeddings(recipe, test)
    assert torch.equal(torch.rand(1), expected)
    assert one.shape == (len(test), recipe.embedding_size)
    assert np.array_equal(one, untrained_embeddings(recipe, test))
    assert not np.allclose(one, untrained_embeddings(face_recipe("face-crops", seed=4), test))
