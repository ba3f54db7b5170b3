"""Backbones: shapes, sizes from the papers, and errors that help."""

import subprocess
import sys

import pytest
import torch

from lookalike.embedder.backbones import TrunkAndHead, check_sizes, create_backbone
from lookalike.embedder.gem_pooling import GeMPooling
from lookalike.embedder.named_backbones import OWN_BACKBONES
from lookalike.errors import InputError

pytestmark = pytest.mark.network

CONVOLUTIONAL = [name for name in OWN_BACKBONES if name != "linear"]


def thin(name):
    """Options that make a network small, where it has any."""
    return {"width": 0.25} if name in CONVOLUTIONAL else {}


@pytest.mark.parametrize("name", OWN_BACKBONES)
@pytest.mark.parametrize(("size", "channels"), [((112, 112), 3), ((64, 48), 1), ((50, 37), 1)])
def test_any_picture_size_gives_embeddings(name, size, channels):
    network = create_backbone(name, 32, size, channels, **thin(name)).eval()
    assert network(torch.zeros(2, channels, *size)).shape == (2, 32)


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_sizes_are_the_published_ones():
    # Chen et al. 2018 report 0.99M for MobileFaceNet; the ArcFace authors' iResNets have 24.0M and 43.6M.
    assert parameters(create_backbone("mobilefacenet", 128, (112, 112))) == pytest.approx(0.99e6, rel=0.02)
    assert parameters(create_backbone("iresnet18", 512, (112, 112))) == pytest.approx(24.02e6, rel=0.01)
    assert parameters(create_backbone("iresnet50", 512, (112, 112))) == pytest.approx(43.59e6, rel=0.01)


def test_relu_has_fewer_parameters_and_the_same_shape():
    network = create_backbone("mobilefacenet", 16, (64, 48), 1, width=0.25, activation="relu").eval()
    assert network(torch.zeros(1, 1, 64, 48)).shape == (1, 16)
    assert not any(isinstance(module, torch.nn.PReLU) for module in network.modules())


# mobilenetv3 gives more numbers than its `num_features` say; a transformer is built for one size of picture.
@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050", "vit_tiny_patch16_224"])
def test_timm_networks_get_an_embedding_layer(name):
    network = create_backbone(name, 24, (64, 48), 1)
    assert all(module.training for module in network.modules())
    assert network.eval()(torch.zeros(2, 1, 64, 48)).shape == (2, 24)


# The second's last layers follow its own pooling; the third norms its features after it.
@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050", "convnext_atto", "test_efficientnet"])
def test_convolutional_timm_networks_pool_by_a_learned_generalised_mean(name):
    network = create_backbone(name, 24, (64, 48), pooling="gem")
    assert isinstance(network, TrunkAndHead)
    assert [type(layer) for layer in network.head][:2] == [GeMPooling, torch.nn.Linear]
    assert sum(isinstance(module, GeMPooling) for module in network.modules()) == 1
    network(torch.randn(4, 3, 64, 48)).square().sum().backward()
    assert network.head[0].p.grad.abs() > 0
    # Fully convolutional: it takes any size.
    check_sizes(network, name, 3, [(32, 32), (64, 48), (96, 128)])
    assert all(module.training for module in network.modules())


def test_gem_is_another_pooling_of_the_same_features():
    torch.manual_seed(0)
    plain = create_backbone("test_efficientnet", 8, (64, 64)).eval()
    torch.manual_seed(0)
    gem = create_backbone("test_efficientnet", 8, (64, 64), pooling="gem").eval()
    assert [p.shape for p in plain.trunk.parameters()] == [p.shape for p in gem.trunk.parameters()]
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        gem.head[0].p.fill_(1.0)  # the mean, where no feature is negative
        assert torch.allclose(gem.head[0](gem.trunk(x)), gem.trunk(x).clamp(min=1e-6).mean((2, 3)), rtol=1e-4)
        assert torch.allclose(plain.trunk(x), gem.trunk(x).mean((2, 3)), atol=1e-5)


def test_sizes_that_a_network_cannot_take_are_refused_before_training():
    fixed = create_backbone("mobilefacenet", 8, (64, 64))
    check_sizes(fixed, "mobilefacenet", 3, [(64, 64)])
    with pytest.raises(InputError, match=r"mobilefacenet cannot take pictures of 32×32 pixels: .*choose another size"):
        check_sizes(fixed, "mobilefacenet", 3, [(64, 64), (32, 32)])
    assert fixed.training


@pytest.mark.parametrize("name", OWN_BACKBONES)
def test_every_parameter_learns(name):
    network = create_backbone(name, 16, (32, 32), 1, **thin(name))
    network(torch.randn(4, 1, 32, 32)).square().sum().backward()
    still = [key for key, p in network.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert still == []


def test_thin_networks_train_channels_last():
    """In a process of their own: below 16 channels oneDNN may overrun its memory and kill it (oneDNN issue 6035)."""
    program = f"""
import torch
from lookalike.embedder.backbones import create_backbone
for name in {CONVOLUTIONAL}:
    print(name, flush=True)
    network = create_backbone(name, 16, (64, 48), 1, width=0.1).to(memory_format=torch.channels_last)
    x = torch.randn(60, 1, 64, 48).contiguous(memory_format=torch.channels_last)
    network(x).square().mean().backward()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, CONVOLUTIONAL), done.stderr


def test_errors_name_the_choices():
    with pytest.raises(InputError, match=r"backbone 'resnet51' is unknown; choose mobilefacenet.*resnet"):
        create_backbone("resnet51", 8, (32, 32))
    with pytest.raises(InputError, match=r"does not take these options: .*colour"):
        create_backbone("mobilefacenet", 8, (32, 32), colour=3)
    with pytest.raises(InputError, match=r"resnet10t does not take these options: .*colour"):
        create_backbone("resnet10t", 8, (32, 32), colour=3)
    with pytest.raises(InputError, match=r"cannot be built for 30×30 pixels of 3 channels: .*choose another network"):
        create_backbone("levit_128s", 8, (30, 30))
    with pytest.raises(InputError, match="no pretrained weights"):
        create_backbone("iresnet18", 8, (32, 32), pretrained=True)
    with pytest.raises(InputError, match="pooling is 'max'; choose 'gem'"):
        create_backbone("resnet10t", 8, (32, 32), pooling="max")
    with pytest.raises(InputError, match=r"mobilefacenet does not take these options: .*pooling"):
        create_backbone("mobilefacenet", 8, (32, 32), pooling="gem")
    # Tokens, and maps with their channels last.
    for name in ("vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"):
        with pytest.raises(InputError, match=r"gives features of shape \(.*wants the \(channels, height, width\)"):
            create_backbone(name, 8, (224, 224), pooling="gem")
