"""Errors in the data of an evaluation, found before anything is measured on it.

A vector of NaN, a picture that is in the set twice, or an identity of the training set makes figures wrong without an
error, and mostly too good. Findings are listed with the positions of the pictures; the caller decides what to do.

Rows are compared by a 64-bit hash and, where it agrees, number by number: O(n d).
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.counted_nouns import how_many
from lookalike.errors import DatasetError, VectorError
from lookalike.evaluation.labels import identity_codes

__all__ = ["Finding", "check_data", "check_pictures"]

Integers = npt.NDArray[np.int64]
Severity = Literal["error", "warning", "note"]
Kind = Literal[
    "not finite",
    "zero vector",
    "one picture",
    "duplicate across identities",
    "duplicate within identity",
    "trained on",
    "picture trained on",
    "name trained on",
    "picture across identities",
    "picture within identity",
]

#: Rows that are checked at a time, and examples that a text names.
ROWS, EXAMPLES = 8192, 3


@dataclass(frozen=True)
class Finding:
    """Something that makes figures wrong, or that a reader of them must know.

    Attributes:
        kind: what it is.
        severity: "error" where nothing can be measured, "warning" where figures are probably wrong, else "note".
        text: one sentence with numbers and the first examples.
        positions: the pictures concerned, ascending.
        groups: duplicates: the positions that are equal, one tuple each; else empty.
    """

    kind: Kind
    severity: Severity
    text: str
    positions: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...] = ()


def check_data(
    vectors: npt.ArrayLike,
    labels: Any,
    *,
    pictures: Sequence[Any] | None = None,
    training_labels: Any = None,
) -> list[Finding]:
    """Find vectors and labels that make the figures of an evaluation wrong.

    Args:
        vectors: `(n, d)` numbers, an array or a memory map; NaN and infinity are allowed, and reported.
        labels: `(n,)` integers or strings.
        pictures: `(n,)` names or paths, for the texts.
        training_labels: `(m,)` identities that the model was trained on, repeated or not.

    Returns:
        Findings, errors first; empty where there are none.

    Raises:
        VectorError: not a matrix of numbers, not one label or picture per vector, or labels of a wrong kind.

    Example:
        >>> findings = check_data([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 2.0]], ["ada", "eve", "eve", "ada"])
        >>> [(finding.kind, finding.positions) for finding in findings]
        [('duplicate across identities', (0, 1))]
    """
    array = as_array(vectors)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiub":
        raise VectorError(
            f"vectors have shape {array.shape} and dtype {array.dtype}; expected numbers, (vectors, dimensions), "
            "at least one of each"
        )
    codes, names = identity_codes(labels, len(array))
    call = _Names(codes, names, pictures)
    finite = np.empty(len(array), bool)
    zero = np.empty(len(array), bool)
    hashes = np.empty(len(array), np.uint64)
    for start in range(0, len(array), ROWS):
        rows = slice(start, start + ROWS)
        part = np.asarray(array[rows])
        finite[rows] = np.isfinite(part).all(axis=1)
        zero[rows] = ~part.any(axis=1)
        hashes[rows] = _hashes(part)
    findings = [*_bad_vectors(finite, zero, call)]
    usable = np.flatnonzero(finite & ~zero)  # zero vectors are equal as well, and have been reported
    equal = [rows for group in _equal_hashes(hashes, usable) for rows in _equal_rows(array, group)]
    findings += _duplicates(equal, codes, call, "vector")
    findings += _identities(codes, call, training_labels)
    return _sorted(findings)


def check_pictures(files: Sequence[Path | str | bytes], labels: Any) -> list[Finding]:
    """Find pictures that are in the set more than once, by their bytes.

    Args:
        files: `(n,)` paths, read one by one, or contents as bytes.
        labels: `(n,)` integers or strings.

    Returns:
        Findings, warnings first.

    Raises:
        VectorError: not one label per file, or labels of a wrong kind.
        DatasetError: a file that cannot be read.

    Example:
        >>> check_pictures([b"one", b"two", b"one"], ["ada", "eve", "ada"])[0].groups
        ((0, 2),)
    """
    codes, names = identity_codes(labels, len(files))
    paths = [file for file in files if not isinstance(file, bytes)]
    call = _Names(codes, names, files if len(paths) == len(files) else None)
    found: dict[bytes, list[int]] = {}
    for position, file in enumerate(files):
        found.setdefault(_digest(file), []).append(position)
    same = [np.array(positions) for positions in found.values() if len(positions) > 1]
    return _sorted(_duplicates(same, codes, call, "picture"))


@dataclass(frozen=True, eq=False)
class _Names:
    """Names of pictures and identities in texts."""

    codes: Integers
    names: tuple[Hashable, ...]
    pictures: Sequence[Any] | None

    def __post_init__(self) -> None:
        if self.pictures is not None and len(self.pictures) != len(self.codes):
            raise VectorError(f"{len(self.pictures)} pictures were named for {len(self.codes)} vectors; name each one")

    def picture(self, position: int) -> str:
        name = f"number {position}" if self.pictures is None else str(self.pictures[position])
        return f"{name} ({self.identity(int(self.codes[position]))})"

    def identity(self, code: int) -> str:
        return repr(self.names[code])


def _first(texts: Iterable[str], count: int) -> str:
    """The first few of `count` texts."""
    chosen = [text for text, _ in zip(texts, range(EXAMPLES), strict=False)]
    return ", ".join(chosen) + (f" and {count - len(chosen):,} more" if count > len(chosen) else "")


def _finding(
    kind: Kind, severity: Severity, what: str, positions: Integers, call: _Names, do: str
) -> Iterator[Finding]:
    if len(positions):
        examples = _first((call.picture(position) for position in positions.tolist()), len(positions))
        yield Finding(kind, severity, f"{what}: {examples}; {do}", tuple(positions.tolist()))


def _bad_vectors(finite: npt.NDArray[np.bool_], zero: npt.NDArray[np.bool_], call: _Names) -> Iterator[Finding]:
    bad, empty = np.flatnonzero(~finite), np.flatnonzero(zero)
    yield from _finding(
        "not finite",
        "error",
        f"{how_many(len(bad), 'vector holds', 'vectors hold')} NaN or infinity",
        bad,
        call,
        "remove or re-embed them",
    )
    yield from _finding(
        "zero vector",
        "warning",
        f"{how_many(len(empty), 'vector is', 'vectors are')} all zeros, which cosine cannot compare",
        empty,
        call,
        "their pictures were probably not read",
    )


def _identities(codes: Integers, call: _Names, training_labels: Any) -> Iterator[Finding]:
    counts = np.bincount(codes)
    single = np.flatnonzero(counts == 1)
    if len(single):
        yield Finding(
            "one picture",
            "note",
            f"{len(single):,} of {how_many(len(counts), 'identity has', 'identities have')} one picture: "
            f"{_first((call.identity(code) for code in single.tolist()), len(single))}; they make no genuine pair and "
            "are never mated",
            tuple(np.flatnonzero(counts[codes] == 1).tolist()),
        )
    if training_labels is None:
        return
    trained = set(identity_codes(training_labels)[1])
    both = np.array([code for code, name in enumerate(call.names) if name in trained], np.int64)
    if len(both):
        yield Finding(
            "trained on",
            "warning",
            f"{len(both):,} of {how_many(len(counts), 'identity was', 'identities were')} trained on: "
            f"{_first((call.identity(code) for code in both.tolist()), len(both))}; figures of them are too good: "
            "measure on others",
            tuple(np.flatnonzero(np.isin(codes, both)).tolist()),
        )


def _duplicates(
    groups: Sequence[Integers], codes: Integers, call: _Names, what: Literal["vector", "picture"]
) -> Iterator[Finding]:
    """Equal pictures of several identities are a labelling error; those of one make genuine pairs too easy."""
    across = [group for group in groups if len(set(codes[group].tolist())) > 1]
    within = [group for group in groups if len(set(codes[group].tolist())) == 1]
    for chosen, wrong in ((across, True), (within, False)):
        if not chosen:
            continue
        chosen.sort(key=lambda group: int(group[0]))
        positions = np.sort(np.concatenate(chosen))
        pairs = (" = ".join(call.picture(position) for position in group[:EXAMPLES].tolist()) for group in chosen)
        owners = "different identities" if wrong else "one identity"
        do = "one of the labels is wrong" if wrong else "these genuine pairs are too easy; keep one of each"
        kind: Kind
        if what == "vector":
            kind = "duplicate across identities" if wrong else "duplicate within identity"
        else:
            kind = "picture across identities" if wrong else "picture within identity"
        yield Finding(
            kind,
            "warning" if wrong else "note",
            f"{len(positions):,} {what}s of {owners} are equal, in {len(chosen):,} groups: "
            f"{_first(pairs, len(chosen))}; {do}",
            tuple(positions.tolist()),
            tuple(tuple(group.tolist()) for group in chosen),
        )


def _hashes(rows: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """`(n,)` 64-bit hashes of rows; equal rows have equal ones, -0.0 being 0.0."""
    numbers = rows.astype(np.float64) if rows.dtype.itemsize > 8 else rows
    numbers = np.ascontiguousarray(numbers + numbers.dtype.type(0) if numbers.dtype.kind == "f" else numbers)
    words = numbers.view(f"u{numbers.itemsize}").astype(np.uint64)
    drawn = np.random.default_rng(0).integers(2**63, size=words.shape[1], dtype=np.uint64)
    factors = np.asarray(2 * drawn + np.uint64(1), np.uint64)
    # Multiplied by odd numbers and mixed; without mixing, rows that differ in high bits only would collide.
    mixed = words * factors
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return np.asarray((mixed * factors[::-1]).sum(axis=1, dtype=np.uint64))


def _equal_hashes(hashes: npt.NDArray[np.uint64], positions: Integers) -> Iterator[Integers]:
    """Positions of equal hashes, ascending, two or more at a time."""
    order = positions[np.argsort(hashes[positions], kind="stable")]
    cuts = np.flatnonzero(hashes[order][1:] != hashes[order][:-1]) + 1
    edges = np.concatenate([[0], cuts, [len(order)]])
    for group in np.flatnonzero(np.diff(edges) > 1).tolist():
        yield order[edges[group] : edges[group + 1]]


def _equal_rows(array: npt.NDArray[Any], positions: Integers) -> Iterator[Integers]:
    """Split positions of equal hashes into groups of equal rows."""
    rows = array[positions]
    left = np.arange(len(positions))
    while len(left) > 1:
        same = (rows[left] == rows[left[0]]).all(axis=1)
        if same.sum() > 1:
            yield positions[left[same]]
        left = left[~same]


def _digest(file: Path | str | bytes) -> bytes:
    if isinstance(file, bytes):
        return hashlib.sha256(file).digest()
    try:
        with Path(file).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror}); give the path of a picture") from error


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: ("error", "warning", "note").index(finding.severity))
