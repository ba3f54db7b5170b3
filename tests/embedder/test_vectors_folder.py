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


def test_names_are_one_however_an_older_folder_spells_them(tiny_model, tmp_path):
    embedder, names = Embedder.load(tiny_model), ["Jose\u0301", "José ", "Bo"]
    write_vectors(tmp_path / "v", np.zeros((3, 32), np.float32), [" a.png", "caf\udce9.png", "c,d"], names, embedder)
    assert "José,".encode() not in (tmp_path / "v" / "pictures.csv").read_bytes()
    assert read_vectors(tmp_path / "v").identities == ("José", "José", "Bo")
    # As versions wrote it that knew no canonical form.
    rows = 'id,path,identity\r\n0, a.png,Jose\u0301\r\n1,caf\udce9.png,José \r\n2,"c,d",Bo\r\n'
    (tmp_path / "v" / "pictures.csv").write_text(rows, "utf-8", "surrogateescape", newline="")
    stored = read_vectors(tmp_path / "v")
    assert stored.identities == ("José", "José", "Bo")
    assert stored.paths == (" a.png", "caf\udce9.png", "c,d")


def test_a_damaged_list_of_pictures(tiny_model, tmp_path):
    write_vectors(tmp_path / "v", np.zeros((1, 32), np.float32), ["a"], ["Smith, John"], Embedder.load(tiny_model))
    (tmp_path / "v" / "pictures.csv").write_text("id,path,identity\n0,a,Smith, John\n")
    with pytest.raises(ArtefactError, match=r"not a whole vectors folder: .*line 2: .* has 4 field"):
        read_vectors(tmp_path / "v")
