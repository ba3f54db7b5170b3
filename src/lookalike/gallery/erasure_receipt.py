"""A receipt for a forgotten person: what was overwritten, that no file holds their vectors any more, and what is left.

The receipt names nobody and holds no vector. The audit log has the forgetting under the same pseudonym, whose link to
the person is gone; a receipt holds the hash of that entry, so that it and the log vouch for each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError
from lookalike.gallery.audit import AuditLog
from lookalike.gallery.embedded import EmbeddedGallery
from lookalike.gallery.file_helper import asked
from lookalike.identity_names import checked_name
from lookalike.index.core.metric_space import MetricSpace

if TYPE_CHECKING:
    from lookalike.gallery.gallery import Gallery

__all__ = ["RECEIPT_VERSION", "FileScan", "erasure_receipt", "read_receipt", "receipt_fault", "scanned"]

RECEIPT_VERSION = 1
#: Bytes that are looked for at the beginning, in the middle and at the end of each vector.
_PIECE = 32


@dataclass(frozen=True)
class FileScan:
    """Whether files hold certain bytes.

    Attributes:
        files: how many were read.
        bytes: their size together.
        patterns: how many texts of bytes were looked for.
        found_in: files that hold one.
    """

    files: int
    bytes: int
    patterns: int
    found_in: tuple[str, ...]


def erasure_receipt(gallery: Gallery, identity: str) -> dict[str, Any]:
    """Forget an identity, read all files of the gallery for what was stored of it, and write down what was found.

    Args:
        gallery: in a folder.
        identity: its name.

    Returns:
        the receipt, ready for JSON: it names nobody. `scan.found_in` lists files that still hold a piece of a vector;
        other identities that were enrolled with the very same vector are such a case.

    Raises:
        InputError: galleries of this kind have no files that could be read.
        UnknownIdentityError, StorageError: as of `Gallery.forget`.

    Example:
        >>> erasure_receipt(gallery, "Ada")["scan"]["found_in"]    # doctest: +SKIP
        []
    """
    if not isinstance(gallery, EmbeddedGallery):
        raise InputError(f"{gallery!r} gives no receipts; only galleries in a folder do")
    name, model = checked_name(identity), gallery.model
    vectors = [template.vector for template in gallery.templates(name)]
    known = gallery.traces(name)
    looked_for = [*known.stored, *(vector.astype("<f4").tobytes() for vector in vectors)]
    if model is not None:
        space = MetricSpace(model.metric, model.dimension)
        looked_for += [space.vectors(vector[None, :]).astype("<f4").tobytes() for vector in vectors]
    templates = gallery.forget(name)
    entry = gallery.audit.entries(act="forget", subject=known.subject)[-1]
    scan = scanned(gallery.files(), looked_for)
    encrypted = bool(gallery.stats()["encrypted"])
    return {
        "receipt_version": RECEIPT_VERSION,
        "at": entry.at,
        "gallery": str(gallery.path),
        "encrypted": encrypted,
        "subject": known.subject,
        "templates": templates,
        "overwritten": {"database": True, "log": True, "segments": True, "key": encrypted},
        "scan": {
            "files": scan.files,
            "bytes": scan.bytes,
            "patterns": scan.patterns,
            "found_in": list(scan.found_in),
        },
        "audit": {"n": entry.n, "hash": entry.hash},
        "outside": _outside(encrypted),
    }


def _outside(encrypted: bool) -> list[str]:
    backups = (
        "backups of the keyring that were made before: they hold the key; destroy them"
        if encrypted
        else "backups of the folder that were made before: they hold the vectors; destroy them, or encrypt the gallery"
    )
    return [
        backups,
        "blocks that the file system has freed, and its snapshots",
        "the memory of other processes that have the gallery open, until they end",
        "the pictures themselves, and reports made of them",
    ]


def scanned(files: Iterable[Path], values: Sequence[bytes]) -> FileScan:
    """Look for values in files, also for pieces of them.

    Args:
        files: those that are deleted meanwhile hold nothing.
        values: 16 bytes each at least.
    """
    patterns = list(dict.fromkeys(piece for value in values for piece in _pieces(value)))
    found = asked("find", files=[str(path) for path in files], patterns=[one.hex() for one in patterns])
    return FileScan(found["files"], found["bytes"], len(patterns), tuple(found["found_in"]))


def _pieces(value: bytes) -> list[bytes]:
    if len(value) <= 2 * _PIECE:
        return [value]
    middle = len(value) // 2
    pieces = [value[:_PIECE], value[middle : middle + _PIECE], value[-_PIECE:]]
    return [piece for piece in pieces if len(set(piece)) > 1]  # zeros are everywhere


# --- checking one -----------------------------------------------------------------------------------------


def read_receipt(path: Path) -> dict[str, Any]:
    """A receipt from a file.

    Raises:
        InputError: it is none, or of a newer version.
        OSError: it cannot be read.
    """
    try:
        receipt = json.loads(path.read_text("utf-8"))
        version, n, head = receipt["receipt_version"], receipt["audit"]["n"], receipt["audit"]["hash"]
        whole = isinstance(n, int) and isinstance(head, str) and {"subject", "templates"} <= set(receipt)
    except (ValueError, LookupError, TypeError):
        whole, version = False, None
    if not whole:
        raise InputError(f"{path} is no erasure receipt of Lookalike; give the file that `forget --receipt` wrote")
    if version != RECEIPT_VERSION:
        raise InputError(f"{path} has receipt version {version!r}, this Lookalike reads {RECEIPT_VERSION}; upgrade it")
    return dict(receipt)


def receipt_fault(log: AuditLog, receipt: dict[str, Any]) -> str | None:
    """What the log says against a receipt; None where it vouches for it. The chain of hashes is not verified here."""
    n = receipt["audit"]["n"]
    entries = [entry for entry in log.entries(act="forget") if entry.n == n]
    if not entries:
        return f"entry {n} of the log is no forgetting"
    (entry,) = entries
    if entry.hash != receipt["audit"]["hash"]:
        return f"entry {n} of the log is another than the one of the receipt"
    if entry.subjects != (receipt["subject"],) or entry.details.get("templates") != receipt["templates"]:
        return f"entry {n} of the log tells of another forgetting than the receipt"
    return None
