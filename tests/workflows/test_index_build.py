"""Building an index as a function: what is on the disk is what is returned, and nothing is printed."""

import json

import numpy as np
import pytest

from lookalike.errors import InputError, StorageError
from lookalike.index import load_index
from lookalike.index.generated_vectors import generated_vectors
from lookalike.workflows.index_build import IndexBuildOptions, index_build


@pytest.fixture
def npy(tmp_path):
    np.save(tmp_path / "vectors.npy", generated_vectors(2000, 16, per_identity=4)[0])
    return tmp_path / "vectors.npy"


def test_an_index_and_its_stages(npy, tmp_path, capsys):
    events, output = [], tmp_path / "x.index"
    built = index_build(
        IndexBuildOptions(vectors=npy, output=output, kind="hnsw", settings={"M": 8}, metric="euclidean"), events.append
    )
    index = load_index(output)
    assert (index.kind, index.metric, index.spec.build.M, len(index)) == ("hnsw", "euclidean", 8, 2000)
    assert (built.index, built.streamed, built.notes) == (output, False, ())
    assert json.loads(json.dumps(built.to_dict())) == {"index": str(output), **built.stats}
    last = {event.stage: (event.done, event.total) for event in events}
    assert last == {"Reading 2,000 × 16 vectors": (2000, 2000), "Building hnsw": (1, 1), f"Writing {output}": (1, 1)}
    assert capsys.readouterr() == ("", "")


def test_a_streamed_build_in_a_folder_of_its_own(npy, tmp_path, capsys):
    events = []
    built = index_build(
        IndexBuildOptions(
            vectors=npy,
            output=tmp_path / "s.index",
            kind="ivfpq",
            settings={"nlist": 8},
            stream=True,
            work=tmp_path / "w",
        ),
        events.append,
    )
    assert built.streamed
    assert built.stats["count"] == len(load_index(built.index)) == 2000
    assert list(dict.fromkeys(event.stage for event in events)) == ["Training", "Encoding", "Merging", "Writing"]
    assert not (tmp_path / "w").exists()
    assert capsys.readouterr() == ("", "")


def test_auto_reports_what_it_tries(npy, tmp_path, monkeypatch):
    for module in ("lookalike.index.auto", "lookalike.index.core.flat_vectors"):
        monkeypatch.setattr(f"{module}.AUTO_EXACT_LIMIT", 1000)
    events = []
    settings = {"kinds": ["exact", "hnsw"], "recall": 0.8}
    built = index_build(IndexBuildOptions(vectors=npy, output=tmp_path / "a.index", settings=settings), events.append)
    assert built.stats["tuned"]["recall_target"] == 0.8
    assert "Building over all 2,000 vectors" in {event.stage for event in events}


def test_what_is_refused_leaves_nothing(npy, tmp_path):
    with pytest.raises(InputError, match="only ivfpq is built from a stream, not hnsw; choose ivfpq"):
        index_build(IndexBuildOptions(vectors=npy, output=tmp_path / "x.index", kind="hnsw", stream=True))
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")
    with pytest.raises(StorageError, match="letters"):
        index_build(IndexBuildOptions(vectors=npy, output=tmp_path / "letters", kind="exact", replace=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letters", "vectors.npy"]
