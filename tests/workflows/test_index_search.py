"""A search as a function: what the index says, as arrays and as a CSV."""

import csv

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.index import build_index
from lookalike.workflows.index_search import IndexSearchOptions, index_search


@pytest.fixture
def folder(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((4, 3)).astype("f")
    build_index(vectors, "hnsw", "euclidean", ids=[10, 20, 30, 40]).save(tmp_path / "x.index")
    np.save(tmp_path / "q.npy", vectors[[2, 0]])
    return tmp_path


def test_what_is_found(folder, capsys):
    options = IndexSearchOptions(
        index=folder / "x.index", queries=folder / "q.npy", output=folder / "hits.csv", k=6, settings={"ef_search": 50}
    )
    events = []
    found = index_search(options, events.append)
    assert found.ids.shape == found.distances.shape == (2, 6)
    assert found.ids[:, 0].tolist() == [30, 10]
    assert (found.ids[:, 4:] == -1).all()
    rows = list(csv.DictReader((folder / "hits.csv").read_text().splitlines()))
    assert [(row["query"], row["rank"]) for row in rows] == [(q, r) for q in "01" for r in "1234"]
    assert [int(row["id"]) for row in rows] == found.ids[:, :4].ravel().tolist()
    assert np.allclose([float(row["distance"]) for row in rows], found.distances[:, :4].ravel(), rtol=1e-6)
    assert (events[-1].done, events[-1].total) == (2, 2)
    assert capsys.readouterr() == ("", "")


def test_a_setting_that_is_none_writes_nothing(folder):
    options = IndexSearchOptions(
        index=folder / "x.index", queries=folder / "q.npy", output=folder / "hits.csv", settings={"nprobe": 5}
    )
    with pytest.raises(InputError, match="nprobe"):
        index_search(options)
    assert not (folder / "hits.csv").exists()
