"""`lookalike index compare`: kinds side by side, as a table, JSON and pictures."""

import json


def test_kinds_side_by_side(lookalike, npy, tmp_path):
    said = lookalike("index", "compare", npy, "-o", tmp_path / "c", "--kinds", "exact,hnsw", "--recall", "0.9")
    assert said.code == 0, said.err
    for word in ("exact", "hnsw", "Bytes/vector", "1,800 × 32, cosine; 200 queries not indexed"):
        assert word in said.out
    stored = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert {row["name"] for row in stored["rows"]} == {"exact", "hnsw"}
    for picture in ("single.png", "batch.png"):
        assert (tmp_path / "c" / picture).stat().st_size > 10_000


def test_generated_vectors(lookalike, refused, tmp_path):
    answer = lookalike(
        "index", "compare", "generated:1kx16", "-o", tmp_path / "c", "--kinds", "exact", "--json"
    ).document
    assert (answer["vectors"], answer["dimension"]) == (1000, 16)
    refused(lookalike("index", "compare", "generated:lots", "-o", tmp_path / "c"), "generated:COUNTxDIM")


def test_an_unknown_kind(lookalike, refused, npy, tmp_path):
    refused(
        lookalike("index", "compare", npy, "-o", tmp_path / "c", "--kinds", "hnsw,annoy"), "'annoy' is not available"
    )
