"""faiss computes with the kernels of this processor."""

import json
import os
import subprocess
import sys

import pytest

from lookalike.index.core.processor_kernels import VARIABLE, numpy_kernels

NAMES = """
import json, numpy, os
from threadpoolctl import threadpool_info
from lookalike.index.core.engine_library import EngineLibrary
def kernels():
    return {one["filepath"]: one["architecture"] for one in threadpool_info() if one["internal_api"] == "openblas"}
before = kernels()
EngineLibrary("faiss").IndexFlatL2(2)
own = {path: name for path, name in kernels().items() if path not in before}
print(json.dumps([sorted(set(before.values())), sorted(set(own.values())), os.environ.get("OPENBLAS_CORETYPE")]))
"""


def kernels_of(**variables):
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE} | variables
    done = subprocess.run(
        [sys.executable, "-c", NAMES], capture_output=True, text=True, timeout=120, check=True, env=environment
    )
    return json.loads(done.stdout)


def test_faiss_uses_the_kernels_of_numpy():
    numpys, faiss, variable = kernels_of()
    if not faiss or not set(numpys) <= {"Haswell", "SkylakeX", "Cooperlake", "SapphireRapids"}:
        pytest.skip(f"numpy computes with {numpys}, faiss with {faiss}: another library, or another processor")
    assert faiss == (["Haswell"] if numpys == ["Haswell"] else ["SkylakeX"])
    assert variable is None


def test_what_the_environment_names_comes_first():
    _, faiss, variable = kernels_of(OPENBLAS_CORETYPE="Nehalem")
    assert variable == "Nehalem"
    assert faiss in (["Nehalem"], [])  # none: it has another library


def test_the_environment_is_as_before(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with numpy_kernels():
        pass
    assert VARIABLE not in os.environ
    monkeypatch.setenv(VARIABLE, "Haswell")
    with numpy_kernels():
        assert os.environ[VARIABLE] == "Haswell"
    assert os.environ[VARIABLE] == "Haswell"
