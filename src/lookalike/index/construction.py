"""An index of a named kind: empty, over vectors, or opened from its folder.

`build.py` chooses a kind where none is named; it stands above `tuning`, which builds kinds by name through here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from lookalike.index.core.checks import checked_ids, checked_vectors

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.vector_index import VectorIndex

__all__ = ["build_kind", "empty_index", "load_index"]


def empty_index(
    dimension: int,
    kind: str = "exact",
    metric: str = "cosine",
    *,
    fingerprint: str = "",
    covariance: Covariance | None = None,
    **settings: Any,
) -> VectorIndex:
    """Make an index that holds no vectors yet; arguments as for `build_index`, without `auto`.

    Raises:
        InputError: unknown kind, metric or setting, or a metric the kind cannot.
        MissingDependencyError: the kind's engine is not installed; the message says what to install.

    Example:
        >>> len(empty_index(128, "hnsw", M=16))
        0
    """
    from lookalike.index.core.spec import KINDS, IndexSpec

    spec = IndexSpec.create(kind, metric, dimension, fingerprint, **settings)
    index: VectorIndex = KINDS[spec.kind].load()(spec, covariance)
    return index


def build_kind(
    vectors: npt.ArrayLike, kind: str, metric: str, *, ids: npt.ArrayLike | None = None, **settings: Any
) -> VectorIndex:
    """Build an index of a named kind over vectors; arguments as for `build_index`, without `auto`.

    Example:
        >>> len(build_kind([[0.0, 1.0], [1.0, 0.0]], "exact", "cosine"))
        2
    """
    ready = checked_vectors(vectors)
    given = None if ids is None else checked_ids(ids, len(ready))
    index = empty_index(ready.shape[1], kind, metric, **settings)
    index.add(ready, given)
    return index


def load_index(path: str | Path, mapped: bool = False) -> VectorIndex:
    """Open an index that `save` wrote, after checking every file against its checksum.

    Args:
        path: the directory.
        mapped: leave the vectors in their files and map these into memory, so that opening takes a moment and several
            processes share one copy. Files over 64 MiB are then checked by their size only. A mapped index is
            searched and removed from; it takes no additions.

    Raises:
        ArtefactError: missing, damaged (the message names the file) or written by a newer Lookalike.
        MissingDependencyError: its engine is not installed; the message says what to install.

    Example:
        >>> load_index("people.index").search(queries)    # doctest: +SKIP
    """
    from lookalike.index.core.artefact import read

    return read(Path(path), mapped)
