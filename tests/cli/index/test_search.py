"""`lookalike index search`: ids and distances of a file of queries."""

import csv

import numpy as np


def test_search_prints_and_writes(lookalike, npy, built, tmp_path):
    vectors = np.load(npy)
    np.save(tmp_path / "q.npy", vectors[[5, 700]])
    rows = list(csv.DictReader(lookalike("index", "search", built, tmp_path / "q.npy", "-k", "3").out.splitlines()))
    assert len(rows) == 6
    assert [row["id"] for row in rows if row["rank"] == "1"] == ["5", "700"]
    assert float(rows[0]["distance"]) < 1e-5
    said = lookalike(
        "index", "search", built, tmp_path / "q.npy", "-o", tmp_path / "hits.csv", "--mapped", "--set", "ef_search=300"
    )
    assert said.out == ""
    assert len((tmp_path / "hits.csv").read_text().splitlines()) == 21
    answer = lookalike("index", "search", built, tmp_path / "q.npy", "-k", "1", "--json").document
    assert answer["ids"] == [[5], [700]]


def test_queries_of_another_model(lookalike, refused, built, tmp_path):
    np.save(tmp_path / "q.npy", np.ones((2, 8)))
    refused(lookalike("index", "search", built, tmp_path / "q.npy"), "8 dimensions, expected 32")
