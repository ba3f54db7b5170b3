"""Every format read back as written, in any blocks and rows; every broken file named in one line."""

import builtins

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import ArtefactError, InputError, MissingDependencyError, VectorError
from lookalike.index.vector_files import open_vectors

_NUMBERS = np.random.default_rng(0).integers(0, 200, (237, 6))


def _write_vecs(path, vectors, dtype):
    rows = np.empty(len(vectors), np.dtype([("d", "<i4"), ("v", dtype, (vectors.shape[1],))]))
    rows["d"], rows["v"] = vectors.shape[1], vectors
    rows.tofile(path)


def _write_hdf5(path, vectors, **others):
    h5py = pytest.importorskip("h5py", reason="HDF5 is an extra")
    with h5py.File(path, "w") as file:
        file["train"] = vectors
        for name, value in others.items():
            if name == "distance":
                file.attrs["distance"] = value
            else:
                file[name] = value


def _write_folder(path, vectors, sizes, **changes):
    path.mkdir()
    names = [f"{number:05d}.npy" for number in range(len(sizes))]
    for name, shard in zip(names, np.split(vectors, np.cumsum(sizes)[:-1]), strict=True):
        np.save(path / name, shard)
    np.save(path / "ids.npy", np.arange(len(vectors)) + 100)
    about = {"format_version": 1, "fingerprint": "abc", "metric": "cosine", "dimension": vectors.shape[1]}
    about |= {"count": len(vectors), "shards": names} | changes
    (path / "vectors.toml").write_text(tomli_w.dumps(about))


def _written(folder, name):
    """A file or folder of `_NUMBERS`, by the name of its format."""
    kind, _, detail = name.partition(" ")
    path = folder / f"given.{kind}"
    if kind == "npy":
        fortran = detail == "fortran"
        np.save(path, np.asfortranarray(_NUMBERS, np.float32) if fortran else _NUMBERS.astype(detail))
    elif kind == "folder":
        _write_folder(path, _NUMBERS.astype(np.float32), [100, 30, 107])
    elif kind in ("hdf5", "h5"):
        _write_hdf5(path, _NUMBERS.astype(np.float32))
    else:
        _write_vecs(path, _NUMBERS, {"fvecs": "<f4", "bvecs": "u1", "ivecs": "<i4"}[kind])
    return path


_FORMATS = ["npy f4", "npy f8", "npy f2", "npy >f4", "npy u1", "npy i8", "npy fortran", "fvecs", "bvecs", "ivecs"]
_FORMATS += ["hdf5", "h5", "folder"]


@pytest.mark.parametrize("name", _FORMATS)
def test_every_format_is_read_back(tmp_path, name):
    with open_vectors(_written(tmp_path, name)) as source:
        assert (source.count, source.dimension, len(source)) == (237, 6, 237)
        whole = source.read()
        assert whole.dtype == np.float32
        np.testing.assert_array_equal(whole, _NUMBERS)
        for size in (1, 50, 101, 1000):
            starts, blocks = zip(*source.blocks(size), strict=True)
            assert list(starts) == list(range(0, 237, size))
            np.testing.assert_array_equal(np.concatenate(blocks), _NUMBERS)
        np.testing.assert_array_equal(np.concatenate([block for _, block in source.blocks(60, 120)]), _NUMBERS[120:])


@pytest.mark.parametrize("name", ["npy f4", "npy fortran", "fvecs", "hdf5", "folder"])
def test_any_rows_in_any_order(tmp_path, name):
    with open_vectors(_written(tmp_path, name)) as source:

        @settings(max_examples=25)
        @given(st.lists(st.integers(0, 236), max_size=40))
        def check(positions):
            np.testing.assert_array_equal(source.rows(positions), _NUMBERS[positions].reshape(-1, 6))

        check()
        for outside in (-2, 237):
            with pytest.raises(VectorError, match="it has 0 to 236"):
                source.rows([outside, 3])


def test_rows_far_apart_in_a_large_hdf5(tmp_path):
    vectors = np.arange(300_000, dtype=np.float32).reshape(150_000, 2)
    _write_hdf5(tmp_path / "large.hdf5", vectors)
    positions = [149_999, 0, 65_535, 65_536, 0]
    with open_vectors(tmp_path / "large.hdf5") as source:
        np.testing.assert_array_equal(source.rows(positions), vectors[positions])


def test_a_folder_brings_ids_metric_and_fingerprint(tmp_path):
    source = open_vectors(_written(tmp_path, "folder"))
    assert (source.metric, source.fingerprint, source.queries) == ("cosine", "abc", None)
    np.testing.assert_array_equal(source.ids, np.arange(237) + 100)


def test_what_embed_writes_is_read(tmp_path):
    from lookalike.embedder.vectors_folder import write_vectors

    class Model:
        name, fingerprint, metric, dimension = "ours", "f00d", "euclidean", 6

    vectors = _NUMBERS[:3].astype(np.float32)
    write_vectors(tmp_path / "vectors", vectors, ["a", "b", "c"], ["x", "x", "y"], Model())
    source = open_vectors(tmp_path / "vectors")
    assert (source.metric, source.fingerprint) == ("euclidean", "f00d")
    np.testing.assert_array_equal(source.read(), vectors)


@pytest.mark.parametrize(
    ("distance", "metric"), [("angular", "cosine"), ("euclidean", "euclidean"), (b"dot", "inner_product")]
)
def test_hdf5_brings_queries_and_metric(tmp_path, distance, metric):
    _write_hdf5(tmp_path / "a.hdf5", _NUMBERS, distance=distance, test=_NUMBERS[:5].astype(float))
    with open_vectors(tmp_path / "a.hdf5") as source:
        assert source.metric == metric
        assert source.queries.dtype == np.float32
        np.testing.assert_array_equal(source.queries, _NUMBERS[:5])
        assert source.ids is None


@pytest.mark.parametrize("name", ["npy f4", "npy f8", "fvecs", "hdf5"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_a_row_that_cannot_be_used_is_numbered(tmp_path, name, bad):
    vectors = _NUMBERS.astype(np.float64)
    vectors[130, 2] = bad
    path = tmp_path / f"given.{name.split()[0]}"
    if name == "hdf5":
        _write_hdf5(path, vectors)
    elif name == "fvecs":
        _write_vecs(path, vectors, "<f4")
    else:
        np.save(path, vectors.astype(name.split()[1]))
    wrong = "too long for float32" if bad == 1e30 else "NaN or infinity"
    with open_vectors(path) as source:
        with pytest.raises(VectorError, match=f"row 130 .*{wrong}"):
            source.read()
        with pytest.raises(VectorError, match=f"row 130 .*{wrong}"):
            source.rows([3, 130, 200])
        assert len(source.rows([3, 200])) == 2


def test_a_row_of_a_shard_is_numbered_within_its_file(tmp_path):
    vectors = _NUMBERS.astype(np.float32)
    vectors[110, 0] = np.nan
    _write_folder(tmp_path / "v", vectors, [100, 137])
    with pytest.raises(VectorError, match=r"00001\.npy: row 10 holds NaN"):
        open_vectors(tmp_path / "v").read()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4), "expected two dimensions"),
        (np.zeros((2, 3, 4)), "expected two dimensions"),
        (np.zeros((0, 4)), "is empty, shape"),
        (np.zeros((4, 0)), "is empty, shape"),
        (np.zeros((2, 2), complex), "holds complex128; expected real numbers"),
        (np.array([["a"]]), "holds <U1; expected real numbers"),
        (np.array([[True]]), "holds bool; expected real numbers"),
        (np.array([[None]]), "not a whole .npy of numbers"),
    ],
)
def test_a_npy_of_something_else(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(VectorError, match=message):
        open_vectors(tmp_path / "a.npy")


@pytest.mark.parametrize("left", [0, 5, 60, 130, 1000])
def test_a_truncated_npy(tmp_path, left):
    path = _written(tmp_path, "npy f4")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(VectorError, match=r"not a whole \.npy"):
        open_vectors(path)


@pytest.mark.parametrize("name", ["npy f4", "fvecs"])
def test_a_file_that_became_shorter(tmp_path, name):
    path = _written(tmp_path, name)
    source = open_vectors(path)
    path.write_bytes(path.read_bytes()[: 128 + 28 * 40])
    with pytest.raises(VectorError, match=r"ends early, at row \d+; copy it again"):
        source.read()
    with pytest.raises(VectorError, match="became shorter"):
        source.rows([200])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x06\x00\x00\x00" + bytes(20), "rows of 28 bytes .6 dimensions. do not fill"),
        (b"\x00\x00\x00\x00" + bytes(20), "starts with the dimension 0; expected 1 to 1000000"),
        (b"\x93NUMPY" + bytes(22), "starts with the dimension"),
    ],
)
def test_fvecs_of_something_else(tmp_path, content, message):
    (tmp_path / "a.fvecs").write_bytes(content)
    with pytest.raises(VectorError, match=message):
        open_vectors(tmp_path / "a.fvecs")


def test_fvecs_whose_vectors_differ(tmp_path):
    path = _written(tmp_path, "fvecs")
    data = bytearray(path.read_bytes())
    data[28 * 150] = 7
    path.write_bytes(data)
    source = open_vectors(path)
    for read in (source.read, lambda: list(source.blocks(40)), lambda: source.rows([5, 150])):
        with pytest.raises(VectorError, match="row 150 says it has 7 dimensions, the first 6"):
            read()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"test": np.zeros((2, 5))}, "test have 5 dimensions, expected 6"),
        ({"test": np.zeros((0, 6))}, "test is empty"),
        ({"test": np.full((2, 6), np.nan)}, "holds NaN"),
        ({"distance": "jaccard"}, "is for the distance 'jaccard'; expected one of angular"),
    ],
)
def test_hdf5_whose_parts_do_not_fit(tmp_path, given, message):
    _write_hdf5(tmp_path / "a.hdf5", _NUMBERS, **given)
    with pytest.raises(VectorError, match=message):
        open_vectors(tmp_path / "a.hdf5")


def test_hdf5_of_something_else(tmp_path):
    h5py = pytest.importorskip("h5py", reason="HDF5 is an extra")
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["items"] = np.zeros((2, 2))
    with pytest.raises(VectorError, match="holds items; expected ann-benchmarks' 'train'"):
        open_vectors(tmp_path / "a.hdf5")
    _write_hdf5(tmp_path / "flat.hdf5", np.zeros(4))
    with pytest.raises(VectorError, match=r"flat\.hdf5:train has shape \(4,\)"):
        open_vectors(tmp_path / "flat.hdf5")
    (tmp_path / "b.hdf5").write_bytes(b"nothing of the kind")
    with pytest.raises(VectorError, match="not a whole HDF5 file"):
        open_vectors(tmp_path / "b.hdf5")


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name == "h5py":
            raise ImportError(name)
        return real(name, *rest)

    (tmp_path / "a.h5").write_bytes(b"")
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lookalike\[hdf5\]'"):
        open_vectors(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 9}, "has format version 9, this Lookalike reads 1"),
        ({"count": 236}, "237 ids|237 × 6|were given for 236"),
        ({"dimension": 7}, "says 237 × 7, its shards hold 237 × 6"),
        ({"metric": "hamming"}, "metric 'hamming'"),
        ({"shards": ["../00000.npy"]}, "not a whole vectors folder"),
        ({"shards": ["gone.npy"]}, "gone.npy"),
        ({"shards": []}, "shards hold 0"),
    ],
)
def test_a_damaged_folder(tmp_path, changes, message):
    _write_folder(tmp_path / "v", _NUMBERS.astype(np.float32), [100, 137], **changes)
    with pytest.raises(ArtefactError, match=message):
        open_vectors(tmp_path / "v")


def test_what_is_no_source_at_all(tmp_path):
    for path, message in (
        (tmp_path / "none.npy", "is not there; give .npy"),
        (tmp_path, "is a folder without vectors.toml"),
        (tmp_path / "a.csv", "has the ending '.csv'; give .npy"),
        (tmp_path / "plain", "of no format"),
    ):
        if path.name in ("a.csv", "plain"):
            path.write_text("1,2")
        with pytest.raises(InputError, match=message):
            open_vectors(path)


@pytest.mark.parametrize(("size", "start"), [(0, 0), (1, -1), (1, 238)])
def test_blocks_out_of_range(tmp_path, size, start):
    with pytest.raises(InputError, match="give a size of at least 1"):
        list(open_vectors(_written(tmp_path, "npy f4")).blocks(size, start))
