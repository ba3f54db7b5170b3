"""The one factory of embedders: from a model's name or folder to what embeds.

A new kind of model is a module with a subclass of `Embedder`, and one entry here. Kinds are imported when they are
asked for: dlib's faces need no torch, a trained network no dlib.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lookalike.embedder.embedder import Embedder
from lookalike.errors import ArtefactError, InputError

__all__ = ["PRETRAINED", "load_embedder"]


def _dlib(cropped: bool | None) -> Embedder:
    from lookalike.embedder.dlib_faces import DlibFaces

    return DlibFaces(cropped=bool(cropped))


def _efficientnet_lite0(cropped: bool | None) -> Embedder:
    from lookalike.embedder.pretrained_features import pretrained_features

    return pretrained_features()


#: Models that need no training, by name; each is called with `cropped`, as `Embedder.load` is.
PRETRAINED: dict[str, Callable[[bool | None], Embedder]] = {
    "dlib": _dlib,
    "efficientnet_lite0": _efficientnet_lite0,
}


def load_embedder(source: str | Path, cropped: bool | None = None) -> Embedder:
    """What `Embedder.load` does; its arguments and errors are described there.

    Example:
        >>> load_embedder("dlib").dimension    # doctest: +SKIP
        128
    """
    text = str(source)
    if text in PRETRAINED:
        return PRETRAINED[text](cropped)
    names = " or ".join(repr(name) for name in PRETRAINED)
    if text.startswith("hf://") or text.endswith(".onnx"):
        raise InputError(f"{text}: models from a hub and ONNX files cannot be loaded yet; give a model folder, {names}")
    if Path(text).is_dir():
        from lookalike.embedder.network import NetworkEmbedder

        return NetworkEmbedder.read(Path(text), cropped)
    raise ArtefactError(f"there is no model at {text}; give a folder written by `lookalike train`, {names}")


Embedder._open = load_embedder
