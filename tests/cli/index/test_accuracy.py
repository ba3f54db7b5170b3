"""`lookalike index accuracy`: what an index loses on a labelled folder of vectors."""


def test_identifications_lost(lookalike, people_folder, tiny_model, npy, tmp_path):
    assert lookalike("embed", people_folder, "--model", tiny_model, "-o", tmp_path / "v").code == 0
    said = lookalike("index", "accuracy", tmp_path / "v", "--kind", "hnsw")
    assert said.code == 0, said.err
    assert "40 vectors enrolled, 8 probes with a mate, index hnsw" in said.out
    assert "loses 0 identifications" in said.out
    answer = lookalike("index", "accuracy", tmp_path / "v", "--kind", "exact", "--distractors", npy, "--json").document
    assert (answer["gallery"], answer["probes"], answer["lost"]) == (2040, 8, 0)


def test_vectors_without_labels(lookalike, refused, npy):
    refused(lookalike("index", "accuracy", npy), "vectors.npy")
