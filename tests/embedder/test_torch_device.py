"""Devices that are there, and what is said of those that are not; precisions."""

import numpy as np
import pytest
import torch

from lookalike import Embedder
from lookalike.embedder.torch_device import in_precision, torch_device
from lookalike.errors import InputError


def test_auto_is_the_gpu_where_there_is_one():
    assert torch_device("cpu").type == "cpu"
    assert torch_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("name", "there"), [("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)]
)
def test_a_device_that_is_not_there(name, there):
    if there():
        assert torch_device(name).type == name
        return
    with pytest.raises(InputError, match=f"--device {name}: .*; leave out --device for the CPU"):
        torch_device(name)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_product_is_computed_in_the_precision(precision):
    x = torch.ones(4, 4)
    with in_precision(torch.device("cpu"), precision):
        assert (x @ x).dtype == getattr(torch, precision)


@pytest.mark.network
def test_a_model_in_less_precision_is_the_same_model(tiny_model, orl):
    """Its vectors are as near as eight bits of mantissa make them, float32, and of unit length; thresholds stay."""
    full, half = Embedder.load(tiny_model), Embedder.load(tiny_model, precision="bfloat16")
    a, b = full.embed(orl.paths[:8]), half.embed(orl.paths[:8])
    assert b.dtype == np.float32
    assert not (a == b).all()
    assert np.linalg.norm(b, axis=1) == pytest.approx(np.ones(8), abs=1e-5)
    assert (a * b).sum(1).min() > 0.98
    assert half.fingerprint == full.fingerprint
    assert half.at_scales([1.0], flip_average=True).embed(orl.paths[:1]).dtype == np.float32


def test_models_refuse_a_device_before_weights_are_read(tmp_path):
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="--device cuda"):
            Embedder.load(tmp_path, device="cuda")
