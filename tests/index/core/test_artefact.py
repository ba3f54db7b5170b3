"""Index directories: round trips, atomic replacement, damage that is found and named, disks that are full."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from lookalike import atomic_files
from lookalike.distances import Covariance
from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.index import build_index, load_index
from lookalike.index.kinds.registry import KINDS

ABLE = [(name, metric) for name, kind in KINDS.items() if kind.installed for metric in kind.metrics]
FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(autouse=True)
def engines_for_few_vectors(monkeypatch):
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 32)


def vectors(n=60, d=8, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize(("kind", "metric"), ABLE)
def test_round_trip_keeps_everything(kind, metric, tmp_path):
    settings = {"M": 8, "ef_construction": 50, "ef_search": 77} if kind == "hnsw" else {}
    if metric == "mahalanobis":
        settings["covariance"] = Covariance(np.diag(np.arange(1.0, 9.0)))
    index = build_index(vectors(), kind, metric, ids=np.arange(60) + 2**60, fingerprint="abc", **settings)
    index.remove(np.arange(20) + 2**60)
    index.save(tmp_path / "x.index")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.index"]
    again = load_index(tmp_path / "x.index")
    assert again.spec == index.spec
    assert again.stats() == index.stats()
    assert again.fingerprint == "abc"
    assert again.ids.tolist() == index.ids.tolist()
    a, b = index.search(vectors(5, seed=1), 50), again.search(vectors(5, seed=1), 50)
    assert (a.ids == b.ids).all()
    assert (a.distances == b.distances).all()
    assert again.add(vectors(1)).tolist() == [2**60 + 60]


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
@pytest.mark.parametrize("mapped", [False, True])
def test_version_1_is_still_read(kind, mapped, tmp_path):
    """Written by the first release: 40 × 6, cosine, ids from 100, three removed; nearest of its first two vectors."""
    index = load_index(FIXTURES / f"version-1-{kind}.index", mapped=mapped)
    assert (index.kind, index.metric, index.fingerprint, len(index)) == (kind, "cosine", "0123abcd", 37)
    queries = np.random.default_rng(0).normal(size=(40, 6)).astype("f")[:2]
    hits = index.search(queries, k=3)
    assert hits.ids.tolist() == [[112, 106, 130], [101, 104, 108]]
    np.testing.assert_allclose(hits.distances, [[0.258850, 0.273782, 0.315345], [0, 0.085410, 0.177900]], atol=1e-5)
    assert 117 not in index
    assert index.tuned == {}
    if not mapped:
        assert index.add(queries[:1]).tolist() == [140]
    index.save(tmp_path / "now.index")
    assert "format_version = 2" in (tmp_path / "now.index" / "index.toml").read_text()
    assert load_index(tmp_path / "now.index").ids.tolist() == index.ids.tolist()


def test_what_a_tuner_noted_is_kept(tmp_path):
    index = build_index(vectors(), "hnsw")
    index.note_tuning({"recall": 0.97, "k": 10, "reason": "the fastest"})
    index.save(tmp_path / "x.index")
    assert load_index(tmp_path / "x.index").tuned == {"recall": 0.97, "k": 10, "reason": "the fastest"}


def test_saving_again_replaces(tmp_path):
    path = tmp_path / "x.index"
    build_index(vectors(10)).save(path)
    build_index(vectors(20)).save(path)
    assert len(load_index(path)) == 20
    assert [p.name for p in tmp_path.iterdir()] == ["x.index"]


def test_replacing_works_without_an_exchanging_system_call(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_files, "_exchange", lambda a, b: False)
    test_saving_again_replaces(tmp_path)


def test_an_interrupted_move_names_the_old_index(tmp_path):
    build_index(vectors()).save(tmp_path / "x.index")
    (tmp_path / "x.index").rename(tmp_path / ".x.index.old")
    with pytest.raises(ArtefactError, match=r"\.x\.index\.old is the one before an interrupted save"):
        load_index(tmp_path / "x.index")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_other_things_are_not_overwritten(tmp_path, what):
    path = tmp_path / "precious"
    if what == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "mine").write_text("mine")
    with pytest.raises(InputError, match="is not an index"):
        build_index(vectors()).save(path)
    assert (path if what == "file" else path / "mine").read_text() == "mine"


@pytest.mark.parametrize("name", ["index.faiss", "ids.npy", "dead.npy"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "missing"])
def test_damage_is_found_and_named(tmp_path, name, damage):
    path = tmp_path / "x.index"
    build_index(vectors(), "hnsw").save(path)
    file = path / name
    data = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    else:
        data[len(data) // 2] ^= 1
        file.write_bytes({"flip": data, "truncate": data[:-1], "empty": b""}[damage])
    with pytest.raises(ArtefactError, match=name):
        load_index(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format_version = 2", "format_version = 3", "format version 3, this Lookalike reads up to 2"),
        ("format_version = 2", "", "does not describe an index"),
        ('artefact = "index"', 'artefact = "model"', "does not describe an index"),
        ("dimension = 8", "dimension = 9", "is damaged: index.faiss holds 60 × 8"),
        ("dimension = 8", 'dimension = "8"', "is damaged"),
        ("count = 60", "count = 61", "is damaged"),
        ("count = 60", "count = true", "is damaged|says True"),
        ('kind = "exact"', 'kind = "quantum"', "'quantum' is not available"),
        ("[spec.build]", "[spec.building]", "is damaged"),
        ("[files.", "[filed.", "is damaged"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path, old, new, message):
    path = tmp_path / "x.index"
    build_index(vectors(), "exact").save(path)
    header = (path / "index.toml").read_text()
    assert old in header
    (path / "index.toml").write_text(header.replace(old, new))
    with pytest.raises(ArtefactError, match=message):
        load_index(path)


def test_missing_paths_are_said(tmp_path):
    with pytest.raises(ArtefactError, match="is not there"):
        load_index(tmp_path / "nothing.index")
    with pytest.raises(ArtefactError, match=r"holds no index\.toml"):
        load_index(tmp_path)


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "x.index"
    build_index(vectors(), "exact").save(path)
    np.save(path / "ids.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    import hashlib
    import re

    digest = hashlib.sha256((path / "ids.npy").read_bytes()).hexdigest()
    header = (path / "index.toml").read_text()
    size = (path / "ids.npy").stat().st_size
    entry = f'[files."ids.npy"]\nbytes = {size}\nsha256 = "{digest}"'
    replaced, times = re.subn(r'\[files\."ids\.npy"\]\nbytes = \d+\nsha256 = "\w+"', entry, header)
    assert times == 1
    (path / "index.toml").write_text(replaced)
    with pytest.raises(ArtefactError, match="damaged"):
        load_index(path)


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_a_full_disk_leaves_the_old_index(tmp_path, kind):
    # A file size limit makes writes fail part way, as a full disk does, in a process of its own.
    code = f"""
        import resource, sys
        import numpy as np
        from lookalike.errors import StorageError
        from lookalike.index import build_index
        x = np.random.default_rng(0).normal(size=(5000, 16)).astype("f")
        build_index(x[:100], {kind!r}, "euclidean").save(sys.argv[1])
        big = build_index(x, {kind!r}, "euclidean")
        for limit in (1000, 100_000, 320_000, 320_040):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            try:
                big.save(sys.argv[1])
            except StorageError as error:
                assert "could not be written" in str(error) and "unharmed" in str(error), error
            else:
                raise SystemExit(f"no error at {{limit}}")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "x.index")], check=True)
    assert [p.name for p in tmp_path.iterdir()] == ["x.index"]
    assert len(load_index(tmp_path / "x.index")) == 100


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        build_index(vectors()).save(tmp_path / "file" / "x.index")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.installed])
def test_a_killed_process_never_brings_a_removed_vector_back(tmp_path, kind):
    """A child removes and saves, again and again, and says so after each save; it is killed at whatever moment."""
    code = f"""
        import sys
        import numpy as np
        from lookalike.index import build_index, load_index
        import lookalike.index.core.prefix_index as prefix
        prefix.EXACT_BELOW = 32
        path, first = sys.argv[1], int(sys.argv[2])
        x = np.random.default_rng(0).normal(size=(600, 8)).astype("f")
        index = load_index(path) if first else build_index(x, {kind!r})
        for gone in range(first, 590):
            index.remove([gone])
            index.save(path)
            print(gone, flush=True)
    """
    path, gone = tmp_path / "x.index", -1
    rng = np.random.default_rng(1)
    for _ in range(3):
        command = [sys.executable, "-c", textwrap.dedent(code), str(path), str(gone + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            for _ in range(int(rng.integers(2, 8))):
                gone = int(child.stdout.readline())
            time.sleep(float(rng.uniform(0, 0.02)))
            child.kill()
            rest = child.stdout.read().split()
        gone = int(rest[-1]) if rest else gone
        index = load_index(path)
        queries = np.random.default_rng(0).normal(size=(600, 8)).astype("f")[: gone + 1]
        found = index.search(queries, k=50).ids
        assert (found > gone).all()  # what was acknowledged is gone; one more may be
        assert len(index) in (600 - gone - 1, 600 - gone - 2)
        gone = 600 - len(index) - 1
