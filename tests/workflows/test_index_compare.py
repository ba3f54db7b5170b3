"""A comparison as a function: figures and pictures in the folder are those of the result; nothing is printed."""

import json

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.index.generated_vectors import generated_vectors
from lookalike.workflows.index_compare import IndexCompareOptions, index_compare


def test_what_is_written_is_what_is_returned(tmp_path, capsys):
    np.save(tmp_path / "v.npy", generated_vectors(600, 16)[0])
    events = []
    options = IndexCompareOptions(
        vectors=tmp_path / "v.npy", output=tmp_path / "c", kinds=["exact", "hnsw"], recall=0.8, metric="euclidean"
    )
    compared = index_compare(options, events.append)
    stored = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert {"output": str(tmp_path / "c"), **stored} == json.loads(json.dumps(compared.to_dict()))
    assert (stored["vectors"], stored["queries"], stored["metric"]) == (540, 60, "euclidean")
    assert all((tmp_path / "c" / name).stat().st_size > 10_000 for name in ("single.png", "batch.png"))
    assert list(dict.fromkeys(event.stage for event in events)) == [
        "Reading 600 × 16 vectors",
        "Exact neighbours among 540 vectors",
        "Measuring 2 indexes",
    ]
    assert capsys.readouterr() == ("", "")


def test_generated_vectors_have_probes_of_their_own(tmp_path):
    compared = index_compare(IndexCompareOptions(vectors="generated:1kx8", output=tmp_path / "c", kinds=["exact"]))
    assert (compared.comparison.count, compared.comparison.queries) == (1000, 1000)


@pytest.mark.parametrize("vectors", ["generated:lots", "generated:5x", "generated:manyx8"])
def test_generated_vectors_that_are_none(vectors, tmp_path):
    with pytest.raises(InputError, match=r"generated:COUNTxDIM|'many' is not a count"):
        index_compare(IndexCompareOptions(vectors=vectors, output=tmp_path / "c"))
