"""The features of a timm network: those of timm's own pipeline, whatever the network."""

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from tests.hub_server import hub_server

from lookalike import Embedder
from lookalike.errors import InputError

pytestmark = pytest.mark.network


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A hub that has weights of timm's smallest networks: random ones, the same each time."""
    from huggingface_hub import constants

    def file_of(name):
        torch.manual_seed(0)
        save_file(timm.create_model(name).state_dict(), tmp_path / name)
        return (tmp_path / name).read_bytes()

    names = ("test_resnet.r160_in1k", "test_vit.r160_in1k")
    files = {f"timm/{name}": {"main": {"model.safetensors": file_of(name.split(".")[0])}} for name in names}
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with hub_server(files) as (endpoint, _):
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield


@pytest.mark.parametrize("name", ["test_resnet", "test_vit.r160_in1k"])
def test_features_are_timms(weights, name):
    picture = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    embedder = Embedder.load(f"timm:{name}")
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=0).eval()
    config = timm.models.get_pretrained_cfg(name)
    normal = (
        torch.from_numpy(picture).permute(2, 0, 1) / 255 - torch.tensor(config.mean)[:, None, None]
    ) / torch.tensor(config.std)[:, None, None]
    reference = timm.create_model(name, pretrained=True, num_classes=0).eval()
    with torch.inference_mode():
        want = sum(reference(x[None])[0] for x in (normal, normal.flip(2)))
    assert embedder.dimension == network.num_features
    assert embedder.embed([picture])[0] == pytest.approx((want / want.norm()).numpy(), abs=1e-4)
    assert embedder.name == f"timm:{name}"
    assert embedder.metric == "cosine"
    assert Embedder.load(f"timm:{name}").fingerprint == embedder.fingerprint


def test_pictures_are_brought_to_the_size_it_was_trained_with(weights):
    prepared = Embedder.load("timm:test_resnet").prepare(Image.new("RGB", (500, 300)))
    assert prepared.pixels.shape == (160, 160, 3)


def test_an_unknown_network():
    with pytest.raises(InputError, match=r"timm has no network 'resnet18x'; choose one of timm\.list_pretrained\(\)"):
        Embedder.load("timm:resnet18x")


def test_a_network_without_pretrained_weights():
    with pytest.raises(InputError, match="there are no pretrained weights of efficientnet_lite1"):
        Embedder.load("timm:efficientnet_lite1")
