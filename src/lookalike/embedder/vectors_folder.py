"""The `vectors/` folder: shards of `.npy`, `ids.npy`, `pictures.csv`, and `vectors.toml` that describes them."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tomli_w

from lookalike.atomic_files import check_replaceable, written_folder
from lookalike.csv_rows import named_rows
from lookalike.embedder.embedder import Embedder
from lookalike.errors import ArtefactError
from lookalike.identity_names import canonical_name

__all__ = ["FORMAT_VERSION", "MARKER", "StoredVectors", "read_vectors", "write_vectors"]

FORMAT_VERSION = 1
#: The file that makes a folder a vectors folder.
MARKER = "vectors.toml"
#: Vectors in one shard file.
SHARD = 1_000_000


@dataclass(frozen=True)
class StoredVectors:
    """`vectors` `(n, d)`, `ids` `(n,)` int64, the picture and identity of each, and the model that made them.

    Identities are in their canonical form (`identity_names`), whatever form the folder has them in.
    """

    vectors: npt.NDArray[np.float32]
    ids: npt.NDArray[np.int64]
    paths: tuple[str, ...]
    identities: tuple[str, ...]
    fingerprint: str
    metric: str


def write_vectors(
    folder: Path,
    vectors: npt.NDArray[np.float32],
    paths: Sequence[str],
    identities: Sequence[str],
    embedder: Embedder,
    replace: bool = False,
) -> None:
    """Write a folder of vectors, whole or not at all; raises a `StorageError` where that is not possible."""
    check_replaceable(folder, MARKER, replace)
    with written_folder(folder) as partial:
        shards = []
        for number, start in enumerate(range(0, max(1, len(vectors)), SHARD)):
            shards.append(f"{number:05d}.npy")
            np.save(partial / shards[-1], vectors[start : start + SHARD], allow_pickle=False)
        np.save(partial / "ids.npy", np.arange(len(vectors), dtype=np.int64), allow_pickle=False)
        with (partial / "pictures.csv").open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "path", "identity"])
            names = map(canonical_name, identities)
            writer.writerows(zip(range(len(paths)), paths, names, strict=True))
        description = {
            "format_version": FORMAT_VERSION,
            "model": embedder.name,
            "fingerprint": embedder.fingerprint,
            "metric": embedder.metric,
            "dtype": str(vectors.dtype),
            "dimension": embedder.dimension,
            "count": len(vectors),
            "shards": shards,
        }
        (partial / MARKER).write_text(tomli_w.dumps(description), "utf-8")


def read_vectors(folder: Path) -> StoredVectors:
    """Read a folder of vectors.

    Raises:
        ArtefactError: a file is missing, damaged, or of another version.
    """
    try:
        content = tomllib.loads((folder / MARKER).read_text("utf-8"))
        if content.get("format_version") != FORMAT_VERSION:
            raise ArtefactError(f"{folder} is of version {content.get('format_version')!r}; expected {FORMAT_VERSION}")
        shards = [np.load(folder / name, allow_pickle=False) for name in content["shards"]]
        ids = np.load(folder / "ids.npy", allow_pickle=False)
        columns = ("path", "identity")
        listed = named_rows(folder / "pictures.csv", columns, columns, ("path",), undecodable="surrogateescape")
        rows = [(path, canonical_name(identity)) for _, (path, identity) in listed]
        vectors = np.concatenate(shards)
        if not len(vectors) == len(ids) == len(rows) == content["count"]:
            raise ArtefactError(
                f"{folder} is damaged: {len(vectors)} vectors, {len(ids)} ids, {len(rows)} pictures; embed again"
            )
        paths, identities = tuple(path for path, _ in rows), tuple(identity for _, identity in rows)
        return StoredVectors(vectors, ids, paths, identities, content["fingerprint"], content["metric"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ArtefactError(f"{folder} is not a whole vectors folder: {error}; embed again") from None
