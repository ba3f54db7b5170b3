"""`lookalike models` as a user runs it."""

import json

import numpy as np
import pytest
from tests.onnx_files import linear_onnx


@pytest.fixture(autouse=True)
def no_cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_table_and_what_is_missing(lookalike, tmp_path):
    linear_onnx(tmp_path / "net.onnx", np.eye(48, 5))
    said = lookalike("models")
    assert said.code == 0
    assert "dlib" in said.out
    assert "0.6" in said.out
    assert "net.onnx cannot be used: net.onnx (input 4×4, 3 channels, NCHW) needs a card, net.toml" in said.err


def test_json(lookalike, tmp_path):
    linear_onnx(tmp_path / "net.onnx", np.eye(48, 5))
    (tmp_path / "net.toml").write_text("alignment = 'none'\nmean = 0\nstd = 1\nlicence = 'MIT'\n")
    found = lookalike("models", tmp_path / "net.onnx", "--json").document["models"][-1]
    assert found == {
        "model": str(tmp_path / "net.onnx"),
        "kind": "ONNX",
        "dimension": 5,
        "metric": "cosine",
        "faces": False,
        "licence": "MIT",
        "threshold": None,
        "measured": None,
        "ready": True,
        "advice": None,
    }


def test_a_path_that_is_not_there(lookalike):
    said = lookalike("models", "gone", "--json")
    assert said.code == 2
    assert json.loads(said.out)["message"].startswith("gone does not exist; give model folders, ONNX files or folders")


def test_an_onnx_model_and_a_device_for_the_verbs(lookalike, tmp_path, orl):
    """The verbs take what `Embedder.load` takes."""
    linear_onnx(tmp_path / "net.onnx", np.random.default_rng(0).standard_normal((48, 5)))
    (tmp_path / "net.toml").write_text("alignment = 'none'\nmean = 127.5\nstd = 127.5\nthreshold = 0.1\n")
    same = lookalike("verify", orl.paths[0], orl.paths[0], "--model", tmp_path / "net.onnx", "--device", "cpu")
    assert same.code == 0
    assert lookalike("verify", orl.paths[0], orl.paths[0], "--model", "dlib", "--device", "cuda").err == (
        "lookalike: dlib's faces run on the CPU only; leave out --device cuda\n"
    )
    said = lookalike("verify", orl.paths[0], orl.paths[0], "--model", tmp_path / "net.onnx", "--precision", "half")
    assert (said.code, said.err) == (2, "lookalike: precision is 'half'; choose float32, bfloat16, float16\n")
