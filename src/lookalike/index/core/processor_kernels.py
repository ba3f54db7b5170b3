"""Let an engine's OpenBLAS use the matrix kernels that numpy's uses.

faiss' wheel carries an OpenBLAS of 2021 (0.3.15), which takes an Intel processor that came later for one of 2004: it
computes with SSE3 alone, and k-means and exact search of many queries take 3 to 5 times as long. The OpenBLAS in
numpy's wheel is newer and knows the processor. Which kernels are used is settled when the library is loaded, by the
variable OPENBLAS_CORETYPE (OpenBLAS' user manual, "Environment variables").
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["numpy_kernels"]

VARIABLE = "OPENBLAS_CORETYPE"
#: Kernels that numpy's OpenBLAS may use -> the same, by the names of OpenBLAS 0.3.15. Where a processor is not among
#: them, both libraries find it by themselves.
_KERNELS = {
    "Haswell": "Haswell",
    "SkylakeX": "SkylakeX",
    "Cooperlake": "SkylakeX",
    "SapphireRapids": "SkylakeX",
}


@contextmanager
def numpy_kernels() -> Iterator[None]:
    """An OpenBLAS that is loaded meanwhile uses the kernels of numpy's; one that the environment names comes first.

    Libraries that are loaded already keep theirs.

    Example:
        >>> with numpy_kernels():
        ...     import faiss
    """
    wanted = None if VARIABLE in os.environ else _of_numpy()
    if wanted is None:
        yield
        return
    os.environ[VARIABLE] = wanted
    try:
        yield
    finally:
        del os.environ[VARIABLE]


def _of_numpy() -> str | None:
    """The kernels of the OpenBLAS that is loaded; None where there is none, or they differ or are unknown."""
    import numpy  # noqa: F401 - so that its library is loaded
    from threadpoolctl import threadpool_info

    # Not named after numpy: a system's numpy uses the system's OpenBLAS, which is as good a judge.
    found = {_KERNELS.get(one["architecture"]) for one in threadpool_info() if one["internal_api"] == "openblas"}
    return found.pop() if len(found) == 1 else None
