"""An index read from its directory: the header says which kind it is, and that kind reads the rest."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.index.core.artefact import HEADER, IndexFolder, read_header
from lookalike.index.core.ids import IdMap
from lookalike.index.kinds.registry import KINDS
from lookalike.index.spec import IndexSpec
from lookalike.step_log import logged_step

if TYPE_CHECKING:
    from lookalike.index.core.vector_index import VectorIndex

__all__ = ["load_index"]

_LOGGER = logging.getLogger(__name__)


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
    with logged_step(_LOGGER, "loaded index %s", path):
        return _loaded(Path(path), mapped)


def _loaded(path: Path, mapped: bool) -> VectorIndex:
    from lookalike.distances import Covariance

    header = read_header(path)
    spec, files = _described(path, header)
    folder = IndexFolder(path, files, mapped)
    kind = KINDS[spec.kind].load()
    try:
        ids = IdMap(folder.array("ids.npy"), np.array(folder.array("dead.npy")), header["next_id"])
        covariance = Covariance(folder.array("covariance.npy")) if "covariance.npy" in folder else None
        index = kind(spec, covariance)
        index.restore(ids, folder, header.get("tuned", {}))
    except FileNotFoundError as error:
        raise ArtefactError(f"{error.filename} is missing; the index is incomplete, rebuild it") from error
    except OSError as error:
        raise StorageError(f"{path}: the index could not be read ({error})") from error
    except ArtefactError as error:
        raise ArtefactError(str(error) if str(path) in str(error) else f"{path} is damaged: {error}") from error
    except (RuntimeError, ValueError, KeyError, TypeError, InputError) as error:
        raise ArtefactError(f"{path} is damaged ({error}); rebuild it") from error
    if len(index) != header["count"]:
        raise ArtefactError(
            f"{path} is damaged: it holds {len(index)} vectors, {HEADER} says {header['count']}; rebuild it"
        )
    return index


def _described(path: Path, header: dict[str, Any]) -> tuple[IndexSpec, dict[str, dict[str, Any]]]:
    try:
        given = dict(header["spec"])
        settings = {**given.pop("build"), **given.pop("search")}
        spec = IndexSpec.create(**given, **settings)
        if header["format_version"] == 1:
            files = {name: {"sha256": digest} for name, digest in header["sha256"].items()}
        else:
            files = dict(header["files"])
        if not (
            isinstance(header["count"], int)
            and isinstance(header["next_id"], int)
            and isinstance(header.get("tuned", {}), dict)
            and all(isinstance(entry["sha256"], str) for entry in files.values())
            and all(isinstance(entry.get("bytes", 0), int) for entry in files.values())
        ):
            raise TypeError("count, next_id, tuned or files has a wrong type")
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(f"{path / HEADER} is damaged ({error}); rebuild the index") from error
    return spec, files
