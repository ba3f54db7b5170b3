"""Kinds side by side: what is measured is what searching shows; peers; what cannot be measured is said."""

import json

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.index import compare_indexes
from lookalike.index.generated_vectors import generated_vectors
from lookalike.index.tuning.candidates import Candidate


@pytest.fixture(scope="module")
def vectors():
    return generated_vectors(3000, 32, per_identity=5)[0]


def test_rows_curves_and_pictures(vectors, tmp_path):
    said = []
    comparison = compare_indexes(vectors, kinds=["exact", "hnsw", "ivf"], recall=0.9, progress=said.append)
    rows = {row["name"]: row for row in comparison.rows()}
    assert set(rows) == {"exact", "hnsw", "ivf"}
    assert rows["exact"]["recall"] == 1
    assert rows["exact"]["bytes_per_vector"] == pytest.approx(32 * 4 + 9)
    assert rows["hnsw"]["recall"] >= 0.9
    assert rows["ivf"]["queries_per_second"] > 0
    assert [r["queries_per_second"] for r in comparison.rows()] == sorted(
        (r["queries_per_second"] for r in comparison.rows()), reverse=True
    )
    content = comparison.to_dict()
    assert json.loads(json.dumps(content)) == content
    assert content["vectors"] == 2700  # 300 were held out
    assert content["queries"] == 300
    assert len(content["curves"]) == 3
    for batch in (False, True):
        comparison.plot(tmp_path / "x.png", batch=batch)
        assert (tmp_path / "x.png").stat().st_size > 10_000
    assert any(line.startswith("hnsw: built in") for line in said)


def test_builds_of_the_caller_and_queries_of_the_caller(vectors):
    builds = [Candidate("hnsw", {"M": 4}), Candidate("hnsw", {"M": 12})]
    comparison = compare_indexes(vectors[:2000], queries=vectors[2000:2100], builds=builds)
    assert comparison.count == 2000
    assert comparison.queries == 100
    few, many = comparison.measured
    assert few.bytes_per_vector < many.bytes_per_vector
    assert few.single[0].recall.mean < many.single[0].recall.mean


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_peers_are_measured_with_their_own_libraries(vectors, metric):
    pytest.importorskip("hnswlib")
    pytest.importorskip("usearch")
    comparison = compare_indexes(vectors[:1500], metric=metric, kinds=["exact"], peers=True, recall=0.8)
    assert comparison.failed == {}
    reached = {entry.name: max(point.recall.mean for point in entry.single) for entry in comparison.measured}
    assert set(reached) == {"exact", "hnswlib", "usearch"}
    assert min(reached.values()) > 0.9


def test_a_peer_that_is_missing_is_said_and_the_rest_is_measured(vectors, monkeypatch):
    monkeypatch.setattr("lookalike.index.tuning.peers.importlib.util.find_spec", lambda name: None)
    comparison = compare_indexes(vectors[:500], kinds=["exact"], peers=True)
    assert "not installed; pip install hnswlib" in comparison.failed["hnswlib"]
    assert [entry.name for entry in comparison.measured] == ["exact"]


def test_bad_input(vectors):
    with pytest.raises(InputError, match="199 vectors are too few"):
        compare_indexes(vectors[:199])
    with pytest.raises(InputError, match="recall is 2"):
        compare_indexes(vectors, recall=2)
    with pytest.raises(InputError, match="nothing could be measured"):
        compare_indexes(vectors[:300], builds=[Candidate("hnsw", {"M": 1})])


def test_unit_vectors_are_not_needed():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 8)) * rng.uniform(0.1, 1000, (600, 1))
    rows = compare_indexes(x, kinds=["hnsw"], recall=0.9).rows()
    assert rows[0]["recall"] >= 0.9
