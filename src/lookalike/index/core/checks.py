"""What may enter an index: vectors, ids and k, checked once at the door with errors that say what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.errors import InputError, VectorError

__all__ = ["LARGEST_LENGTH", "check_recall", "checked_ids", "checked_k", "checked_vectors"]

#: Longer vectors overflow float32 when a distance squares them.
LARGEST_LENGTH = 1e18


def checked_vectors(
    vectors: Any, dimension: int | None = None, name: str = "vectors", allow_none: bool = False
) -> npt.NDArray[np.float32]:
    """Return `vectors` as a C-contiguous `(n, d)` float32 array, or say what is wrong with them.

    Args:
        vectors: `(n, d)` real numbers (float or integer, any width); anything `array_input.as_array` takes: NumPy,
            lists, torch tensors of any device and floating dtype, with or without gradients.
        dimension: the `d` expected; `None` takes any.
        name: what to call them in messages.
        allow_none: whether `(0, d)` is fine (a batch of no queries is; an empty addition is a mistake).

    Raises:
        VectorError: not numbers, not two-dimensional, empty, of another dimension, NaN, infinite, or longer
            than `LARGEST_LENGTH`.

    Example:
        >>> checked_vectors([[1, 2]], dimension=2).dtype.name
        'float32'
    """
    given = as_array(vectors, name)
    if given.dtype.kind not in "fiu":
        raise VectorError(f"{name} have dtype {given.dtype}; expected real numbers, best float32")
    if given.ndim != 2:
        hint = "; for a single vector give vector[None, :]" if given.ndim == 1 else ""
        raise VectorError(f"{name} have shape {given.shape}; expected two dimensions (vectors, dimensions){hint}")
    if given.shape[1] == 0 or (given.shape[0] == 0 and not allow_none):
        raise VectorError(f"{name} are empty, shape {given.shape}; give at least one vector of one dimension")
    if dimension is not None and given.shape[1] != dimension:
        raise VectorError(
            f"{name} have {given.shape[1]} dimensions, expected {dimension}; embed them with the same model"
        )
    with np.errstate(over="ignore"):
        ready = np.ascontiguousarray(given, dtype=np.float32)
    # One pass finds NaN, infinities and overflow: none of them compares as small enough.
    with np.errstate(over="ignore", invalid="ignore"):
        short = np.einsum("ij,ij->i", ready, ready) <= LARGEST_LENGTH**2
    if not short.all():
        row = int(np.flatnonzero(~short)[0])
        if np.isfinite(given[row]).all():
            raise VectorError(
                f"{name}[{row}] is longer than {LARGEST_LENGTH:g}; float32 distances overflow, rescale it"
            )
        raise VectorError(f"{name}[{row}] holds NaN or infinity; remove or re-embed it")
    return ready


def checked_ids(ids: Any, count: int | None = None) -> npt.NDArray[np.int64]:
    """Return `ids` as an int64 array of its own, or say what is wrong with them.

    Floats are refused even when whole: above 2**53 they have already lost the id they stood for. The id -1 is
    refused because it marks a missing place in `Hits`.

    Args:
        ids: integers that fit 64 bits with a sign.
        count: how many there must be; `None` takes any number.

    Raises:
        VectorError: another type, too large, not one-dimensional, of another length, or -1.
    """
    try:
        given = np.asarray(ids)
    except (TypeError, ValueError, OverflowError) as error:
        raise VectorError(f"ids cannot be read as an array ({error}); give 64-bit integers") from error
    if given.ndim != 1:
        raise VectorError(f"ids have shape {given.shape}; expected one dimension, one id per vector")
    if count is not None and len(given) != count:
        raise VectorError(f"{len(given)} ids were given for {count} vectors; give one id per vector")
    if given.size == 0:
        return np.empty(0, np.int64)
    if given.dtype.kind not in "iu":
        raise VectorError(
            f"ids have dtype {given.dtype}; give int64 (floats lose ids above 2**53; look names up in a table)"
        )
    if given.dtype.kind == "u" and int(given.max()) > np.iinfo(np.int64).max:
        raise VectorError(f"id {int(given.max())} does not fit int64; the largest is {np.iinfo(np.int64).max}")
    ready = given.astype(np.int64)
    if (ready == -1).any():
        raise VectorError("id -1 was given; it marks a missing place in search results, use any other id")
    return ready


def checked_k(k: Any) -> int:
    """Return `k` as an int of at least 1, or raise a `VectorError`."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise VectorError(f"k is {k!r}; give a whole number of at least 1")
    return int(k)


def check_recall(recall: Any) -> None:
    """Raise an `InputError` unless `recall` is a share above 0 and up to 1."""
    if not isinstance(recall, int | float) or not 0 < recall <= 1:
        raise InputError(f"recall is {recall!r}; give a share above 0 and up to 1, for example 0.95")
