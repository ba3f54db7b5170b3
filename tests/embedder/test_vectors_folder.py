"""The vectors folder."""

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.embedder import vectors_folder
from lookalike.embedder.vectors_folder import read_vectors, write_vectors
from lookalike.errors import ArtefactError, StorageError


@pytest.mark.parametrize("count", [0, 1, 7])
def test_round_trip_over_shards(tiny_model, tmp_path, monkeypatch, count):
    monkeypatch.setattr(vectors_folder, "SHARD", 3)
    embedder = Embedder.load(tiny_model)
    vectors = np.random.default_rng(0).normal(size=(count, 32)).astype(np.float32)
    paths = [f'a "quoted", {i}\nname.png' for i in range(count)]
    write_vectors(tmp_path / "v", vectors, paths, ["Zoë"] * count, embedder)
    stored = read_vectors(tmp_path / "v")
    assert (stored.vectors == vectors).all()
    assert stored.paths == tuple(paths)
    assert stored.identities == ("Zoë",) * count
    assert stored.ids.tolist() == list(range(count))
    assert (stored.fingerprint, stored.metric) == (embedder.fingerprint, "cosine")


def test_bad_folders_are_said(tiny_model, tmp_path):
    embedder = Embedder.load(tiny_model)
    with pytest.raises(ArtefactError, match="is not a whole vectors folder"):
        read_vectors(tmp_path)
    write_vectors(tmp_path / "v", np.zeros((2, 32), np.float32), ["a", "b"], ["a", "b"], embedder)
    with pytest.raises(StorageError, match="--replace"):
        write_vectors(tmp_path / "v", np.zeros((2, 32), np.float32), ["a", "b"], ["a", "b"], embedder)
    np.save(tmp_path / "v" / "ids.npy", np.arange(3))
    with pytest.raises(ArtefactError, match="2 vectors, 3 ids, 2 pictures"):
        read_vectors(tmp_path / "v")
    np.save(tmp_path / "v" / "ids.npy", np.array([{}], dtype=object))
    with pytest.raises(ArtefactError, match="not a whole vectors folder"):  # a pickle is never opened
        read_vectors(tmp_path / "v")
