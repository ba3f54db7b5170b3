"""What is special to ScaNN; all else is in the suite over every kind."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("scann", reason="the scann extra is not installed")

from lookalike.distances import pairwise
from lookalike.errors import ArtefactError, StorageError
from lookalike.index import build_index, load_index


def vectors(n=1500, d=20, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def recall(found, truth):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, truth, strict=True)])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_search_settings_trade_recall_per_call(metric):
    index, queries = build_index(vectors(4000), "scann", metric), vectors(100, seed=1)
    truth = build_index(vectors(4000), "exact", metric).search(queries).ids
    low = recall(index.search(queries, leaves_to_search=1, reorder=1).ids, truth)
    high = recall(index.search(queries, leaves_to_search=4000, reorder=400).ids, truth)
    assert low < 0.5
    assert high > 0.98
    single = np.concatenate([index.search(q[None], leaves_to_search=5).ids for q in queries])
    # ScaNN rounds the scores of a batch otherwise, which changes the last candidates.
    assert recall(single, index.search(queries, leaves_to_search=5).ids) > 0.9


@pytest.mark.parametrize("batch", [1, 5, 300])
def test_fewer_than_k_in_the_leaves_are_completed_exactly(batch):
    # One leaf of 300 holds about 5 vectors; ScaNN answers the rest with NaN (batch) or a shorter row (single).
    index, queries = build_index(vectors(), "scann", "euclidean", leaves=300), vectors(batch, seed=1)
    hits = index.search(queries, k=100, leaves_to_search=1)
    truth = build_index(vectors(), "exact", "euclidean").search(queries, k=100)
    assert (np.sort(hits.ids) == np.sort(truth.ids)).mean() > 0.99
    assert np.isfinite(hits.distances).all()


def test_euclidean_distances_far_from_the_origin_are_true():
    given = (1000 + 0.01 * vectors(2000, 32)).astype(np.float32)
    hits = build_index(given, "scann", "euclidean").search(given[:50], k=5)
    true = [
        pairwise(q[None].astype(float), given[i].astype(float), "euclidean")[0]
        for q, i in zip(given[:50], hits.ids, strict=True)
    ]
    np.testing.assert_allclose(hits.distances, true, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_the_folder_may_move_and_vectors_stay_on_disk(metric, tmp_path):
    index, queries = build_index(vectors(), "scann", metric), vectors(40, seed=1)
    before, in_memory = index.search(queries), index.stats()["bytes"]
    index.save(tmp_path / "a.index")
    assert index.stats()["bytes"] == in_memory - vectors().nbytes
    (tmp_path / "a.index").rename(tmp_path / "b.index")
    assert str(tmp_path) not in (tmp_path / "b.index" / "scann" / "scann_assets.pbtxt").read_text(encoding="utf-8")
    for one in (index, load_index(tmp_path / "b.index"), load_index(tmp_path / "b.index", mapped=True)):
        hits = one.search(queries)
        assert (hits.ids == before.ids).all()
        # ScaNN rounds a batch's scores in the order it met the candidates, which changes from call to call.
        np.testing.assert_allclose(hits.distances, before.distances, rtol=1e-6, atol=1e-6)
        among = np.arange(0, 1500, 100)
        assert (one.search(vectors()[:1], k=1, among=among).ids == 0).all() or metric == "inner_product"
        assert set(one.search(queries, among=among).ids.ravel().tolist()) <= set(among.tolist())
    again = load_index(tmp_path / "b.index")
    again.add(vectors(600, seed=5))  # built anew from the vectors on disk
    assert (
        again.search(queries, leaves_to_search=10**4, reorder=2100).ids
        == build_index(np.concatenate([vectors(), vectors(600, seed=5)]), "exact", metric).search(queries).ids
    ).all()
    again.save(tmp_path / "b.index")
    assert len(load_index(tmp_path / "b.index")) == 2100


def test_a_path_outside_the_folder_is_refused(tmp_path):
    build_index(vectors(), "scann").save(tmp_path / "x.index")
    assets = tmp_path / "x.index" / "scann" / "scann_assets.pbtxt"
    text = assets.read_text(encoding="utf-8").replace("hashed_dataset.npy", "../../other.npy")
    assets.write_text(text, encoding="utf-8")
    import hashlib
    import re

    header = tmp_path / "x.index" / "index.toml"
    digest, name = hashlib.sha256(text.encode()).hexdigest(), re.escape('"scann/scann_assets.pbtxt"]')
    changed = re.sub(
        rf'({name}\nbytes = )\d+(\nsha256 = ")[0-9a-f]+',
        rf"\g<1>{len(text)}\g<2>{digest}",
        header.read_text(encoding="utf-8"),
    )
    header.write_text(changed, encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"names \.\./\.\./other\.npy"):
        load_index(tmp_path / "x.index")


@pytest.mark.parametrize("limit", [200, 20_000])
def test_a_full_disk_is_an_error(tmp_path, small_files, limit):
    index = build_index(vectors(), "scann")
    with small_files(limit), pytest.raises(StorageError, match="free disk space"):
        index.save(tmp_path / "x.index")
    assert not (tmp_path / "x.index").exists()
    assert (index.search(vectors()[:20], k=1).ids[:, 0] == np.arange(20)).all()


def test_it_says_nothing_on_its_own():
    code = (
        "import numpy as np\nfrom lookalike.index import build_index\n"
        "x = np.random.default_rng(0).normal(size=(1500, 8))\nbuild_index(x, 'scann').search(x[:300])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_few_vectors_of_few_dimensions(d, metric, monkeypatch):
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 16)
    for given in (vectors(32, d), np.repeat(vectors(8, d), 8, axis=0), np.zeros((64, d), np.float32)):
        index = build_index(given, "scann", metric, dims_per_block=3)
        assert index.engine is not None
        hits, truth = index.search(given, k=10), build_index(given, "exact", metric).search(given, k=10)
        np.testing.assert_allclose(hits.distances, truth.distances, rtol=1e-5, atol=1e-6)
        assert all(len(set(row)) == 10 for row in hits.ids.tolist())


def test_an_empty_leaf_is_completed_exactly():
    # 20 places hold all vectors, so most of the cells stay empty.
    given = np.repeat(vectors(20), 75, axis=0)
    index = build_index(given, "scann", leaves=1400)
    for query in vectors(40, seed=1):
        hits = index.search(query[None], k=80, leaves_to_search=1, reorder=1)
        assert (hits.ids >= 0).all()
        assert len(set(hits.ids[0].tolist())) == 80
