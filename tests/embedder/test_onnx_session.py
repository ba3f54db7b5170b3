"""What an ONNX file expects is read from it; what is no network of pictures is refused in one line."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.onnx_files import linear_onnx, save_onnx

from lookalike.embedder.onnx_session import OnnxSession, onnx_digest
from lookalike.errors import ArtefactError, InputError, MissingDependencyError

EYE = np.eye(48, 5)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("NCHW", 3, (4, 4), None)),
        ({"batch": 1}, ("NCHW", 3, (4, 4), 1)),
        ({"layout": "NHWC", "batch": 2}, ("NHWC", 3, (4, 4), 2)),
        ({"channels": 1, "size": (6, 8)}, ("NCHW", 1, (6, 8), None)),
    ],
)
def test_the_input_is_read_from_the_file(tmp_path, more, expected):
    matrix = EYE if more.get("channels", 3) == 3 else np.eye(48, 5)
    found = OnnxSession(linear_onnx(tmp_path / "net.onnx", matrix, **more)).input
    assert (found.layout, found.channels, found.size, found.batch) == expected


def test_a_size_that_is_left_open(tmp_path):
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["mean"]), helper.make_node("Flatten", ["mean"], ["y"])]
    path = save_onnx(tmp_path / "net.onnx", nodes, [("x", ["n", "c", "h", "w"])], [("y", ["n", 3])])
    found = OnnxSession(path).input
    assert (found.layout, found.channels, found.size, found.batch) == ("NCHW", 3, None, None)
    assert str(found) == "any size, 3 channels, NCHW"


def test_what_takes_no_batch_of_pictures_is_refused(tmp_path):
    add = [helper.make_node("Add", ["x", "z"], ["y"])]
    pair = save_onnx(tmp_path / "a.onnx", add, [("x", [1, 3, 4, 4]), ("z", [1, 3, 4, 4])], [("y", [1, 3, 4, 4])])
    with pytest.raises(InputError, match=r"has 2 inputs \(x, z\); expected one, a batch of pictures"):
        OnnxSession(pair)
    relu = [helper.make_node("Relu", ["x"], ["y"])]
    text = save_onnx(tmp_path / "b.onnx", relu, [("x", [1, 77])], [("y", [1, 77])])
    with pytest.raises(InputError, match="is 1×77; expected pictures: batch, channels, height, width"):
        OnnxSession(text)
    many = save_onnx(tmp_path / "c.onnx", relu, [("x", [1, 5, 4, 4])], [("y", [1, 5, 4, 4])])
    with pytest.raises(InputError, match="is 1×5×4×4; expected pictures of 1 or 3 channels"):
        OnnxSession(many)


def test_whole_numbers_are_taken_where_the_file_wants_them(tmp_path):
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)]
    graph = helper.make_graph(
        nodes,
        "bytes",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 4, 4])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "a.onnx")
    assert OnnxSession(tmp_path / "a.onnx").input.dtype == np.uint8


def test_a_missing_or_damaged_file(tmp_path):
    with pytest.raises(ArtefactError, match=r"gone\.onnx does not exist; give an ONNX file"):
        OnnxSession(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ArtefactError, match=r"text\.onnx cannot be loaded by onnxruntime: ") as caught:
        OnnxSession(tmp_path / "text.onnx")
    assert "\n" not in str(caught.value)


def test_a_batch_that_it_cannot_take(tmp_path):
    session = OnnxSession(linear_onnx(tmp_path / "net.onnx", EYE, batch=1))
    with pytest.raises(InputError, match=r"net\.onnx cannot take a batch of 1×3×5×5: "):
        session.run(np.zeros((1, 3, 5, 5), np.float32))


def test_a_device_that_is_not_there(tmp_path):
    import onnxruntime

    path = linear_onnx(tmp_path / "net.onnx", EYE)
    for device, provider in (("cuda", "CUDAExecutionProvider"), ("mps", "CoreMLExecutionProvider")):
        if provider not in onnxruntime.get_available_providers():
            with pytest.raises(InputError, match=rf"--device {device}: the installed onnxruntime runs on .* only"):
                OnnxSession(path, device)
    assert OnnxSession(path, "cpu").run(np.ones((2, 3, 4, 4), np.float32))[0].shape == (2, 5)


def test_without_onnxruntime_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"net\.onnx needs onnxruntime.*pip install 'lookalike\[onnx\]'"):
        OnnxSession(tmp_path / "net.onnx")


def test_the_digest_covers_weights_in_a_file_beside_it(tmp_path):
    model = onnx.load(linear_onnx(tmp_path / "whole.onnx", np.ones((48, 40))))
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, location="net.weights", size_threshold=0)
    before = onnx_digest(tmp_path / "net.onnx")
    assert OnnxSession(tmp_path / "net.onnx").run(np.ones((1, 3, 4, 4), np.float32))[0].tolist() == [[48.0] * 40]
    weights = tmp_path / "net.weights"
    weights.write_bytes(bytes(4) + weights.read_bytes()[4:])
    assert onnx_digest(tmp_path / "net.onnx") != before
    weights.unlink()
    with pytest.raises(ArtefactError, match=r"keeps its weights in net\.weights, which is not beside it"):
        onnx_digest(tmp_path / "net.onnx")
