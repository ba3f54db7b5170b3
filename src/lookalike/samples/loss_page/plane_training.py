"""A small network from pictures to the plane, trained under one loss, and where it puts pictures it has not seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lookalike.errors import TrainingDiverged
from lookalike.losses.directions import unit_vectors
from lookalike.samples.digits import CLASSES, SIDE, Digits
from lookalike.samples.loss_page.panels import Panel

__all__ = ["COLLAPSED", "EPOCHS", "Measures", "TrainedPanel", "measure", "train_panel", "unit"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

#: Passes over the pictures; afterwards no picture of the page changes to the eye.
EPOCHS = 100
_BATCH = 128
_LEARNING_RATE = 4e-3
_WEIGHT_DECAY = 1e-3
#: Standard deviation of the noise on every pixel, new in every epoch: 1,198 pictures are few.
_NOISE = 0.1
#: Mean cosine similarity of two pictures from here on is one point: ten directions well apart have about 0.
COLLAPSED = 0.95


@dataclass(frozen=True)
class Measures:
    """What is measured on held-out pictures.

    Attributes:
        accuracy: share whose nearest class mean (of the pictures learned from) is their own.
        mean_similarity: mean cosine similarity over all pairs of pictures.
        within: root mean square distance to the mean of the own class.
        between: root mean square distance of the class means to their mean.
        degrees: median angle to the own class's mean direction.
        closest: smallest angle between the mean directions of two classes, in degrees.
        collapsed: whether everything lies in one direction, or on one point.
    """

    accuracy: float
    mean_similarity: float
    within: float
    between: float
    degrees: float
    closest: float
    collapsed: bool

    @property
    def share_within(self) -> float:
        """`within` as a share of `between`: what no change of scale alters."""
        return self.within / max(self.between, 1e-300)


@dataclass(frozen=True)
class TrainedPanel:
    """One loss's outcome.

    Attributes:
        panel: the loss.
        embeddings: `(n, 2)`, of the held-out pictures.
        labels: `(n,)`, their digits.
        centers: `(10, 2)`, the classes' own vectors where the loss learns such (none for triplets and softmax).
        loss: mean of the last epoch.
        measures: see there.
    """

    panel: Panel
    embeddings: Floats
    labels: Labels
    centers: Floats | None
    loss: float
    measures: Measures


def plane_network() -> nn.Module:
    """Four layers with PReLU that end in 2 numbers: after LeNets++ (Wen et al. 2016), without its convolutions.

    On 8 × 8 pixels convolutions gain nothing and take four times as long.
    """
    sizes = (SIDE * SIDE, 256, 128, 64)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.PReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 2))


def train_panel(
    panel: Panel,
    digits: Digits,
    seed: int = 0,
    epochs: int = EPOCHS,
    progress: Callable[[int], None] | None = None,
) -> TrainedPanel:
    """Train a network under a panel's loss; every panel with one seed starts from the same weights and sees the same.

    AdamW with one cycle of the learning rate. The numbers are a function of the arguments on one machine.

    Args:
        panel: the loss.
        digits: to learn from, and held out.
        seed: of weights, batches and noise.
        epochs: passes over the pictures.
        progress: called after each epoch with how many are done.

    Raises:
        TrainingDiverged: an embedding is not finite.
    """
    with _repeatable(seed):
        network = plane_network()
        loss = panel.build()
        draws = torch.Generator().manual_seed(seed)
        steps = len(digits.pictures) // _BATCH
        # Triplet losses have no parameters, and an optimizer refuses an empty group of them.
        parameters = [*network.parameters(), *loss.parameters()]
        # Fused: of networks this small the optimizer's calls take a third of the time otherwise.
        optimizer = torch.optim.AdamW(parameters, lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, _LEARNING_RATE, total_steps=epochs * steps, pct_start=0.2
        )
        last = 0.0
        for epoch in range(epochs):
            order = torch.randperm(len(digits.pictures), generator=draws)
            total = 0.0
            for batch in order[: steps * _BATCH].view(steps, _BATCH):
                pictures = digits.pictures[batch]
                noisy = pictures + _NOISE * torch.randn(pictures.shape, generator=draws)
                value = loss(_embed(network, noisy, panel), digits.labels[batch])
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                schedule.step()
                total += float(value.detach())
            last = total / steps
            if progress is not None:
                progress(epoch + 1)
        with torch.no_grad():
            learned, embeddings = (
                _embed(network, pictures, panel).double().numpy() for pictures in (digits.pictures, digits.held_out)
            )
    if not np.isfinite(learned).all() or not np.isfinite(embeddings).all():
        raise TrainingDiverged(f"{panel.name} left the finite numbers with seed {seed}; choose another --seed")
    labels = digits.held_out_labels.numpy()
    measures = measure(embeddings, labels, learned, digits.labels.numpy(), by_direction=panel.by_direction)
    return TrainedPanel(panel, embeddings, labels, _centers(loss), last, measures)


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """Torch's own draws follow the seed, in one thread, where sums have one order; afterwards all is as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # networks this small only wait for a second one
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _embed(network: nn.Module, pictures: Tensor, panel: Panel) -> Tensor:
    embeddings: Tensor = network(pictures)
    return unit_vectors(embeddings) if panel.unit_vectors else embeddings


def _centers(loss: nn.Module) -> Floats | None:
    """The classes' learned vectors, `(10, 2)`, wherever the loss keeps them."""
    for module in loss.modules():
        centers = getattr(module, "centers", None)
        if isinstance(centers, Tensor):
            return centers.detach().double().numpy().copy()
    return None


def measure(
    embeddings: Floats, labels: Labels, learned: Floats, learned_labels: Labels, *, by_direction: bool
) -> Measures:
    """Measure held-out embeddings `(n, 2)` against the class means of the ones learned from.

    Args:
        embeddings: of held-out pictures.
        labels: `(n,)`, their digits; every digit must occur.
        learned: of the pictures learned from, whose class means classify.
        learned_labels: their digits.
        by_direction: normalise everything first.
    """
    units = unit(embeddings)
    if by_direction:
        embeddings, learned = units, unit(learned)
    own_means, directions = _class_means(embeddings, labels), unit(_class_means(units, labels))
    to_means = np.linalg.norm(embeddings[:, None] - _class_means(learned, learned_labels)[None], axis=2)
    n = len(units)
    # |Σ u|² counts every ordered pair once, and each picture with itself.
    similarity = (float(np.square(units.sum(axis=0)).sum()) - float(np.square(units).sum())) / (n * (n - 1))
    two = np.triu_indices(CLASSES, 1)
    return Measures(
        accuracy=float((to_means.argmin(axis=1) == labels).mean()),
        mean_similarity=similarity,
        within=_rms(embeddings - own_means[labels]),
        between=_rms(own_means - own_means.mean(axis=0)),
        degrees=float(np.median(_degrees(units, directions[labels]))),
        closest=float(_degrees(directions[two[0]], directions[two[1]]).min()),
        # Where every vector is exactly zero there is no direction, and no two digits can be told apart either.
        collapsed=similarity >= COLLAPSED or not np.ptp(embeddings, axis=0).any(),
    )


def _class_means(vectors: Floats, labels: Labels) -> Floats:
    return np.stack([vectors[labels == digit].mean(axis=0) for digit in range(CLASSES)])


def unit(vectors: Floats) -> Floats:
    """Vectors `(n, d)` at length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Floats = vectors / np.maximum(lengths, 1e-300)
    return units


def _degrees(a: Floats, b: Floats) -> Floats:
    """Angles between unit vectors, row by row; by half the chord, exact where a cosine near 1 is not."""
    angles: Floats = np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=1) / 2, 0, 1)))
    return angles


def _rms(vectors: Floats) -> float:
    return float(np.sqrt(np.square(vectors).sum(axis=1).mean()))
