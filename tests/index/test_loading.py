"""Folders that were written before kinds became one file each are read as they were meant."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.index import load_index
from lookalike.index.kinds.registry import KINDS

FIXTURES = Path(__file__).parent / "fixtures"
#: As they were set when the folders were written.
SETTINGS = {
    "exact": {},
    "trees": {"n_trees": 3, "search_k": 100_000},
    "nsw": {"M": 4, "ef_construction": 100, "ef_search": 200},
    "hnsw": {"M": 4, "ef_construction": 100, "ef_search": 200},
    "ivf": {"nlist": 4, "nprobe": 1000},
    "ivfpq": {
        "nlist": 4,
        "code": "fastscan",
        "m": 0,
        "opq": False,
        "store": "float32",
        "nprobe": 1000,
        "rerank": 1000,
    },
    "vamana": {"degree": 8, "window": 40, "search_window": 200, "code": "float32"},
    "scann": {
        "leaves": 4,
        "dims_per_block": 2,
        "anisotropic_threshold": 0.3,
        "soar": 0.7,
        "overretrieve": 1.1,
        "avq": 2.0,
        "leaves_to_search": 1000,
        "reorder": 1000,
    },
}


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("kind", SETTINGS)
def test_version_2_is_read(kind, mapped, tmp_path, monkeypatch):
    """40 × 6, cosine, ids from 100, three removed, with an engine; nearest of its first two vectors."""
    if not KINDS[kind].installed:
        pytest.skip(f"{kind} is not installed")
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 32)
    index = load_index(FIXTURES / f"version-2-{kind}.index", mapped=mapped)
    assert (index.kind, index.metric, index.fingerprint, len(index)) == (kind, "cosine", "0123abcd", 37)
    assert {**index.spec.build.model_dump(), **index.spec.search.model_dump()} == SETTINGS[kind]
    assert index.tuned == {"recall": 0.97, "k": 10}
    queries = np.random.default_rng(0).normal(size=(40, 6)).astype("f")[:2]
    assert 110 not in index
    hits = index.search(queries, k=3)
    assert hits.ids.tolist() == [[100, 112, 106], [101, 104, 108]]
    np.testing.assert_allclose(hits.distances, [[0, 0.258850, 0.273782], [0, 0.085410, 0.177900]], atol=1e-5)
    if not mapped:
        assert index.add(queries[:1]).tolist() == [140]
        index.save(tmp_path / "now.index")
        assert load_index(tmp_path / "now.index").search(queries, k=3).ids[1].tolist() == [101, 104, 108]
