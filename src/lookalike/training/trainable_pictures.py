"""What pictures have to be so that a network can learn from them: of two identities at least. This needs no torch."""

from __future__ import annotations

from lookalike.datasets import PictureSet
from lookalike.errors import DatasetError

__all__ = ["check_trainable"]


def check_trainable(pictures: PictureSet) -> None:
    """Refuse pictures of one identity: there is nothing to tell apart.

    Raises:
        DatasetError: they are of fewer than two identities.

    Example:
        >>> from pathlib import Path
        >>> check_trainable(PictureSet((Path("a.png"), Path("b.png")), ("Ada", "Bo")))
    """
    if len(pictures.names) < 2:
        raise DatasetError(
            f"the pictures are of {len(pictures.names)} identity(ies); training needs at least 2 to tell apart"
        )
