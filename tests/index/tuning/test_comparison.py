"""Kinds side by side: what is measured is what searching shows; others' engines; why something cannot be measured."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from lookalike.errors import InputError
from lookalike.index import Hits, compare_indexes
from lookalike.index.core.kind import Candidate, RecallSetting
from lookalike.index.generated_vectors import generated_vectors


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
    stages = [event.stage for event in said]
    assert list(dict.fromkeys(stages)) == ["Exact neighbours among 2,700 vectors", "Measuring 3 indexes"]
    details = [event.detail for event in said]
    assert "hnsw M=16, ef_construction=100: building" in details
    assert any(detail.startswith("hnsw M=16, ef_construction=100: built in ") for detail in details)
    assert (said[-1].done, said[-1].total) == (3, 3)


def test_builds_of_the_caller_and_queries_of_the_caller(vectors):
    builds = [Candidate("hnsw", {"M": 4}), Candidate("hnsw", {"M": 12})]
    comparison = compare_indexes(vectors[:2000], queries=vectors[2000:2100], builds=builds)
    assert comparison.count == 2000
    assert comparison.queries == 100
    few, many = comparison.measured
    assert few.bytes_per_vector < many.bytes_per_vector
    assert few.single[0].recall.mean < many.single[0].recall.mean


class SomeColumns:
    """An engine of another library: compares the first columns only, as many as it is told to."""

    name, settings, recall_setting = "columns", {"order": "given"}, RecallSetting("columns", lambda count: 32)

    def __init__(self):
        self.given = []

    def build(self, vectors, metric):
        self.given.append((vectors, metric))
        if metric == "inner_product":
            raise InputError("columns cannot search by inner_product")
        return SomeColumnsBuilt(vectors)


class SomeColumnsBuilt:
    def __init__(self, vectors):
        self.vectors, self.bytes = vectors, vectors.nbytes

    def __len__(self):
        return len(self.vectors)

    def search(self, queries, k, *, columns):
        distances = cdist(queries[:, :columns], self.vectors[:, :columns])
        ids = np.argsort(distances, axis=1)[:, :k]
        return Hits(ids, np.take_along_axis(distances, ids, 1).astype(np.float32))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_another_engine_is_measured_beside_ours(vectors, metric, tmp_path):
    engine = SomeColumns()
    given = vectors[:600] * 3
    comparison = compare_indexes(given, metric=metric, kinds=["exact"], engines=[engine], recall=0.9)
    ours, other = comparison.measured
    assert (ours.name, other.name, other.label) == ("exact", "columns", "columns order=given")
    recalls = {point.settings["columns"]: point.recall.mean for point in other.single}
    assert recalls[10] < 0.9 < recalls[32] == 1
    assert other.bytes_per_vector == 32 * 4
    ((built, by),) = engine.given
    assert by == metric
    assert np.allclose(np.linalg.norm(built, axis=1), 1 if metric == "cosine" else 3, atol=1e-5)
    comparison.plot(tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 10_000


def test_why_an_engine_is_not_measured_is_reported_and_the_rest_is_measured(vectors):
    events = []
    comparison = compare_indexes(
        vectors[:500], metric="inner_product", kinds=["exact"], engines=[SomeColumns()], progress=events.append
    )
    assert comparison.failed == {"columns": "columns cannot search by inner_product"}
    assert [entry.name for entry in comparison.measured] == ["exact"]
    warnings = [event.warning for event in events if event.warning]
    assert warnings == ["columns was not measured: columns cannot search by inner_product"]


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
