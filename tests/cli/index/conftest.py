"""Vectors in files, as users bring them."""

import numpy as np
import pytest

from lookalike.index.generated_vectors import generated_vectors


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    """A terminal in which no table is folded."""
    monkeypatch.setenv("COLUMNS", "300")


@pytest.fixture
def npy(tmp_path):
    """2,000 × 32 vectors."""
    np.save(tmp_path / "vectors.npy", generated_vectors(2000, 32, per_identity=4)[0])
    return tmp_path / "vectors.npy"


@pytest.fixture
def built(lookalike, npy, tmp_path):
    """An index over them."""
    assert lookalike("index", "build", npy, "-o", tmp_path / "x.index", "--kind", "hnsw", "--set", "M=8").code == 0
    return tmp_path / "x.index"
