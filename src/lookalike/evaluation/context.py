"""What evaluators of people measure on: vectors, labels, the model that made them, and what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lookalike.datasets import PictureSet
from lookalike.distances import MetricName
from lookalike.embedder.face import Face
from lookalike.evaluation.options import EvaluationOptions
from lookalike.images import RGBArray
from lookalike.progress import Reporter

__all__ = ["EmbedPictures", "EvaluatedModel", "EvaluationContext"]

Vectors = npt.NDArray[np.float32]


class EmbedPictures(Protocol):
    """Embeds further pictures, such as distractors, and reports progress."""

    def __call__(self, pictures: PictureSet, *, stage: str, skip_bad: bool = False) -> tuple[Vectors, PictureSet]:
        """Vectors, and the pictures they are of.

        Args:
            pictures: to embed.
            stage: what the progress is called.
            skip_bad: leave out pictures that cannot be used, and report them.

        Raises:
            DatasetError: some picture cannot be used and `skip_bad` is false, or none can.
        """


@dataclass(frozen=True)
class EvaluatedModel:
    """The model under test.

    Attributes:
        name: of the model.
        fingerprint: of the model.
        metric: name of its distance.
        embed: embeds further pictures with it.
        threshold: the distance it answers with, chosen on other people; None where it has none.
        faces: finds the faces of a picture, the one that is embedded first; None where it embeds whole pictures.
    """

    name: str
    fingerprint: str
    metric: MetricName
    embed: EmbedPictures
    threshold: float | None = None
    faces: Callable[[RGBArray], Sequence[Face]] | None = None


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """What an evaluator of people is given.

    Attributes:
        model: under test.
        vectors: `(n, d)` float32, one per picture.
        pictures: n, with their identities.
        options: what was asked for.
        report: told of progress, and of what the user should know at once.
        rival: another model, to be compared with; None where none was given.
        measured: what was measured on this context, by `evaluator.measured_once`.
    """

    model: EvaluatedModel
    vectors: Vectors
    pictures: PictureSet
    options: EvaluationOptions
    report: Reporter
    rival: EvaluatedModel | None = None
    measured: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
