"""Angular margins: classify by angle, and make the right class's angle harder than it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lookalike.errors import InputError
from lookalike.losses.class_chunks import class_scores
from lookalike.losses.directions import SMALLEST, lengths_of, unit_vectors
from lookalike.losses.margin_softmax import MarginSoftmaxLoss, add_angle, multiply_angle, share_lost

__all__ = [
    "ArcFaceLoss",
    "CombinedMarginLoss",
    "CosFaceLoss",
    "SphereFaceLoss",
    "SubCenterArcFaceLoss",
    "combined_margin",
    "dynamic_margins",
]


def check_angle(margin: float) -> float:
    """Return an angular margin, or raise an `InputError`."""
    if not 0 <= margin < math.pi:
        raise InputError(f"margin is {margin}; an angular margin is in radians, from 0 up to pi")
    return float(margin)


class ArcFaceLoss(MarginSoftmaxLoss):
    """Additive angular margin: ``-log softmax(s · [cos(θ_y + m), cos θ_j])[y]``, mean over the batch.

    θ_j is the angle between the embedding and the center of class j; lengths do not matter. Where θ + m
    passes π, where cos turns back up, the logit goes on as ``cos θ - m sin m`` as in the authors' code, so it
    keeps falling as θ grows. The slope is the true one: ``d logit / d cos θ = s sin(θ + m) / sin θ``
    (230 at 10°, 87 at 45° for s = 64, m = 0.5), finite also at θ = 0 and θ = π.

    Deng, Guo, Xue, Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        margin: m, in radians, in [0, π).
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.

    Raises:
        InputError: margin or scale out of range, or a size below 1.

    Example:
        >>> head = ArcFaceLoss(num_classes=1000, embedding_size=128)
        >>> head(torch.randn(8, 128), torch.arange(8)).ndim
        0
    """

    def __init__(self, num_classes: int, embedding_size: int, margin: float = 0.5, scale: float = 64.0) -> None:
        super().__init__(num_classes, embedding_size, scale)
        self.margin = check_angle(margin)

    def target_logits(self, cos: Tensor) -> Tensor:
        """Cos θ of the right class to its margin logit, before the scale; same shape."""
        return add_angle(cos, self.margin)


class CosFaceLoss(MarginSoftmaxLoss):
    """Additive cosine margin: ``-log softmax(s · [cos θ_y - m, cos θ_j])[y]``, mean over the batch.

    Wang, Wang, Zhou, Ji, Gong, Zhou, Li, Liu, "CosFace: Large Margin Cosine Loss for Deep Face Recognition", CVPR 2018;
    the same as AM-Softmax (Wang, Cheng, Liu, Liu 2018).

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        margin: m, in [0, 2).
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.

    Raises:
        InputError: margin or scale out of range, or a size below 1.

    Example:
        >>> head = CosFaceLoss(num_classes=1000, embedding_size=128)
        >>> head(torch.randn(8, 128), torch.arange(8)).ndim
        0
    """

    def __init__(self, num_classes: int, embedding_size: int, margin: float = 0.35, scale: float = 64.0) -> None:
        super().__init__(num_classes, embedding_size, scale)
        self.margin = _check_cosine(margin)

    def target_logits(self, cos: Tensor) -> Tensor:
        """Cos θ of the right class to its margin logit, before the scale; same shape."""
        return cos - self.margin


class CombinedMarginLoss(MarginSoftmaxLoss):
    """All three margins at once: ``-log softmax(s · [cos(m1 θ_y + m2) - m3, cos θ_j])[y]``, mean over the batch.

    (1, m, 0) is ArcFace, (1, 0, m) CosFace, (m, 0, 0) SphereFace's ψ on unit embeddings. Where the angle passes π the
    logit goes on falling: as ArcFace's for m1 = 1, else as SphereFace's.

    Deng et al., "ArcFace", CVPR 2019, equation 4; the authors use (1, 0.3, 0.2).

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        margins: (m1, m2, m3); m1 at least 1, m2 in [0, π) radians, m3 in [0, 2).
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.

    Raises:
        InputError: a margin or scale out of range, or a size below 1.

    Example:
        >>> head = CombinedMarginLoss(num_classes=1000, embedding_size=128, margins=(1.0, 0.3, 0.2))
        >>> head(torch.randn(8, 128), torch.arange(8)).ndim
        0
    """

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        margins: tuple[float, float, float] = (1.0, 0.3, 0.2),
        scale: float = 64.0,
    ) -> None:
        super().__init__(num_classes, embedding_size, scale)
        self.margins = check_margins(margins)

    def target_logits(self, cos: Tensor) -> Tensor:
        """Cos θ of the right class to its margin logit, before the scale; same shape."""
        return combined_margin(cos, self.margins)


def check_margins(margins: Sequence[float]) -> tuple[float, float, float]:
    """Return (m1, m2, m3), or raise an `InputError`."""
    if len(margins) != 3:
        raise InputError(f"margins are {margins!r}; give three: (m1, m2, m3), such as (1.0, 0.3, 0.2)")
    factor, angle, cosine = margins
    if not 1 <= factor <= 16:
        raise InputError(f"m1 is {factor}; it multiplies the angle: from 1 (no margin) to 16")
    return float(factor), check_angle(angle), _check_cosine(cosine)


def combined_margin(cos: Tensor, margins: tuple[float, float, float]) -> Tensor:
    """``cos(m1 θ + m2) - m3`` of cosines of any shape, falling all the way to θ = π."""
    factor, angle, cosine = margins
    turned = add_angle(cos, angle) if factor == 1 else multiply_angle(cos, factor, angle)
    return turned - cosine


def _check_cosine(margin: float) -> float:
    if not 0 <= margin < 2:
        raise InputError(f"margin is {margin}; a cosine margin lies between 0 and 2 (0.35 is usual)")
    return float(margin)


class SphereFaceLoss(MarginSoftmaxLoss):
    """Multiplicative angular margin (A-Softmax): ``-log softmax([|x| ψ(θ_y), |x| cos θ_j])[y]``, mean over the batch.

    ``ψ(θ) = (-1)^k cos(m θ) - 2k`` for θ in [kπ/m, (k+1)π/m] equals cos(m θ) at first and then falls on to θ = π. So
    steep a target does not train from nothing; as in the authors' code it is mixed with the plain one,
    ``(λ cos θ + ψ(θ)) / (1 + λ)``, with ``λ = max(λ_min, λ_0 (1 + γ step)^-1)``; steps count in training mode, and
    are saved with the weights. Centers have unit length, embeddings keep theirs: it is their scale.

    Liu, Wen, Yu, Li, Raj, Song, "SphereFace: Deep Hypersphere Embedding for Face Recognition", CVPR 2017; annealing
    with the authors' values.

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        margin: m, a factor of the angle, at least 1 (whole in the paper: 4).
        scale: a fixed s instead of the embedding's length (SphereFace-R); None is the paper's.
        annealing: (λ_0, γ, λ_min); (0, 0, 0) starts with the full margin.

    Raises:
        InputError: margin, scale or annealing out of range, or a size below 1.

    Example:
        >>> head = SphereFaceLoss(num_classes=1000, embedding_size=128)
        >>> head(torch.randn(8, 128), torch.arange(8)).ndim
        0
    """

    steps: Tensor

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        margin: float = 4.0,
        scale: float | None = None,
        annealing: tuple[float, float, float] = (1000.0, 0.12, 5.0),
    ) -> None:
        super().__init__(num_classes, embedding_size, 1.0 if scale is None else scale)
        if not 1 <= margin <= 16:
            raise InputError(f"margin is {margin}; SphereFace multiplies the angle by it: from 1 (no margin) to 16")
        if len(annealing) != 3 or not all(0 <= value < math.inf for value in annealing):
            raise InputError(f"annealing is {annealing!r}; give (λ_0, γ, λ_min), none below 0")
        self.margin, self.by_length, self.annealing = float(margin), scale is None, tuple(annealing)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def plainness(self) -> float:
        """λ: how much of the plain softmax is mixed in at this step."""
        start, rate, least = self.annealing
        return max(least, start / (1 + rate * int(self.steps)))

    def target_logits(self, cos: Tensor) -> Tensor:
        """Cos θ of the right class to its margin logit, before the scale; same shape."""
        plainness = self.plainness
        return (plainness * cos + multiply_angle(cos, self.margin)) / (1 + plainness)

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of a checked batch."""
        if self.by_length:
            lengths = lengths_of(x)
            scores = class_scores(x, self.centers, labels)
            cos = scores.target / lengths.clamp(min=SMALLEST)
            value = share_lost(lengths * self.target_logits(cos), scores.rest)
        else:
            value = super().over(x, labels)
        if self.training:
            self.steps += 1
        return value


class SubCenterArcFaceLoss(MarginSoftmaxLoss):
    """ArcFace with K centers a class, of which the nearest counts: noise and variety settle on centers of their own.

    With `class_counts`, every class has its own margin ``m_c = a n_c^(-b) + c``: identities with few pictures get
    more (Ha et al.).

    Deng, Guo, Liu, Gong, Zafeiriou, "Sub-center ArcFace", ECCV 2020. Ha, Liu, Liu, Liao, "Google Landmark Recognition
    2020 Competition Third Place Solution", 2020 (the margins; a = 0.5, b = 0.25, c = 0.05 are theirs).

    Args:
        num_classes: identities in training.
        embedding_size: dimensions of the embeddings.
        margin: m, in radians, in [0, π); not used with `class_counts`.
        scale: s. 64 suits large sets; a few dozen identities want 16 to 32.
        subcenters: K.
        class_counts: `(num_classes,)` pictures of every class, for dynamic margins.
        dynamic: (a, b, c) of these.

    Raises:
        InputError: margin, scale, subcenters or counts out of range, or a size below 1.

    Example:
        >>> head = SubCenterArcFaceLoss(num_classes=3, embedding_size=8, class_counts=[10, 100, 1000])
        >>> [round(m, 3) for m in head.margins.tolist()]
        [0.331, 0.208, 0.139]
    """

    margins: Tensor

    def __init__(
        self,
        num_classes: int,
        embedding_size: int,
        margin: float = 0.5,
        scale: float = 64.0,
        subcenters: int = 3,
        class_counts: Sequence[int] | None = None,
        dynamic: tuple[float, float, float] = (0.5, 0.25, 0.05),
    ) -> None:
        if subcenters < 1:
            raise InputError(f"subcenters is {subcenters}; every class has at least 1 (3 is usual)")
        super().__init__(num_classes, embedding_size, scale, subcenters)
        self.subcenters = subcenters
        if class_counts is None:
            margins = torch.full((num_classes,), check_angle(margin), dtype=torch.float64)
        else:
            margins = dynamic_margins(class_counts, *dynamic)
            if len(margins) != num_classes:
                raise InputError(f"class_counts has {len(margins)} entries; there are {num_classes} classes")
        self.register_buffer("margins", margins)  # float64: a margin is what was given

    def over(self, x: Tensor, labels: Tensor) -> Tensor:
        """The loss of a checked batch."""
        scores = class_scores(unit_vectors(x), self.centers, labels, scale=self.scale)
        logits = add_angle(scores.target, self.margins[labels].to(x.dtype))
        return share_lost(self.scale * logits, scores.rest)


def dynamic_margins(counts: Sequence[int], a: float = 0.5, b: float = 0.25, c: float = 0.05) -> Tensor:
    """Margins ``m_c = a n_c^(-b) + c`` of classes with n_c pictures, `(classes,)` float64.

    Raises:
        InputError: a count below 1, or a margin that falls outside [0, π).
    """
    n = torch.as_tensor(list(counts), dtype=torch.float64)
    if n.ndim != 1 or not bool(((n >= 1) & (n == n.floor())).all()):
        raise InputError("class_counts must be whole numbers of at least 1, one for every class")
    margins = a * n ** (-b) + c
    if not bool(((margins >= 0) & (margins < math.pi)).all()):
        raise InputError(
            f"a = {a}, b = {b}, c = {c} give margins from {margins.min():.3g} to {margins.max():.3g}; "
            "an angular margin is in radians, from 0 up to pi"
        )
    return margins
