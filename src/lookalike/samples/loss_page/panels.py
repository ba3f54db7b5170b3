"""The losses whose pictures are shown side by side, and their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

from lookalike.losses import (
    ArcFaceLoss,
    CenterLoss,
    CosFaceLoss,
    JointLoss,
    SoftmaxLoss,
    SphereFaceLoss,
    TripletLoss,
)
from lookalike.samples.digits import CLASSES

__all__ = ["PANELS", "Family", "Panel"]

Family = Literal["softmax", "center", "angular", "triplet"]

#: Factors of ten, so that the petals of softmax turn into points before one's eyes.
_CENTER_WEIGHTS = (0.0001, 0.001, 0.01, 0.1)
#: Ten directions in the plane are 36° apart, so margins and scale are smaller than for faces in 128 dimensions:
#: cos 36° = 0.81 leaves CosFace less than 0.19, and ArcFace less than 0.63 radians.
_COSINE_MARGIN, _ANGLE_MARGIN, _SCALE = 0.15, 0.3, 16.0
#: The authors' annealing (1000, 0.12, 5) is for 28,000 steps; this one ends within the 900 made here.
#: Sooner, or down to 1, two classes end in one direction with some seeds.
_ANNEALING = (1000.0, 1.0, 2.0)
_TRIPLET_MARGIN = 0.2


@dataclass(frozen=True)
class Panel:
    """One picture of the page.

    Attributes:
        name: of the loss, unique on the page.
        family: what it is shown beside.
        formula: the loss of a picture, in plain text.
        settings: its arguments.
        build: makes the loss for embeddings in the plane.
        unit_vectors: embeddings are normalised before the loss, as FaceNet does; drawn and measured so.
        by_direction: lengths mean nothing to its distance, so everything is measured on unit vectors.
        on_circle: drawn as directions on the unit circle.
    """

    name: str
    family: Family
    formula: str
    settings: Mapping[str, float | str]
    build: Callable[[], nn.Module]
    unit_vectors: bool = False
    by_direction: bool = False
    on_circle: bool = False


def _softmax() -> nn.Module:
    return SoftmaxLoss(CLASSES, 2)


def _center(weight: float) -> Panel:
    return Panel(
        f"Center loss, λ = {weight:g}",
        "center",
        "softmax + λ/2 · |x − c_y|²",
        {"λ": weight, "α": 0.5},
        lambda: JointLoss(_softmax(), CenterLoss(CLASSES, 2, weight=weight, rate=0.5)),
    )


def _triplet(mining: Literal["hard", "semihard"], name: str, formula: str) -> Panel:
    return Panel(
        name,
        "triplet",
        formula,
        {"m": _TRIPLET_MARGIN, "mining": mining, "embeddings": "unit"},
        lambda: TripletLoss(margin=_TRIPLET_MARGIN, mining=mining),
        unit_vectors=True,
        by_direction=True,
        on_circle=True,
    )


#: In the order of the page.
PANELS: tuple[Panel, ...] = (
    Panel("Softmax", "softmax", "−log softmax(W x + b)[y]", {}, _softmax),
    *(_center(weight) for weight in _CENTER_WEIGHTS),
    Panel(
        "SphereFace",
        "angular",
        "−log softmax(|x| · [ψ(θ_y), cos θ_j])[y],  ψ(θ) = cos mθ, then falling on",
        {"m": 4.0, "λ_0": _ANNEALING[0], "γ": _ANNEALING[1], "λ_min": _ANNEALING[2]},
        lambda: SphereFaceLoss(CLASSES, 2, margin=4.0, annealing=_ANNEALING),
        by_direction=True,
    ),
    Panel(
        "CosFace",
        "angular",
        "−log softmax(s · [cos θ_y − m, cos θ_j])[y]",
        {"m": _COSINE_MARGIN, "s": _SCALE},
        lambda: CosFaceLoss(CLASSES, 2, margin=_COSINE_MARGIN, scale=_SCALE),
        by_direction=True,
        on_circle=True,
    ),
    Panel(
        "ArcFace",
        "angular",
        "−log softmax(s · [cos(θ_y + m), cos θ_j])[y]",
        {"m": _ANGLE_MARGIN, "s": _SCALE},
        lambda: ArcFaceLoss(CLASSES, 2, margin=_ANGLE_MARGIN, scale=_SCALE),
        by_direction=True,
        on_circle=True,
    ),
    _triplet("hard", "Triplet, hard negatives only", "max(d_ap − d_an + m, 0)  where d_an ≤ d_ap"),
    _triplet("semihard", "Triplet, semi-hard negatives", "max(d_ap − d_an + m, 0)  where d_ap < d_an < d_ap + m"),
)
