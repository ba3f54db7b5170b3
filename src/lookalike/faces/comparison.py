"""The methods side by side, on pictures of people none of them has seen.

Every method turns the same test pictures into an (n, n) matrix of distances, so that one evaluation serves all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
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
from lookalike.progress import Progress, ProgressSink, counted
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
UNSEEN, THRESHOLD_PEOPLE = 10, 6


def divide_people(
    pictures: PictureSet, seed: int, *, unseen: int = UNSEEN, threshold_people: int = THRESHOLD_PEOPLE
) -> tuple[PictureSet, PictureSet, PictureSet]:
    """Divide people by a seed: some to learn from, some to set thresholds on, and some that are only tested.

    Args:
        pictures: of all people.
        seed: decides who is in which part.
        unseen: number of people that are only tested.
        threshold_people: number of people that thresholds are set on; all others are learned from.

    Raises:
        DatasetError: there are too few people.

    Example:
        >>> learn, measure, unseen = divide_people(read_pictures("bundled:orl"), seed=0)    # doctest: +SKIP
        >>> len(learn.names), len(measure.names), len(unseen.names)    # doctest: +SKIP
        (24, 6, 10)
    """
    seen, tested = split_identities(pictures, unseen, seed)
    learn, measure = split_identities(seen, threshold_people, seed)
    return learn, measure, tested


@dataclass(frozen=True, eq=False)
class Method:
    """The distances of one method, and what they were computed from.

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
    """`(n, h·w)` float64 in [0, 1]: the input of the networks, as a row per picture."""
    pixels = np.stack([preprocessing.prepare(path).pixels for path in pictures.paths])
    return pixels.reshape(len(pixels), -1) / 255.0


def compare_methods(
    learn: PictureSet,
    test: PictureSet,
    folder: Path,
    *,
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
        progress: called with the method's name and how far its training or embedding is.

    Raises:
        MissingDependencyError: dlib was asked for and is not installed.

    Example:
        >>> learn, _, unseen = divide_people(read_pictures("bundled:orl"), seed=0)    # doctest: +SKIP
        >>> [m.name for m in compare_methods(learn, unseen, Path("models"), methods=["ArcFace"])]    # doctest: +SKIP
        ['ArcFace']
    """
    for name in methods:
        started = time.monotonic()
        show = partial(progress, name) if progress else None
        loss, made = METHODS.get(name, name), None
        notes: tuple[str, ...] = ()
        if loss is not None:
            made = folder / loss
            recipe = face_recipe(RECIPE, loss, seed=seed, epochs=epochs)
            train(learn, recipe, made, name=loss, restart=True, replace=True, progress=show)
            embedder = Embedder.load(made)
            vectors: Floats = embedder.embed(test.paths).astype(np.float64)
            distances = pairwise(vectors, vectors, embedder.metric)
        elif name.startswith("dlib"):
            vectors, distances, notes = _dlib(test, show)
        else:
            vectors, distances = _untrained(name, learn, test)
        yield Method(name, distances, time.monotonic() - started, vectors, made, notes)


def _dlib(test: PictureSet, show: ProgressSink | None) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Vectors, distances, and remarks on the pictures."""
    # The pictures are face crops already; the detector needs some room around a face.
    embedder = Embedder.load("dlib", cropped=True)
    notes: list[str] = []
    vectors = embedder.embed(
        test.paths,
        batch_size=10,
        progress=counted(show, "Embedding", len(test)),
        notes=lambda at, text: notes.append(f"{test.paths[at]}: {text}"),
    )
    return vectors, pairwise(vectors, vectors, embedder.metric), tuple(notes)


def _untrained(name: str, learn: PictureSet, test: PictureSet) -> tuple[Floats, Floats]:
    """Vectors and distances of the pixels themselves, or of eigenfaces of the people to learn from."""
    preprocessing = face_recipe(RECIPE).preprocessing
    pixels = _grey(test, preprocessing)
    if name.startswith("pixels"):
        return pixels, minkowski(pixels, pixels, p=2)
    eigenfaces = Eigenfaces(_grey(learn, preprocessing), min(_EIGENFACES, len(learn) - 1))
    vectors = eigenfaces.embed(pixels)
    return vectors, eigenfaces.distances(vectors, vectors)


def untrained_embeddings(recipe: Recipe, pictures: PictureSet) -> npt.NDArray[np.float32]:
    """Vectors of the recipe's network with its first weights: `(n, d)`, for the map before training."""
    from lookalike.embedder.model_card import ModelCard

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
