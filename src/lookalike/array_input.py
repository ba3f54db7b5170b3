"""What callers give as vectors, as NumPy arrays: lists, arrays of any library, tensors on any device.

One conversion for every public function. It imports no other library: a tensor is told by its methods, a bfloat16
array by the name of its dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import VectorError

__all__ = ["as_array", "at_least_float32"]

#: Floating dtypes of torch that NumPy has too; all others (bfloat16, float8) have fewer digits than float32.
_NUMPY_HAS = ("torch.float16", "torch.float32", "torch.float64")
#: How `ml_dtypes` (JAX, TensorFlow) names what NumPy has not.
_SHORT_FLOATS = ("bfloat16", "float8", "float6", "float4")


def as_array(value: Any, name: str = "vectors") -> npt.NDArray[Any]:
    """Return `value` as a NumPy array; an array, also a memory map, comes back as it is.

    A torch tensor is detached and copied from its device; bfloat16 and narrower floats become float32. A list of
    tensors is stacked. float16 stays: `at_least_float32` widens it, where a memory map need not be read as a whole.

    Args:
        value: anything `np.asarray` takes, or torch tensors of any device, with or without gradients.
        name: what to call it in messages.

    Raises:
        VectorError: rows of different lengths, or a tensor without readable numbers (sparse, quantised, "meta").

    Example:
        >>> as_array([[1, 2]]).shape
        (1, 2)
    """
    try:
        if _is_tensor(value):
            array = _from_tensor(value)
        elif isinstance(value, list | tuple) and any(_is_tensor(one) for one in value):
            array = np.asarray([_from_tensor(one) if _is_tensor(one) else one for one in value])
        else:
            array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise VectorError(
            f"{name} cannot be read as an array of numbers ({reason}); give (vectors, dimensions)"
        ) from None
    if array.dtype.kind == "V" and array.dtype.name.startswith(_SHORT_FLOATS):
        array = array.astype(np.float32)
    return array


def at_least_float32(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """float16 as float32, which holds every number of it; any other array as it is.

    Sums of float16 have three digits and overflow at 65,504, so nothing is computed in it.
    """
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "detach") and hasattr(value, "is_floating_point") and hasattr(value, "cpu")


def _from_tensor(tensor: Any) -> npt.NDArray[Any]:
    plain = tensor.detach().cpu()
    if plain.is_floating_point() and str(plain.dtype) not in _NUMPY_HAS:
        plain = plain.float()
    return np.asarray(plain.resolve_conj().resolve_neg().numpy())
