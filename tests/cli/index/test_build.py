"""`lookalike index build`: from a file of vectors to an index that loads."""

import numpy as np
import pytest

from lookalike.index import load_index


def test_build_and_what_it_says(lookalike, npy, tmp_path):
    said = lookalike(
        "index", "build", npy, "-o", tmp_path / "x.index", "--kind", "hnsw", "--set", "M=8", "--set", "ef_search=99"
    )
    assert said.code == 0
    for stage in ("Reading 2,000 × 32 vectors", "Building hnsw", f"Writing {tmp_path / 'x.index'}"):
        assert f" s  {stage}" in said.err
    assert "2,000 × 32, cosine" in said.out
    index = load_index(tmp_path / "x.index")
    assert (index.kind, index.metric, len(index)) == ("hnsw", "cosine", 2000)
    assert index.spec.build.M == 8
    assert index.spec.search.ef_search == 99


def test_json_metric_and_mahalanobis(lookalike, npy, tmp_path):
    answer = lookalike(
        "index", "build", npy, "-o", tmp_path / "m.index", "--kind", "exact", "--metric", "mahalanobis", "--json"
    )
    assert answer.document["metric"] == "mahalanobis"
    assert load_index(tmp_path / "m.index").covariance.matrix.shape == (32, 32)


def test_a_streamed_build_is_the_same_index(lookalike, npy, tmp_path):
    options = ["--kind", "ivfpq", "--set", "nlist=16", "--set", "nprobe=16", "--set", "store=float32"]
    streamed = lookalike("index", "build", npy, "-o", tmp_path / "s.index", "--stream", "--json", *options)
    assert streamed.code == 0, streamed.err
    vectors = np.load(npy)
    index = load_index(tmp_path / "s.index")
    assert len(index) == 2000
    assert (index.search(vectors[:50], k=1).ids[:, 0] == np.arange(50)).mean() > 0.9
    assert [p.name for p in tmp_path.iterdir() if "s.index" in p.name] == ["s.index"]  # no parts are left


def test_an_index_is_not_replaced_unasked(lookalike, refused, npy, built):
    before = (built / "index.toml").read_bytes()
    refused(lookalike("index", "build", npy, "-o", built), "--replace")
    assert (built / "index.toml").read_bytes() == before
    assert lookalike("index", "build", npy, "-o", built, "--kind", "exact", "--replace").code == 0
    assert load_index(built).kind == "exact"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--kind", "quantum"], "'quantum' is not available"),
        (["--kind", "hnsw", "--set", "M"], "--set 'M' is not NAME=VALUE"),
        (["--kind", "hnsw", "--set", "M=1"], "greater than or equal to 2"),
        (["--kind", "hnsw", "--set", "M=8", "--set", "M=9"], "each name once"),
        (["--kind", "hnsw", "--set", "nlist=8"], "'hnsw' has no setting nlist"),
        (["--kind", "ivfpq", "--metric", "manhattan"], "'ivfpq' cannot search by metric 'manhattan'"),
        (["--kind", "hnsw", "--stream"], "only ivfpq is built from a stream"),
    ],
)
def test_what_cannot_be_built_is_one_line_and_leaves_nothing(lookalike, refused, npy, tmp_path, options, said):
    refused(lookalike("index", "build", npy, "-o", tmp_path / "x.index", *options), said)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["vectors.npy"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "vectors.npy"), (b"not numpy", "vectors.npy"), (None, "vectors.npy")],
)
def test_files_that_hold_no_vectors(lookalike, refused, tmp_path, content, said):
    if content is not None:
        (tmp_path / "vectors.npy").write_bytes(content)
    refused(lookalike("index", "build", tmp_path / "vectors.npy", "-o", tmp_path / "x.index"), said)
    assert not (tmp_path / "x.index").exists()


def test_nan_is_named_by_its_row(lookalike, refused, tmp_path):
    vectors = np.ones((300, 4), np.float32)
    vectors[123, 2] = np.nan
    np.save(tmp_path / "v.npy", vectors)
    refused(lookalike("index", "build", tmp_path / "v.npy", "-o", tmp_path / "x.index", "--kind", "exact"), "123")
