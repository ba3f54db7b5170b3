"""ImageNet features as an embedder."""

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike import Embedder
from lookalike.embedder import pretrained
from lookalike.embedder.pretrained import create_pretrained
from lookalike.errors import InputError, MissingDependencyError

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def embedder():
    try:
        return Embedder.load("efficientnet_lite0")
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def pictures():
    return list(np.random.default_rng(0).integers(0, 256, (3, 300, 400, 3), np.uint8))


def test_a_vector_is_the_cubic_mean_of_the_features_of_the_middle_square_and_its_mirror_image(embedder, pictures):
    vectors = embedder.embed(pictures)
    assert (vectors.shape, vectors.dtype) == ((3, 1280), np.float32)
    trunk = create_pretrained("tf_efficientnet_lite0", num_classes=0, global_pool="").eval()
    for picture, vector in zip(pictures, vectors, strict=True):
        square = Image.fromarray(picture).resize((224, 224), Image.Resampling.BILINEAR, box=(50, 0, 350, 300))
        x = torch.from_numpy((np.asarray(square, np.float32) / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]
        with torch.inference_mode():
            maps = [trunk(x), trunk(x.flip(3))]
        cubic = sum(np.cbrt((m.double().numpy() ** 3).mean(axis=(2, 3)))[0] for m in maps)
        assert vector == pytest.approx(cubic / np.linalg.norm(cubic), abs=1e-4)


def test_it_has_a_fingerprint_and_no_measured_threshold(embedder):
    assert (embedder.name, embedder.metric, embedder.dimension) == ("efficientnet_lite0", "cosine", 1280)
    assert len(embedder.fingerprint) == 16
    assert Embedder.load("efficientnet_lite0").fingerprint == embedder.fingerprint
    with pytest.raises(InputError, match=r"efficientnet_lite0 has no measured threshold; run `lookalike evaluate"):
        embedder.threshold()


def test_loading_leaves_the_programs_random_numbers_alone(embedder):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    Embedder.load("efficientnet_lite0")
    assert torch.equal(torch.rand(1), expected)


def test_without_the_wheel_it_says_what_to_install(monkeypatch):
    def absent(name):
        raise pretrained.PackageNotFoundError(name)

    monkeypatch.setattr(pretrained, "distribution", absent)
    with pytest.raises(MissingDependencyError, match="pip install 'lookalike"):
        Embedder.load("efficientnet_lite0")


def test_photos_of_one_landmark_lie_together(embedder, shared_data):
    folder = shared_data / "landmarks"
    same, others = (sorted((folder / name).glob("*.jpg")) for name in ("sacre_coeur", "gldv2_sample"))
    vectors = embedder.embed([*same, *others])
    similar = vectors @ vectors.T
    n = len(same)
    genuine = similar[:n, :n][np.triu_indices(n, 1)]
    assert (genuine[:, None] > similar[:n, n:].ravel()).mean() > 0.97  # 0.997; rounding changes a similarity by 1e-6
