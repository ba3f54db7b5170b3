"""A card says what the file cannot; what is missing or wrong in it is said in one line."""

import subprocess

import numpy as np
import pytest
from tests.onnx_files import linear_onnx, write_card

from lookalike import Embedder
from lookalike.embedder.onnx_card import NetworkInput, OnnxCard, read_card
from lookalike.errors import ArtefactError, InputError


@pytest.fixture
def net(tmp_path):
    return linear_onnx(tmp_path / "net.onnx", np.eye(48, 5))


def test_pixels_become_numbers_in_the_networks_order():
    pixels = np.array([[[[0, 100, 255]]]], np.uint8)
    assert NetworkInput(mean=127.5, std=127.5).numbers(pixels)[0, 0, 0] == pytest.approx([-1, -0.2157, 1], abs=1e-4)
    each = NetworkInput(mean=(55.0, 0.0, 0.0), std=(100.0, 50.0, 1.0), channels="BGR").numbers(pixels)
    assert each[0, 0, 0].tolist() == [2.0, 2.0, 0.0]  # of blue, green and red


def test_a_missing_card_gives_the_command_that_writes_one(net):
    """And what the command writes is a card."""
    with pytest.raises(
        InputError, match=r"net\.onnx \(input 4×4, 3 channels, NCHW\) needs a card, net\.toml"
    ) as caught:
        Embedder.load(net)
    assert "\n" not in str(caught.value)
    command = str(caught.value)[str(caught.value).index("printf") :]
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert read_card(OnnxCard, net, {}, {}).alignment == "none"


@pytest.mark.parametrize(("side", "alignment"), [(112, "arcface-112"), (150, "dlib-150"), (96, "none")])
def test_the_alignment_is_guessed_by_the_size(tmp_path, side, alignment):
    path = linear_onnx(tmp_path / "net.onnx", np.zeros((3 * side * side, 2)), size=(side, side))
    with pytest.raises(InputError, match=f'alignment = "{alignment}"'):
        Embedder.load(path)


def test_arguments_count_for_more_than_the_card_and_the_card_for_more_than_metadata(tmp_path):
    metadata = {"lookalike.alignment": "none", "lookalike.mean": "[1, 2, 3]", "lookalike.std": "2", "author": "Ada"}
    path = linear_onnx(tmp_path / "net.onnx", np.eye(48, 5), metadata=metadata)
    assert Embedder.load(path).card.mean == (1, 2, 3)
    path.with_suffix(".toml").write_text("std = 3\nlicence = 'MIT'\n")
    assert Embedder.load(path, std=4).card.std == 4
    card = Embedder.load(path).card
    assert (card.mean, card.std, card.licence) == ((1, 2, 3), 3, "MIT")


def test_arguments_alone_are_enough(net):
    assert Embedder.load(str(net), alignment="none", mean=0, std=255).dimension == 5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"alignment": "arcface"}, "alignment is 'arcface': .*'arcface-112', 'dlib-150' or 'none'"),
        ({"scale": 0.0078}, "scale is not known; write std, which is 1 / scale"),
        ({"license": "MIT"}, "license is not known; write licence"),
        ({"sdt": 1}, "sdt is not known; choose mean, std, channels, "),
        ({"std": 0.229}, "std is 0.229: pixels are from 0 to 255: give .* 255 × 0.229"),
        ({"std": 0.0}, "std is 0.0: pixels are from 0 to 255"),
        ({"mean": [1.0, 2.0]}, r"mean is .*: give one number, or one for each of three channels"),
        ({"image_size": [0, 4]}, r"image_size\.0 is 0"),
        ({"metric": "cos"}, "metric is 'cos'"),
    ],
)
def test_what_is_wrong_in_a_card_is_named(net, fields, message):
    card = write_card(net, **fields)
    with pytest.raises(InputError, match=message) as caught:
        Embedder.load(net)
    assert str(caught.value).startswith(str(card))
    assert "\n" not in str(caught.value)


def test_what_is_missing_in_a_card_is_named(net):
    net.with_suffix(".toml").write_text("mean = 0\nstd = 1\n")
    with pytest.raises(InputError, match=r"net\.toml lacks alignment; it must say .*alignment"):
        Embedder.load(net)


def test_a_card_that_is_no_toml(net):
    net.with_suffix(".toml").write_text("alignment: none")
    with pytest.raises(ArtefactError, match=r"net\.toml cannot be read: .*; write it as TOML"):
        Embedder.load(net)


def test_what_describes_an_onnx_file_is_refused_for_other_models(tiny_model):
    with pytest.raises(InputError, match=r"alignment describes an ONNX file, and .* is none; leave it out"):
        Embedder.load(tiny_model, alignment="none")
