"""Every kind of model is loaded by its name or folder, and what is no model is refused."""

import subprocess
import sys

import pytest

from lookalike import Embedder
from lookalike.embedder.loading import PRETRAINED, load_embedder
from lookalike.embedder.network import NetworkEmbedder
from lookalike.errors import ArtefactError


@pytest.mark.network
@pytest.mark.parametrize("name", PRETRAINED)
def test_a_pretrained_model_is_loaded_by_its_name(name):
    embedder = Embedder.load(name)
    assert embedder.name == name
    assert embedder.fingerprint == load_embedder(name).fingerprint


@pytest.mark.network
def test_a_folder_is_a_trained_network(tiny_model):
    found = Embedder.load(tiny_model)
    assert isinstance(found, NetworkEmbedder)
    assert NetworkEmbedder.load(str(tiny_model)).fingerprint == found.fingerprint


def test_what_is_not_a_model_is_said(tmp_path):
    with pytest.raises(ArtefactError, match=r"there is no model at nowhere; give a folder written by .*, 'dlib', "):
        Embedder.load("nowhere")
    with pytest.raises(ArtefactError, match=r"is not a model: it lacks model\.toml"):
        Embedder.load(tmp_path)
    with pytest.raises(ArtefactError, match=r"net\.onnx does not exist; give an ONNX file"):
        Embedder.load("net.onnx")


def test_the_class_alone_can_load_and_loads_no_kind_that_is_not_asked_for():
    code = (
        "import sys; from lookalike.embedder.embedder import Embedder; Embedder.load('dlib'); "
        "print([name for name in ('torch', 'faiss', 'dlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['dlib']"
