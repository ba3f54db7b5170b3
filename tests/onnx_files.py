"""ONNX files whose outputs are known by construction, for tests."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: What the detectors of these tests see at once, and a face in it: box (left, top, right, bottom), five landmarks.
SIDE = 64
BOX = np.array([16.0, 14.0, 46.0, 48.0])
POINTS = np.array([[25.0, 24.0], [37.0, 24.0], [31.0, 31.0], [26.0, 40.0], [36.0, 40.0]])


def save_onnx(path: Path, nodes, inputs, outputs, weights=None, metadata=None) -> Path:
    """Write a graph; `inputs` and `outputs` are (name, shape), `weights` arrays by name."""
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()]
    graph = helper.make_graph(
        nodes,
        "known",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def linear_onnx(path: Path, matrix, size=(4, 4), channels=3, batch="n", layout="NCHW", **more) -> Path:
    """A network that gives `matrix.T @ the numbers of its input`: matrix `(channels·h·w, d)`."""
    matrix = np.asarray(matrix, np.float32)
    shape = [batch, channels, *size] if layout == "NCHW" else [batch, *size, channels]
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["vector"])]
    return save_onnx(path, nodes, [("x", shape)], [("vector", [batch, matrix.shape[1]])], {"w": matrix}, **more)


def constant_onnx(path: Path, outputs, size=(64, 64), dynamic=False) -> Path:
    """A network that gives the same arrays, by name, for every picture."""
    shape = [1, 3, "h", "w"] if dynamic else [1, 3, *size]
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["no"]),
    ]
    nodes.extend(helper.make_node("Add", [f"of_{name}", "no"], [name]) for name in outputs)
    weights = {f"of_{name}": np.asarray(value, np.float32) for name, value in outputs.items()}
    described = [(name, list(np.shape(value))) for name, value in outputs.items()]
    return save_onnx(path, nodes, [("x", shape)], described, weights | {"zero": np.float32(0)})


def write_card(onnx_file: Path, **fields) -> Path:
    """The card of an ONNX file; by default pixels as they are, of the whole picture."""
    import tomli_w

    card = onnx_file.with_suffix(".toml")
    card.write_text(tomli_w.dumps({"alignment": "none", "mean": 0.0, "std": 1.0} | fields), "utf-8")
    return card


def faces_of_scrfd(faces, side=SIDE, landmarks=True):
    """Outputs that hold faces: (score, box, anchor's number at stride 8)."""
    rows = {stride: 2 * (side // stride) ** 2 for stride in (8, 16, 32)}
    scores, boxes, points = ({s: np.zeros((n, w)) for s, n in rows.items()} for w in (1, 4, 10))
    for score, box, at in faces:
        cell = at // 2
        centre = np.array([cell % (side // 8), cell // (side // 8)]) * 8
        scores[8][at] = score
        boxes[8][at] = np.concatenate([centre - box[:2], box[2:] - centre]) / 8
        points[8][at] = ((POINTS + box[:2] - BOX[:2] - centre) / 8).ravel()
    named = {"score": scores, "bbox": boxes} | ({"kps": points} if landmarks else {})
    return {f"{name}_{stride}": one for name, by in named.items() for stride, one in by.items()}
