"""The one factory of embedders: from a model's name, file or address to what embeds.

A new kind of model is a module with a subclass of `Embedder`, and one entry here. Kinds are imported when they are
asked for: dlib's faces and an ONNX file need no torch, a trained network no dlib.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from lookalike.embedder.embedder import Embedder
from lookalike.embedder.hub import SCHEME, model_from_hub
from lookalike.embedder.load_options import LoadOptions
from lookalike.errors import ArtefactError

__all__ = ["PRETRAINED", "TIMM", "load_embedder"]

#: What the name of a network of timm begins with.
TIMM: Final = "timm:"


def _dlib(options: LoadOptions) -> Embedder:
    from lookalike.embedder.dlib_faces import DlibFaces

    options.refuse_device("dlib's faces")
    return DlibFaces(cropped=bool(options.cropped))


def _efficientnet_lite0(options: LoadOptions) -> Embedder:
    from lookalike.embedder.pretrained_features import pretrained_features

    return pretrained_features(options)


#: Models that need no training, by name; each is called with how it is to be loaded.
PRETRAINED: dict[str, Callable[[LoadOptions], Embedder]] = {
    "dlib": _dlib,
    "efficientnet_lite0": _efficientnet_lite0,
}


def load_embedder(source: str | Path, options: LoadOptions | None = None) -> Embedder:
    """What `Embedder.load` does; its arguments and errors are described there.

    Example:
        >>> load_embedder("dlib").dimension    # doctest: +SKIP
        128
    """
    options, text = options or LoadOptions(), str(source)
    path = model_from_hub(text) if text.startswith(SCHEME) else Path(text)
    if path.suffix.lower() == ".onnx":
        from lookalike.embedder.onnx_embedder import OnnxEmbedder

        return OnnxEmbedder(path, options)
    options.refuse_onnx_only(text)
    if text in PRETRAINED:
        return PRETRAINED[text](options)
    if text.startswith(TIMM):
        from lookalike.embedder.timm_features import timm_features

        return timm_features(text.removeprefix(TIMM), options)
    if path.is_dir():
        from lookalike.embedder.network import NetworkEmbedder

        return NetworkEmbedder.read(path, options)
    names = ", ".join(repr(name) for name in PRETRAINED)
    raise ArtefactError(
        f"there is no model at {text}; give a folder written by `lookalike train`, an ONNX file, hf://user/model, "
        f"timm:NAME, {names} (lookalike models lists what is at hand)"
    )


Embedder._open = load_embedder
