"""Identity labels: any integers or strings, compared exactly; texts in their canonical form (`identity_names`).

Labels are never converted to floats: float32 merges integers above 2**24, float64 above 2**53, and merged identities
would turn impostor pairs into genuine pairs without an error.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array, at_least_float32
from lookalike.counted_nouns import how_many
from lookalike.errors import VectorError
from lookalike.identity_names import canonical_name

__all__ = ["canonical_label", "check_labels", "checked_vectors", "identity_codes"]


def identity_codes(labels: Any, count: int | None = None) -> tuple[npt.NDArray[np.int64], tuple[Hashable, ...]]:
    """Number identities 0, 1, … in sorted order (integers before strings).

    Args:
        labels: `(n,)` integers of any size, or strings; a sequence, an array, or a tensor. Strings with one canonical
            form are one label.
        count: how many there must be, when that is known.

    Returns:
        codes `(n,)` int64, and the canonical label of every code.

    Raises:
        VectorError: a label is neither integer nor string, there are none, or not `count` of them.

    Example:
        >>> identity_codes([2**53, 2**53 + 1, 2**53])[0].tolist()
        [0, 1, 0]
    """
    values = _values(labels)
    if not values:
        raise VectorError("no labels were given; every picture needs the label of its identity")
    if count is not None and len(values) != count:
        raise VectorError(
            f"{how_many(len(values), 'label was', 'labels were')} given for "
            f"{how_many(count, 'vector')}; every vector needs exactly one"
        )
    check_labels(values)
    # Integers of any size sort before strings; the order does not depend on the order of the pictures.
    spelled = set(values)
    canonical = {
        value: name for value in spelled if not isinstance(value, int) and (name := canonical_label(value)) != value
    }
    names = sorted(
        (spelled - canonical.keys()).union(canonical.values()),
        key=lambda v: (0, v, "") if isinstance(v, int) else (1, 0, str(v)),
    )
    code = {name: number for number, name in enumerate(names)}
    code |= {value: code[name] for value, name in canonical.items()}
    return np.fromiter((code[value] for value in values), np.int64, len(values)), tuple(names)


def check_labels(values: Iterable[Any]) -> None:
    """Raise a `VectorError` that names the first of these plain Python objects that is not a label."""
    for position, value in enumerate(values):
        if not isinstance(value, int | str | bytes):
            raise VectorError(
                f"label {position} is {value!r} ({type(value).__name__}); labels must be integers or strings "
                "(floats merge large numbers)"
            )


def canonical_label(label: Any) -> Any:
    """A label as `identity_codes` compares it: a Python integer, or text (or its UTF-8 bytes) in its canonical form.

    An object that is not a label is returned as it is.

    Example:
        >>> canonical_label(np.str_(" Ada"))
        'Ada'
    """
    kind = type(label)
    plain = label if kind is str or kind is int else label.item() if hasattr(label, "item") else label
    if isinstance(plain, str):
        return canonical_name(plain)
    if isinstance(plain, bytes):
        # Bytes that are not UTF-8 stay as they are.
        return canonical_name(plain.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    return plain


def _values(labels: Any) -> list[Any]:
    """Labels as plain Python objects: `tolist` keeps an integer an integer, whatever its width."""
    if isinstance(labels, str | bytes):
        raise VectorError(f"labels are the single text {labels!r}; give one label per vector")
    # A list is not passed through np.asarray, which would turn [2**63, -1] into floats and [1, "1"] into strings.
    if isinstance(labels, Sequence):
        return [value.item() if isinstance(value, np.generic) else value for value in labels]
    array = as_array(labels, "labels")
    if array.ndim != 1:
        raise VectorError(f"labels have shape {array.shape}; they must be one-dimensional, one per vector")
    return [value.item() if isinstance(value, np.generic) else value for value in array.tolist()]


def checked_vectors(vectors: npt.ArrayLike, name: str = "embeddings") -> npt.NDArray[Any]:
    """`(n, d)` finite numbers with `n, d >= 1` as an array, or a `VectorError` that names the bad row.

    Takes what `array_input.as_array` takes, torch tensors too; float16 becomes float32.
    """
    array = at_least_float32(as_array(vectors, name))
    if array.ndim != 2 or 0 in array.shape:
        raise VectorError(f"{name} have shape {array.shape}; expected (vectors, dimensions), at least one of each")
    if array.dtype.kind not in "fiub":
        raise VectorError(f"{name} have dtype {array.dtype}; vectors must be numbers")
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        raise VectorError(f"{name}[{int(np.flatnonzero(bad)[0])}] holds NaN or infinity; remove or re-embed it")
    return array
