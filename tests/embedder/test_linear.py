"""The linear network, and the model that the tests make of it."""

import numpy as np
import pytest
import torch

from lookalike import Embedder
from lookalike.distances import pairwise
from lookalike.embedder.backbones import check_sizes, create_backbone
from lookalike.errors import InputError

pytestmark = pytest.mark.network

PEOPLE = tuple(f"s{number:02d}" for number in range(1, 9))


def test_it_is_affine_and_its_distances_are_mahalanobis_distances():
    torch.manual_seed(0)
    network = create_backbone("linear", 5, (4, 3), 2).double()
    network(10 + 3 * torch.randn(40, 2, 4, 3, dtype=torch.float64))  # moves the statistics
    network.eval()
    x = torch.randn(6, 2, 4, 3, dtype=torch.float64)
    with torch.inference_mode():
        y, middle = network(x).numpy(), network((x[:1] + x[1:2]) / 2).numpy()
    assert middle[0] == pytest.approx((y[0] + y[1]) / 2)  # affine
    # The same matrix for every pair, from the slopes along the pixels.
    flat, basis = x.reshape(6, 24).numpy(), torch.eye(24, dtype=torch.float64).reshape(24, 2, 4, 3)
    with torch.inference_mode():
        matrix = (network(basis) - network(torch.zeros(1, 2, 4, 3, dtype=torch.float64))).numpy().T
    metric = matrix.T @ matrix
    expected = [[np.sqrt((a - b) @ metric @ (a - b)) for b in flat] for a in flat]
    assert pairwise(y, y, "euclidean") == pytest.approx(np.array(expected), abs=1e-9)


def test_it_takes_one_size_and_no_options():
    with pytest.raises(InputError, match=r"linear cannot take pictures of 4×4 pixels"):
        check_sizes(create_backbone("linear", 5, (8, 8)), "linear", 3, [(8, 8), (4, 4)])
    with pytest.raises(InputError, match=r"linear does not take these options: .*width"):
        create_backbone("linear", 5, (8, 8), width=0.5)
    with pytest.raises(InputError, match="no pretrained weights"):
        create_backbone("linear", 5, (8, 8), pretrained=True)


# --- The model that the other tests use -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def distances(orl, known_vectors):
    """`distance(name, number, name, number)` as it was chosen."""
    first = {name: mine[0] for name, mine in orl.groups()}

    def distance(a, i, b, j):
        return 1 - known_vectors[first[a] + i] @ known_vectors[first[b] + j]

    return distance


def test_the_known_model_embeds_as_it_was_made_to(tiny_model, orl, known_vectors):
    embedder = Embedder.load(tiny_model)
    # 8e-7 was measured; all distances that matter differ by 1e-2 or more.
    assert np.abs(embedder.embed(orl.paths) - known_vectors).max() < 1e-5
    assert np.abs(embedder.embed(orl.paths[:7], batch_size=1) - known_vectors[:7]).max() < 1e-5


def test_the_known_distances_are_those_that_tests_rely_on(distances, orl):
    six, hard = range(6), ("s07", 5)
    for a in PEOPLE:
        for b in PEOPLE:
            pairs = [(i, j) for i in six for j in six if (a, i) != (b, j) and hard not in ((a, i), (b, j))]
            values = [distances(a, i, b, j) for i, j in pairs]
            low, high = (0.007, 0.05) if a == b else (0.52, 0.67) if {a, b} == {"s06", "s07"} else (0.88, 1.13)
            assert low < min(values) <= max(values) < high, (a, b)
    own = [distances(*hard, "s07", i) for i in range(5)]
    like = [distances(*hard, "s06", i) for i in six]
    assert 0.09 < min(like) < max(like) < 0.13 < 0.23 < min(own) < max(own) < 0.3
    for a in orl.names:
        for b in orl.names:
            if a < b and (a, b) != ("s06", "s07"):
                assert min(distances(a, i, b, j) for i in range(10) for j in range(10)) > 0.59, (a, b)
