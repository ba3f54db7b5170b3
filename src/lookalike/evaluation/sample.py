"""The pictures whose pairs are all kept: those of every person, or of people drawn from a large set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.datasets import PictureSet
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import measured_once

__all__ = ["SAMPLE", "Sample", "sample", "sampled_positions"]

#: Pictures of which all pairs are kept: 4.5 million, whose bootstrap takes two minutes.
SAMPLE = 3_000


@dataclass(frozen=True, eq=False)
class Sample:
    """Some of the pictures of an evaluation, or all.

    Attributes:
        vectors: `(n, d)` float32.
        pictures: n, with their identities.
        whole: whether these are all pictures.
    """

    vectors: npt.NDArray[np.float32]
    pictures: PictureSet
    whole: bool


@measured_once
def sample(context: EvaluationContext) -> Sample:
    """The pictures from which figures, intervals and look-alikes come, for they need every pair at hand."""
    positions = sampled_positions(context.pictures, SAMPLE, context.options.seed)
    pictures = context.pictures.select(positions)
    return Sample(context.vectors[positions], pictures, len(pictures) == len(context.pictures))


def sampled_positions(pictures: PictureSet, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Positions of all pictures of randomly drawn people, about `count` of them; of all people where there are no more.

    At least two people are drawn.
    """
    if len(pictures) <= count:
        return np.arange(len(pictures))
    pictures_of = np.bincount(pictures.labels)
    order = np.random.default_rng(seed).permutation(len(pictures_of))
    people = max(2, int(np.searchsorted(np.cumsum(pictures_of[order]), count, side="right")))
    return np.flatnonzero(np.isin(pictures.labels, order[:people]))
