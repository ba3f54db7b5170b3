"""The methods side by side, on pictures of people none of them has seen.

Every method turns the same test pictures into an (n, n) matrix of distances, so that one evaluation serves all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lookalike.datasets import PictureSet, split_identities
from lookalike.distances import minkowski, pairwise
from lookalike.embedder import Embedder, Preprocessing
from lookalike.embedder.network import NetworkEmbedder
from lookalike.faces.eigenfaces import Eigenfaces
from lookalike.faces.recipe import face_recipe
from lookalike.progress import Progress, counted
from lookalike.training import LossName, Recipe, train

__all__ = ["METHODS", "RECIPE", "Method", "compare_methods", "divide_people", "untrained_embeddings"]

Floats = npt.NDArray[np.floating[Any]]

#: Report name → the loss it is trained with, None for what is not trained here.
METHODS: dict[str, LossName | None] = {
    "pixels, Euclidean": None,
    "eigenfaces, Mahalanobis": None,
    "softmax": "softmax",
    "triplet (semi-hard)": "triplet",
    "ArcFace": "arcface",
    "dlib (pretrained)": None,
}
#: All networks are trained by this recipe; ORL's pictures are face crops.
RECIPE = "face-crops"
#: Components kept; chosen on validation people among 10 to 150.
_EIGENFACES = 60
#: People of the ORL faces that are only tested, and people of the others that only set thresholds.
_UNSEEN, _THRESHOLD_PEOPLE = 10, 6


def divide_people(pictures: PictureSet, seed: int) -> tuple[PictureSet, PictureSet, PictureSet]:
    """People to learn from, people to set thresholds on, and people never seen; a seed decides who is who."""
    seen, unseen = split_identities(pictures, _UNSEEN, seed)
    learn, measure = split_identities(seen, _THRESHOLD_PEOPLE, seed)
    return learn, measure, unseen


@dataclass(frozen=True, eq=False)
class Method:
    """One method's answer.

    Attributes:
        name: as in `METHODS`.
        distances: `(n, n)` between the test pictures.
        seconds: what training (or fitting) and embedding took.
        embeddings: `(n, d)`.
        folder: of the trained model, where there is one.
        notes: remarks on the pictures.
    """

    name: str
    distances: Floats
    seconds: float
    embeddings: Floats
    folder: Path | None = None
    notes: tuple[str, ...] = ()


def _grey(pictures: PictureSet, preprocessing: Preprocessing) -> Floats:
    """`(n, h·w)` float64 in [0, 1]: what the networks are given, before any of them sees it."""
    pixels = np.stack([preprocessing.prepare(path).pixels for path in pictures.paths])
    return pixels.reshape(len(pixels), -1) / 255.0


def compare_methods(
    learn: PictureSet,
    test: PictureSet,
    folder: Path,
    seed: int = 0,
    methods: Sequence[str] = tuple(METHODS),
    epochs: int | None = None,
    progress: Callable[[str, Progress], None] | None = None,
) -> Iterator[Method]:
    """Train, embed and compare; yields each method as it is done.

    Args:
        learn: people the methods may learn from.
        test: other people.
        folder: trained models go to `FOLDER/NAME`.
        seed: of every network.
        methods: names out of `METHODS`, or any loss that a recipe may name.
        epochs: fewer than the recipes', for a quick look.
        progress: called with the method's name and where its training or embedding stands.

    Raises:
        MissingDependencyError: dlib was asked for and is not installed.
    """
    for name in methods:
        started = time.monotonic()

        def show(p: Progress, name: str = name) -> None:
            if progress:
                progress(name, p)

        loss, made = METHODS.get(name, name), None
        notes: list[str] = []
        if loss is not None:
            recipe = face_recipe(RECIPE, loss, seed=seed, epochs=epochs)
            made = folder / loss
            train(learn, recipe, made, name=loss, restart=True, replace=True, progress=show)
            embedder = Embedder.load(made)
            vectors: Floats = embedder.embed(test.paths).astype(np.float64)
            distances = pairwise(vectors, vectors, embedder.metric)
        elif name.startswith("dlib"):
            # ORL's pictures are face crops already; the detector needs some room around a face.
            embedder = Embedder.load("dlib", cropped=True)

            def remark(position: int, text: str, notes: list[str] = notes) -> None:
                notes.append(f"{test.paths[position]}: {text}")

            vectors = embedder.embed(test.paths, 10, counted(show, "Embedding", len(test)), remark)
            distances = pairwise(vectors, vectors, embedder.metric)
        else:
            preprocessing = face_recipe(RECIPE).preprocessing
            pixels = _grey(test, preprocessing)
            if name.startswith("pixels"):
                vectors, distances = pixels, minkowski(pixels, pixels, p=2)
            else:
                eigenfaces = Eigenfaces(_grey(learn, preprocessing), min(_EIGENFACES, len(learn) - 1))
                vectors = eigenfaces.embed(pixels)
                distances = eigenfaces.distances(vectors, vectors)
        yield Method(name, distances, time.monotonic() - started, vectors, made, tuple(notes))


def untrained_embeddings(recipe: Recipe, pictures: PictureSet) -> npt.NDArray[np.float32]:
    """What the recipe's network says before it has learned anything: `(n, d)`, for the map before training."""
    from lookalike.embedder.model_folder import ModelCard

    card = ModelCard(
        name="untrained",
        backbone=recipe.backbone,
        backbone_options=recipe.backbone_options,
        embedding_size=recipe.embedding_size,
        preprocessing=recipe.preprocessing,
        fingerprint="untrained",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = card.build()
    return NetworkEmbedder(network, card).embed(pictures.paths)
