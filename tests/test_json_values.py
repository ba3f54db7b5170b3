"""Results as JSON types."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.json_values import plain


@dataclass
class Point:
    x: float
    where: Path


def test_plain_json_types():
    value = {
        1: Point(float("nan"), Path("a b")),
        "array": np.arange(3, dtype=np.int64),
        "matrix": np.array([[1.5, np.inf]], np.float32),
        "scalar": np.float32(0.5),
        "many": (True, None, "Zoë", -np.inf),
    }
    assert plain(value) == {
        "1": {"x": None, "where": "a b"},
        "array": [0, 1, 2],
        "matrix": [[1.5, None]],
        "scalar": 0.5,
        "many": [True, None, "Zoë", None],
    }
    json.dumps(plain(value), allow_nan=False)
