"""The embedder of a trained network: what it computes, written out; and what serving and training share."""

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.embedder import Embedder, Preprocessing
from lookalike.embedder.model_folder import ModelCard
from lookalike.embedder.network import NetworkEmbedder, network_input
from lookalike.errors import ArtefactError, InputError, VectorError
from lookalike.images import read_picture

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


def card(**changes):
    preprocessing = Preprocessing(image_size=(8, 6), channels=1, **changes.pop("preprocessing", {}))
    content = {
        "name": "net",
        "backbone": "none",
        "embedding_size": 5,
        "fingerprint": "f",
        "preprocessing": preprocessing,
    }
    return ModelCard(**content | changes)


def linear():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5, bias=False))


@pytest.fixture
def pictures():
    return list(np.random.default_rng(0).integers(0, 256, (4, 8, 6), np.uint8))


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_vector_is_the_network_of_the_normalised_picture_and_its_mirror_image(pictures, flip, metric):
    network = linear()
    embedder = NetworkEmbedder(network, card(metric=metric, preprocessing={"flip_average": flip}))
    weights = network[1].weight.detach().numpy().astype(np.float64)
    expected = []
    for picture in pictures:
        x = (picture / 255 - 0.5) / 0.25
        vector = weights @ x.ravel() + (weights @ x[:, ::-1].ravel() if flip else 0)
        expected.append(vector / np.linalg.norm(vector) if metric == "cosine" else vector)
    vectors = embedder.embed(pictures)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, expected, atol=1e-5)


class Blurred(torch.nn.Module):
    """Takes any size: three numbers of a map, which scales change."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(1, 5, 3, bias=False)

    def forward(self, x):
        return self.conv(x).relu().amax((2, 3)) * x.shape[2]


@pytest.mark.parametrize("flip", [True, False])
def test_at_scales_a_vector_is_the_sum_of_unit_vectors(pictures, flip):
    network = Blurred()
    one = NetworkEmbedder(network, card())
    both = one.at_scales([1.0, 0.5], flip_average=flip)
    assert both.preprocessing.scales == (1.0, 0.5)
    expected = []
    for picture in pictures:
        total = 0
        for size in ((8, 6), (4, 3)):
            # Pillow's antialiased bilinear is the same filter; it rounds no floats.
            small = np.asarray(
                Image.fromarray(picture.astype(np.float32)).resize(size[::-1], Image.Resampling.BILINEAR)
            )
            x = torch.from_numpy((small / 255 - 0.5) / 0.25)[None, None]
            with torch.inference_mode():
                vector = (network(x) + (network(x.flip(3)) if flip else 0))[0].numpy()
            total = total + vector / np.linalg.norm(vector)
        expected.append(total / np.linalg.norm(total))
    assert np.allclose(both.embed(pictures), expected, atol=1e-4)


def test_another_scale_is_another_model(tiny_model):
    one = NetworkEmbedder(Blurred(), card(), calibration=Embedder.load(tiny_model).calibration)
    assert one.at_scales([1.0]) is one
    other = one.at_scales([1.0, 0.5])
    assert other.fingerprint == one.at_scales([1.0, 0.5]).fingerprint
    different = {e.fingerprint for e in (one, other, one.at_scales([0.5]), one.at_scales([1.0], flip_average=False))}
    assert len(different) == 4
    assert one.calibration is not None
    assert other.calibration is None
    for wrong, said in (
        ([], "at least 1 item"),
        ([9.0], "from 0.1 to 4"),
        ([1, 1], "give different factors"),
        (["x"], "number"),
    ):
        with pytest.raises(InputError, match=f"scales are .*{said}"):
            one.at_scales(wrong)


def test_scales_that_the_network_cannot_take(tiny_model):
    with pytest.raises(InputError, match="model tiny cannot take pictures of 16×16 pixels"):
        Embedder.load(tiny_model).at_scales([1.0, 0.5])


def test_it_is_in_evaluation_mode_so_that_neighbours_in_a_batch_do_not_matter(tiny_model, people_folder):
    embedder = Embedder.load(tiny_model)
    paths = sorted(people_folder.rglob("*.png"))[:7]
    together = embedder.embed(paths)
    assert np.allclose(np.concatenate([embedder.embed([path]) for path in paths]), together, atol=1e-5)
    assert np.allclose(embedder.embed(paths, batch_size=2), together, atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_pixels_become_a_batch_of_channels_first(pictures):
    batch = network_input(np.stack(pictures)[..., None])
    assert (batch.shape, batch.dtype) == ((4, 1, 8, 6), torch.float32)
    assert batch[2, 0, 3, 4].item() == pytest.approx(pictures[2][3, 4] / 255)
    rgb = np.random.default_rng(1).integers(0, 256, (2, 8, 6, 3), np.uint8)
    assert network_input(rgb)[1, 2, 3, 4].item() == pytest.approx(rgb[1, 3, 4, 2] / 255)


def test_a_diverged_network_is_said(pictures):
    network = linear()
    with torch.no_grad():
        network[1].weight[0] = float("nan")
    with pytest.raises(VectorError, match="model net gave NaN or infinity"):
        NetworkEmbedder(network, card()).embed(pictures)


def test_cropped_overrides_the_card_only_where_it_is_given(tiny_model):
    assert Embedder.load(tiny_model).preprocessing.cropped is False
    assert Embedder.load(tiny_model, cropped=True).preprocessing.cropped is True
    saved = card(preprocessing={"cropped": True})
    assert NetworkEmbedder(linear(), saved).preprocessing.cropped is True
    assert NetworkEmbedder(linear(), saved, cropped=False).preprocessing.cropped is False


def two_faces(orl):
    scene = np.full((400, 500, 3), 127, np.uint8)
    scene[200:312, 30:122] = read_picture(orl.paths[0])
    scene[100:324, 250:434] = np.repeat(np.repeat(read_picture(orl.paths[10]), 2, axis=0), 2, axis=1)
    return scene


def test_every_face_is_prepared_the_subject_as_it_is_alone(orl):
    pytest.importorskip("dlib", reason="the extra faces is not installed")
    embedder, scene = NetworkEmbedder(linear(), card(preprocessing={"align": "dlib-5point"})), two_faces(orl)
    assert embedder.finds_faces
    found = embedder.prepare_faces(scene)
    assert [face.box for face, _ in found] == [face.box for face in embedder.faces(scene)]
    assert len(found) == 2
    np.testing.assert_array_equal(found[0][1].pixels, embedder.prepare(scene).pixels)
    assert {prepared.pixels.shape for _, prepared in found} == {(8, 6, 1)}


def test_a_model_that_takes_whole_pictures_looks_for_no_faces(tiny_model, pictures):
    embedder = Embedder.load(tiny_model)
    assert not embedder.finds_faces
    for ask in (embedder.faces, embedder.prepare_faces):
        with pytest.raises(InputError, match=r"takes a picture as a whole .*; use --model dlib, or a model trained"):
            ask(pictures[0])


def test_training_sees_what_serving_sees(tiny_model, people_folder, tmp_path):
    from lookalike.datasets import read_pictures
    from lookalike.training.prepared_pictures import prepare_pictures

    embedder, pictures = Embedder.load(tiny_model), read_pictures(people_folder)
    prepared = prepare_pictures(pictures, embedder.preprocessing, tmp_path)
    with Image.open(pictures.paths[3]) as image:
        assert np.array_equal(embedder.prepare(image).pixels, prepared.pixels[3])


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ArtefactError, match=r"is not a model: it lacks model\.toml"):
        NetworkEmbedder.read(tmp_path)
