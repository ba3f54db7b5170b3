"""`lookalike index show`: what is in the folder."""


def test_show(lookalike, built):
    said = lookalike("index", "show", built)
    assert "hnsw" in said.out
    assert "2,000 × 32, cosine" in said.out
    assert "M=8" in said.out
    assert lookalike("index", "show", built, "--json").document["count"] == 2000


def test_no_index(lookalike, refused, tmp_path):
    refused(lookalike("index", "show", tmp_path), "holds no index.toml")
