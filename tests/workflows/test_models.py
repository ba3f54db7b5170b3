"""Which models are at hand, and what each is, without loading a PyTorch network."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from tests.onnx_files import linear_onnx, write_card

from lookalike import Embedder
from lookalike.embedder.loading import PRETRAINED
from lookalike.embedder.pretrained_models import PRETRAINED_MODELS
from lookalike.errors import ArtefactError
from lookalike.workflows.models import ModelsOptions, list_models


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def listed(*paths):
    return {one.model: one for one in list_models(ModelsOptions(paths=paths)).models}


def test_pretrained_models_come_first(here):
    assert list(listed()) == [one.name for one in PRETRAINED_MODELS] == list(PRETRAINED)


@pytest.mark.network
@pytest.mark.parametrize("described", PRETRAINED_MODELS, ids=lambda one: one.name)
def test_what_is_said_of_a_pretrained_model_is_true(described):
    if not described.installed:
        pytest.skip(f"{described.name} is not installed")
    loaded = Embedder.load(described.name)
    assert (loaded.dimension, loaded.metric, loaded.finds_faces) == (
        described.dimension,
        described.metric,
        described.finds_faces,
    )
    documented = loaded.documented_threshold
    assert (None if documented is None else documented.distance) == described.threshold


def test_a_missing_package_is_named_with_its_extra(here, monkeypatch):
    import importlib.metadata

    def none(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", none)
    found = listed()["dlib"]
    assert (found.ready, found.advice) == (False, "pip install 'lookalike[faces]'")


def test_model_folders_and_onnx_files_of_the_current_folder(here, tiny_model):
    shutil.copytree(tiny_model, here / "models" / "tiny")
    net = linear_onnx(here / "net.onnx", np.eye(48, 5))
    write_card(net, licence="MIT", threshold=0.4, threshold_source="its paper")
    found = listed()
    folder, onnx = found["models/tiny"], found["net.onnx"]
    calibration = Embedder.load(tiny_model).calibration
    assert (folder.kind, folder.dimension, folder.metric, folder.faces) == ("model folder", 32, "cosine", False)
    assert folder.threshold == calibration.threshold()
    assert (
        folder.measured == f"{calibration.source}: at most {calibration.point().target_fmr:g} of impostor pairs match"
    )
    assert (onnx.kind, onnx.dimension, onnx.licence, onnx.threshold) == ("ONNX", 5, "MIT", 0.4)
    assert onnx.measured == "its paper"
    assert all(one.ready for one in found.values() if one.kind != "pretrained")


def test_only_what_is_given_is_looked_at(here, tiny_model, tmp_path):
    linear_onnx(here / "net.onnx", np.eye(48, 5))
    other = tmp_path / "other"
    other.mkdir()
    write_card(linear_onnx(other / "a.onnx", np.eye(48, 5)))
    assert list(listed(tiny_model, other, other / "a.onnx"))[len(PRETRAINED) :] == [str(tiny_model), f"{other}/a.onnx"]
    with pytest.raises(ArtefactError, match="gone does not exist; give model folders, ONNX files or folders"):
        listed("gone")


def test_what_is_damaged_is_listed_with_the_reason(here):
    linear_onnx(here / "bare.onnx", np.eye(48, 5))
    (here / "text.onnx").write_text("no network")
    (here / "broken").mkdir()
    (here / "broken" / "model.toml").write_text("name = 'x'")
    found = listed()
    assert "needs a card, bare.toml" in found["bare.onnx"].advice
    assert "cannot be loaded by onnxruntime" in found["text.onnx"].advice
    assert "model.toml cannot be read" in found["broken"].advice
    assert not any(found[name].ready for name in ("bare.onnx", "text.onnx", "broken"))


def test_a_detector_is_told_from_a_network(here):
    from tests.onnx_files import constant_onnx

    rows = {stride: 2 * (64 // stride) ** 2 for stride in (8, 16, 32)}
    outputs = {f"{width}_{stride}": np.zeros((n, width)) for width in (1, 4, 10) for stride, n in rows.items()}
    constant_onnx(here / "det.onnx", outputs)
    assert (listed()["det.onnx"].kind, listed()["det.onnx"].measured) == ("detector", "scrfd outputs")
    (here / "det.toml").write_text('licence = "MIT"')
    assert listed()["det.onnx"].licence == "MIT"


def test_models_of_the_hub_that_were_fetched(here, empty_cache, tmp_path, monkeypatch):
    from huggingface_hub import constants
    from tests.hub_server import hub_server

    net = linear_onnx(tmp_path / "net.onnx", np.eye(48, 5))
    files = {one.name: one.read_bytes() for one in (net, write_card(net, licence="MIT"))}
    with hub_server({"ada/faces": {"main": files}, "timm/net.in1k": {"main": {"model.safetensors": b"x"}}}) as (url, _):
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
        assert len(listed()) == len(PRETRAINED)
        Embedder.load("hf://ada/faces")
        from huggingface_hub import hf_hub_download

        hf_hub_download("timm/net.in1k", "model.safetensors")
    found = listed()
    assert (found["hf://ada/faces"].kind, found["hf://ada/faces"].licence) == ("hub", "MIT")
    assert found["timm:net.in1k"].metric == "cosine"


def test_no_network_is_loaded(here, tiny_model):
    code = (
        "import sys; from lookalike.workflows.models import ModelsOptions, list_models; "
        f"list_models(ModelsOptions(paths=({str(tiny_model)!r},))); "
        "print([name for name in ('torch', 'dlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
