"""The nearest ids of a file of queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import ProgressSink, counted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["FoundVectors", "IndexSearchOptions", "index_search"]


@dataclass(frozen=True, kw_only=True)
class IndexSearchOptions:
    """Where to search, for what, and how.

    Attributes:
        index: an index folder.
        queries: `.npy`, `.fvecs`, `.bvecs`, `.hdf5`, or a folder that `embed` wrote.
        output: a CSV of query,rank,id,distance to write; None for none.
        k: neighbours a search asks for.
        settings: search settings of the kind, such as `{"ef_search": 200}`.
        mapped: leave the vectors in their files, and map these into memory.
    """

    index: Path
    queries: Path
    output: Path | None = None
    k: int = 10
    settings: Mapping[str, Any] = field(default_factory=dict)
    mapped: bool = False


@dataclass(frozen=True, eq=False)  # holds arrays
class FoundVectors:
    """What was found for every query, nearest first.

    Attributes:
        ids: `(q, k)` int64; -1 where fewer than k vectors exist.
        distances: `(q, k)` float32; +inf where fewer than k vectors exist.
        computed: distances that were computed for all queries; None where the engine does not tell.
    """

    ids: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float32]
    computed: int | None

    def csv(self) -> str:
        """As a CSV of query,rank,id,distance; queries count from 0, ranks from 1."""
        lines = ["query,rank,id,distance"]
        for query, (ids, distances) in enumerate(zip(self.ids.tolist(), self.distances.tolist(), strict=True)):
            lines += [
                f"{query},{rank},{found},{distance:.7g}"
                for rank, (found, distance) in enumerate(zip(ids, distances, strict=True), start=1)
                if found != -1
            ]
        return "\n".join(lines) + "\n"


def index_search(options: IndexSearchOptions, progress: ProgressSink | None = None) -> FoundVectors:
    """Search an index for every query of a file.

    Raises:
        ArtefactError: the index is missing or damaged.
        InputError: the queries cannot be read, or a setting is unknown.
        VectorError: the queries are of another dimension, or k is no whole number of at least 1.

    Example:
        >>> found = index_search(    # doctest: +SKIP
        ...     IndexSearchOptions(index=Path("faces.index"), queries=Path("queries.npy"), k=3)
        ... )
        >>> found.ids.shape    # doctest: +SKIP
        (100, 3)
    """
    from lookalike.atomic_files import write_atomically
    from lookalike.index.loading import load_index
    from lookalike.index.vector_files import open_vectors
    from lookalike.workflows.output_folder import check_writable

    if options.output is not None:
        check_writable(options.output)
    index = load_index(options.index, options.mapped)
    queries = open_vectors(options.queries).read()
    done = counted(progress, f"Searching for {len(queries):,} queries", len(queries))
    done(0)
    hits = index.search(queries, options.k, counted=True, **options.settings)
    done(len(queries))
    found = FoundVectors(hits.ids, hits.distances, hits.computed)
    if options.output is not None:
        write_atomically(options.output, found.csv().encode())
    return found
