"""Backbones: shapes, sizes from the papers, and errors that help."""

import subprocess
import sys

import pytest
import torch

from lookalike.embedder.backbones import OWN_BACKBONES, create_backbone
from lookalike.errors import InputError


@pytest.mark.parametrize("name", OWN_BACKBONES)
@pytest.mark.parametrize(("size", "channels"), [((112, 112), 3), ((64, 48), 1), ((50, 37), 1)])
def test_any_picture_size_gives_embeddings(name, size, channels):
    network = create_backbone(name, 32, size, channels, width=0.25).eval()
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


@pytest.mark.parametrize("name", OWN_BACKBONES)
def test_every_parameter_learns(name):
    network = create_backbone(name, 16, (32, 32), 1, width=0.25)
    network(torch.randn(4, 1, 32, 32)).square().sum().backward()
    still = [key for key, p in network.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert still == []


@pytest.mark.parametrize("name", OWN_BACKBONES)
def test_thin_networks_train_channels_last(name):
    """In a process of its own: below 16 channels oneDNN may overrun its memory and kill it (oneDNN issue 6035)."""
    program = f"""
import torch
from lookalike.embedder.backbones import create_backbone
network = create_backbone({name!r}, 16, (64, 48), 1, width=0.1).to(memory_format=torch.channels_last)
x = torch.randn(60, 1, 64, 48).contiguous(memory_format=torch.channels_last)
network(x).square().mean().backward()
"""
    subprocess.run([sys.executable, "-c", program], check=True)


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
