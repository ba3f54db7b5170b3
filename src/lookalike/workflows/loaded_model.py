"""The model that a workflow was given, as an embedder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.embedder import Embedder

__all__ = ["at_scales", "load_model"]


def load_model(model: str | Path, *, cropped: bool = False, scales: str | None = None) -> Embedder:
    """Load a model.

    Args:
        model: a model folder, or a pretrained model's name.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        scales: embed at several sizes and add, such as `0.7,1,1.4`.

    Raises:
        ArtefactError: there is no such model, or it is damaged.
        InputError: the scales are not numbers, or the model knows none.
    """
    from lookalike.embedder import Embedder

    return at_scales(Embedder.load(model, cropped or None), scales)


def at_scales(embedder: Embedder, scales: str | None) -> Embedder:
    """The embedder that embeds every picture at several sizes, as `--scales 0.7,1,1.4` says.

    Raises:
        InputError: not numbers, or a model that knows no scales.
    """
    from lookalike.embedder.network import NetworkEmbedder
    from lookalike.errors import InputError

    if scales is None:
        return embedder
    try:
        wanted = [float(text) for text in scales.split(",")]
    except ValueError:
        raise InputError(f"--scales is {scales!r}; give factors of the size with commas, such as 0.7,1,1.4") from None
    if not isinstance(embedder, NetworkEmbedder):
        raise InputError(f"model {embedder.name} embeds at one scale; leave out --scales, or give a trained network")
    return embedder.at_scales(wanted)
