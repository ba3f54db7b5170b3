"""Results as JSON types: what `--json` prints and what is written into JSON files."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """Dataclasses, paths, arrays and non-finite numbers as JSON types; NaN and infinity become null.

    Example:
        >>> plain({1: (0.5, float("nan"))})
        {'1': [0.5, None]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
