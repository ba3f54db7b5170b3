"""What SVS' graph compares: the vectors, or codes of them, a half to an eighth of their size.

Most of a graph's search is waiting for vectors from anywhere in memory, so shorter ones are found sooner. SVS has
locally adaptive quantisation, LVQ (Aguerrebere et al., "Similarity search in the blink of an eye with compressed
indices", VLDB 2023), and LeanVec, which also turns the vectors into fewer numbers (Tepper et al., "LeanVec", 2023).
Both are for Intel's processors; on others SVS refuses them.

Codes are learned around vectors of usual size: LVQ keeps the span of each vector as a 16-bit number. So vectors whose
numbers are very large or very small are multiplied by a power of two first, which changes no digit.
"""

from __future__ import annotations

import functools
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lookalike.errors import InputError, StorageError
from lookalike.index.core.engine_library import EngineLibrary

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats

__all__ = [
    "Code",
    "code_bytes",
    "code_works",
    "coded_graph",
    "codes_of_intel_work",
    "data_loader",
    "reduced_dimension",
    "scale_for",
]

svs, processors = EngineLibrary("svs"), EngineLibrary("archspec.cpu")

#: `float32` is no code: the vectors themselves.
Code = Literal["float32", "float16", "lvq8", "lvq4x8", "leanvec"]

#: Bits a number of LVQ's first and second level.
_LVQ = {"lvq8": (8, 0), "lvq4x8": (4, 8)}
#: SVS puts every code at a multiple of so many bytes.
_ALIGNED = 32
#: A code's own offset and span, two 16-bit numbers.
_CONSTANTS = 4
#: Vectors written to the file from which SVS makes codes at a time.
_BLOCK = 65_536
#: Numbers up to this power of two, and down to its inverse, stay as they are.
_USUAL = 8


def reduced_dimension(dimension: int) -> int:
    """Numbers that LeanVec compares first, of so many: a sixth, a multiple of 32, at least 64.

    Of 784 numbers 128 were faster than 160 and 192 at equal recall; of 128, 64.

    Example:
        >>> reduced_dimension(784), reduced_dimension(512), reduced_dimension(128)
        (128, 96, 64)
    """
    return min(dimension, max(64, round(dimension / 192) * 32))


def _aligned(size: float) -> int:
    return math.ceil(size / _ALIGNED) * _ALIGNED


def code_bytes(code: Code, dimension: int) -> int:
    """Bytes of what the graph keeps for one vector, near enough."""
    if code in ("float32", "float16"):
        return dimension * (4 if code == "float32" else 2)
    if code == "leanvec":
        return _aligned(reduced_dimension(dimension) + _CONSTANTS) + _aligned(dimension + _CONSTANTS)
    first, second = _LVQ[code]
    # Half bytes are kept for 128 numbers at a time.
    compared = dimension if first == 8 else 64 * math.ceil(dimension / 128)
    return _aligned(compared + _CONSTANTS) + math.ceil(dimension * second / 8)


def code_works(code: Code) -> bool:
    """Whether SVS makes this code on this processor."""
    return code in ("float32", "float16") or codes_of_intel_work()


@functools.cache
def codes_of_intel_work() -> bool:
    """Whether this processor is one that LVQ and LeanVec are for."""
    if processors.host().vendor != "GenuineIntel":  # asked as SVS itself asks
        return False
    try:
        coded_graph(np.eye(64, dtype=np.float32), "lvq8", svs.VamanaBuildParameters(graph_max_degree=8), "L2", 1)
    except (RuntimeError, InputError):
        return False
    return True


def scale_for(code: Code, vectors: Floats) -> float:
    """The power of two by which vectors are multiplied before they are coded, and queries before they are compared."""
    if code == "float32" or not vectors.size:
        return 1.0
    largest = max(float(vectors.max()), -float(vectors.min()))
    exponent = math.frexp(largest)[1] if largest else 0
    return 1.0 if abs(exponent) <= _USUAL else math.ldexp(1.0, max(-126, min(126, -exponent)))


def coded_graph(vectors: Floats, code: Code, parameters: Any, distance: str, threads: int) -> Any:
    """SVS' graph over codes of `(n, d)` float32 vectors.

    Args:
        vectors: already scaled.
        code: see the module.
        parameters: `svs.VamanaBuildParameters`.
        distance: `L2` or `MIP`.
        threads: that build.

    Raises:
        RuntimeError: SVS could not, for example on another processor.
        StorageError: the temporary file could not be written.
    """
    measure = getattr(svs.DistanceType, distance)
    if code == "float32":
        return svs.Vamana.build(parameters, vectors, measure, num_threads=threads)
    if code == "float16":
        return svs.Vamana.build(parameters, vectors.astype(np.float16), measure, num_threads=threads)
    with tempfile.TemporaryDirectory(prefix="lookalike-svs-") as folder:
        path = Path(folder) / "vectors.fvecs"
        _write(path, vectors)
        given = svs.VectorDataLoader(str(path), svs.DataType.float32, vectors.shape[1])
        if code == "leanvec":
            loader = svs.LeanVecLoader(given, reduced_dimension(vectors.shape[1]), alignment=_ALIGNED)
        else:
            first, second = _LVQ[code]
            loader = svs.LVQLoader(given, first, second, padding=_ALIGNED)
        return svs.Vamana.build(parameters, loader, measure, num_threads=threads)


def _write(path: Path, vectors: Floats) -> None:
    """The format `fvecs`: each row behind its length. SVS makes codes from files only."""
    rows = np.empty(min(_BLOCK, len(vectors)), [("length", "<i4"), ("numbers", "<f4", vectors.shape[1])])
    rows["length"] = vectors.shape[1]
    try:
        with path.open("wb") as file:
            for start in range(0, len(vectors), _BLOCK):
                part = vectors[start : start + _BLOCK]
                rows["numbers"][: len(part)] = part
                file.write(rows[: len(part)].data)
    except OSError as error:
        size = len(vectors) * rows.itemsize
        raise StorageError(
            f"{path.parent}: could not write {size / 2**30:.2f} GiB of vectors for SVS ({error.strerror}); free disk "
            "space there, or set TMPDIR to another folder"
        ) from error


def data_loader(folder: Path, code: Code) -> Any:
    """What loads the codes that SVS has written into `folder`."""
    if code == "leanvec":
        return svs.LeanVecLoader(str(folder), alignment=_ALIGNED)
    if code in _LVQ:
        return svs.LVQLoader(str(folder), padding=_ALIGNED)
    return svs.VectorDataLoader(str(folder), getattr(svs.DataType, code))
