"""A recipe's TOML file as a table; what its entries mean, `recipe` knows. This needs no torch."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from lookalike.errors import InputError

__all__ = ["read_recipe_file"]


def read_recipe_file(path: Path) -> dict[str, Any]:
    """The entries of a TOML file.

    Raises:
        InputError: it cannot be read, or is no TOML.

    Example:
        >>> read_recipe_file(Path("recipe.toml"))    # doctest: +SKIP
        {'loss': 'triplet', 'epochs': 30}
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"the recipe {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path} is not a TOML recipe: {error}") from None
