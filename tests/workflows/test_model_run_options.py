"""Every workflow that embeds takes a device, a precision and a detector, and passes them on."""

import dataclasses

import numpy as np
import pytest
from tests.onnx_files import linear_onnx, write_card

from lookalike.errors import InputError
from lookalike.workflows.detect import DetectOptions
from lookalike.workflows.embed import EmbedOptions, embed
from lookalike.workflows.enroll import EnrollOptions
from lookalike.workflows.evaluate import EvaluateOptions
from lookalike.workflows.identify import IdentifyOptions
from lookalike.workflows.loaded_model import load_model
from lookalike.workflows.model_run_options import ModelRunOptions
from lookalike.workflows.verify import VerifyOptions

WORKFLOWS = [DetectOptions, EmbedOptions, EnrollOptions, EvaluateOptions, IdentifyOptions, VerifyOptions]


@pytest.mark.parametrize("options", WORKFLOWS)
def test_the_options_are_the_same_everywhere(options):
    fields = {field.name: field.default for field in dataclasses.fields(options)}
    assert {name: fields[name] for name in ("device", "precision", "detector")} == dataclasses.asdict(ModelRunOptions())


def test_they_reach_the_model(tmp_path, people_folder):
    net = linear_onnx(tmp_path / "net.onnx", np.eye(48, 5))
    write_card(net)
    with pytest.raises(InputError, match="computes in the precision it was exported in"):
        load_model(net, run=ModelRunOptions(precision="bfloat16"))
    with pytest.raises(InputError, match="leave the detector out"):
        embed(EmbedOptions(data=people_folder, model=net, output=tmp_path / "v", detector=tmp_path / "det.onnx"))
    with pytest.raises(InputError, match="dlib's faces run on the CPU only"):
        load_model("dlib", run=ModelRunOptions(device="cuda"))
