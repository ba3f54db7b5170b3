"""`lookalike embed`: the vectors of the pictures, in their order."""

import os

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.datasets import read_pictures
from lookalike.embedder.vectors_folder import read_vectors


@pytest.fixture
def embed(lookalike, tiny_model, tmp_path):
    def run(data, *options):
        return lookalike("embed", data, "--model", tiny_model, "--output", tmp_path / "v", *options)

    return run


def test_the_vectors_are_the_pictures(embed, people_folder, tiny_model, tmp_path):
    said = embed(people_folder)
    assert (said.out, said.err) == ("", f"wrote 48 vectors of 32 dimensions to {tmp_path / 'v'}\n")
    stored, embedder, pictures = read_vectors(tmp_path / "v"), Embedder.load(tiny_model), read_pictures(people_folder)
    assert np.allclose(stored.vectors, embedder.embed(pictures.paths), atol=1e-5)
    assert stored.identities == pictures.identities
    assert stored.paths == tuple(map(str, pictures.paths))
    assert stored.fingerprint == embedder.fingerprint


def test_json_and_a_csv(embed, people_folder, tiny_model, tmp_path):
    (tmp_path / "list.csv").write_text(f"path,identity\n{people_folder / 's01' / '0.png'},Ada\n")
    document = embed(tmp_path / "list.csv", "--json").document
    fingerprint = Embedder.load(tiny_model).fingerprint
    assert document == {
        "vectors": str(tmp_path / "v"),
        "count": 1,
        "dimension": 32,
        "model": "tiny",
        "fingerprint": fingerprint,
        "left_out": 0,
    }
    assert read_vectors(tmp_path / "v").identities == ("Ada",)


def test_older_vectors_stay_until_they_are_to_be_replaced(embed, refused, some_people, people_folder, tmp_path):
    assert embed(some_people(2, 1)).code == 0
    refused(embed(people_folder), "exists", "--replace")
    assert len(read_vectors(tmp_path / "v").ids) == 2
    assert embed(people_folder, "--replace").code == 0
    assert len(read_vectors(tmp_path / "v").ids) == 48


def test_file_names_that_are_no_text_and_names_with_markup(embed, some_people, tmp_path):
    photos = some_people(2, 1)
    odd = os.fsencode(photos / "s01") + b"/caf\xe9 [bold].png"
    os.rename(os.fsencode(photos / "s01" / "0.png"), odd)  # noqa: PTH104 - bytes
    (photos / "s02").rename(photos / "名前 [red] :smile:")
    assert embed(photos).code == 0
    stored = read_vectors(tmp_path / "v")
    assert os.fsencode(stored.paths[0]) == odd
    assert stored.identities == ("s01", "名前 [red] :smile:")
