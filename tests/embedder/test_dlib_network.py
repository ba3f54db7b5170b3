"""dlib's network with NumPy, against dlib's own."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.embedder.dlib_network import DlibNetwork
from lookalike.embedder.dlib_tools import dlib_model_file
from lookalike.errors import ArtefactError

dlib = pytest.importorskip("dlib", reason="the extra faces is not installed")

FILE = "dlib_face_recognition_resnet_model_v1.dat"


@pytest.fixture(scope="module")
def network():
    return DlibNetwork(Path(dlib_model_file(FILE)).read_bytes())


@pytest.mark.network
def test_its_vectors_are_those_of_dlib(network):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (3, 150, 150, 3), dtype=np.uint8)
    pixels[0] //= 8  # dark
    pixels[1] = np.linspace(0, 255, 150).astype(np.uint8)[:, None, None]  # smooth
    expected = dlib.face_recognition_model_v1(dlib_model_file(FILE)).compute_face_descriptor(list(pixels), 0)
    assert np.abs(network(pixels) - np.array(expected)).max() < 1e-5  # 4e-7 was measured


@pytest.mark.network
def test_a_picture_has_the_same_bits_in_any_batch(network):
    pixels = np.random.default_rng(1).integers(0, 256, (9, 150, 150, 3), dtype=np.uint8)
    together = network(pixels)
    assert together.shape == (9, 128)
    assert np.array_equal(together[8:], network(pixels[8:]))
    assert np.array_equal(together[2:5], network(pixels[2:5]))
    assert network(pixels[:0]).shape == (0, 128)


@pytest.mark.parametrize("content", [b"", b"con_4 and nothing else", b"fc_2\x01\x02"])
def test_another_file_is_refused(content):
    with pytest.raises(ArtefactError, match="dlib's face network"):
        DlibNetwork(content)


def test_a_truncated_file_is_refused():
    content = Path(dlib_model_file(FILE)).read_bytes()
    with pytest.raises(ArtefactError, match="reinstall it"):
        DlibNetwork(content[: len(content) // 2])
