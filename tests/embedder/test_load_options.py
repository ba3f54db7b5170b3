"""What a model may be told when it is loaded."""

import pytest

from lookalike import Embedder
from lookalike.embedder.load_options import LoadOptions
from lookalike.errors import InputError


def test_unknown_devices_and_precisions():
    with pytest.raises(InputError, match="device is 'gpu'; choose auto, cpu, cuda, mps"):
        LoadOptions(device="gpu")
    with pytest.raises(InputError, match="precision is 'fp16'; choose float32, bfloat16, float16"):
        LoadOptions(precision="fp16")


def test_dlib_runs_on_the_cpu_only():
    pytest.importorskip("dlib")
    with pytest.raises(InputError, match="dlib's faces run on the CPU only; leave out --device cuda"):
        Embedder.load("dlib", device="cuda")
    with pytest.raises(InputError, match="computed in float32 only; leave out --precision float16"):
        Embedder.load("dlib", precision="float16")
    assert Embedder.load("dlib", device="cpu").name == "dlib"
