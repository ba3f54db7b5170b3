"""The model that a workflow is told to use."""

import shutil

import pytest

from lookalike import Embedder
from lookalike.errors import ArtefactError, FingerprintError, InputError
from lookalike.workflows.loaded_model import load_model


def test_a_calibration_that_lies_elsewhere(tiny_model, tmp_path):
    own = Embedder.load(tiny_model).calibration
    file = tmp_path / "elsewhere.json"
    file.write_text(own.model_copy(update={"source": "others"}).model_dump_json(), "utf-8")
    assert load_model(tiny_model).calibration == own
    assert load_model(tiny_model, calibration=file).calibration.source == "others"
    file.write_text(own.model_copy(update={"fingerprint": "another"}).model_dump_json(), "utf-8")
    with pytest.raises(FingerprintError, match="was measured with model another"):
        load_model(tiny_model, calibration=file)


def test_scales_as_text_and_as_numbers(tiny_model):
    plain = load_model(tiny_model)
    assert load_model(tiny_model, scales="1").fingerprint == plain.fingerprint
    assert load_model(tiny_model, scales=[1]).fingerprint == plain.fingerprint
    for scales in ("big", "0.7,", 2.0, ["big"]):
        with pytest.raises(InputError, match=r"such as 0\.7,1,1\.4"):
            load_model(tiny_model, scales=scales)
    with pytest.raises(InputError, match="scales are"):
        load_model(tiny_model, scales=(1, 1))


def test_a_model_that_is_none(tmp_path, tiny_model):
    with pytest.raises(ArtefactError, match="there is no model"):
        load_model(tmp_path / "none")
    damaged = shutil.copytree(tiny_model, tmp_path / "m")
    (damaged / "model.toml").write_text("format_version = 1\n")
    with pytest.raises(ArtefactError, match="damaged"):
        load_model(damaged)
