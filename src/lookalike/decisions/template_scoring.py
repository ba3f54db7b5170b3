"""How several templates of one identity become one distance: nearest, mean or set.

- `nearest`: the distance of the nearest template. Qualities have no say in it.
- `mean`: the distance of the mean template, each template weighted by the quality of its picture. Under cosine,
  templates are brought to unit length before and the mean after; a mean without a direction is at distance 1 from
  every probe, as what is orthogonal.
- `set`: the mean of the distances, weighted by quality and by a soft-max of the similarities: a template that is far
  nearer than the others decides almost alone, templates that are equally near decide together. With weights w, it is
  ``sum(w d exp(-b d)) / sum(w exp(-b d))``. The sharpness b is `SHARPNESS` over the scale of the distances: 1 under
  cosine, the mean distance of the set under euclidean and manhattan, the product of the lengths under inner_product.

A threshold holds for the rule that it was measured with, and for no other: see `Calibration.for_scoring`.

Sources: Crosswhite, Byrne, Parkhi, Stauffer, Cao & Zisserman, "Template adaptation for face verification and
identification" (2017), for mean templates (average pooling, unit length); Masi, Tran, Hassner, Leksut & Medioni, "Do we
really need to collect millions of faces for effective face recognition?" (2016), for the soft-max of similarities;
Whitelam et al., "IARPA Janus Benchmark - B" (2017), for identities as sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.decisions.scoring_rule import TemplateScoring, checked_scoring
from lookalike.distances import MetricName, blocks, check_metric, pairwise, unit_length
from lookalike.errors import VectorError

__all__ = ["TemplateSets", "scored"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Of the soft-max: of two templates, one nearer by a tenth of the scale weighs e times the other. Not tuned.
SHARPNESS = 10.0
#: A mean of unit vectors that is no longer than this is the rounding of vectors that cancel.
NO_LENGTH = 1e-9


@dataclass(frozen=True, eq=False)
class TemplateSets:
    """The templates of several identities, ready to be scored.

    Attributes:
        vectors: `(m, d)` float64, those of one identity next to each other.
        weights: `(m,)` float64, of every template in its set; they add up to 1 in each.
        starts: `(g + 1,)` int64, where each set begins, and m.

    Example:
        >>> sets = TemplateSets.of([[[0.0], [2.0]], [[4.0]]])
        >>> sets.distances([[0.0]], "euclidean", "mean").tolist()
        [[1.0, 4.0]]
    """

    vectors: Floats
    weights: Floats
    starts: Integers

    @classmethod
    def of(
        cls, templates: Sequence[npt.ArrayLike], qualities: Sequence[Sequence[float | None] | None] | None = None
    ) -> TemplateSets:
        """Sets from the templates of each identity.

        Args:
            templates: of each identity `(m, d)`, at least one.
            qualities: of each identity one number of at least 0 per template; None counts as 1. Only their ratios
                matter. Where all of a set are 0, they count alike.

        Raises:
            VectorError: no identity, an identity without templates, another shape, NaN, or not one quality per
                template.
        """
        vectors = [np.asarray(one, np.float64) for one in templates]
        if not vectors or any(one.ndim != 2 or not len(one) or one.shape[1] != vectors[0].shape[1] for one in vectors):
            shapes = ", ".join(str(one.shape) for one in vectors[:3]) or "none"
            raise VectorError(f"template sets have shapes {shapes}; expected (templates, dimension), at least one each")
        together = np.concatenate(vectors)
        if not np.isfinite(together).all():
            raise VectorError("templates hold NaN or infinity; give finite numbers")
        sizes = [len(one) for one in vectors]
        given = [None] * len(vectors) if qualities is None else list(qualities)
        if len(given) != len(vectors):
            raise VectorError(f"qualities of {len(given)} identities were given for {len(vectors)}; give one list each")
        weights = [_weights(own, size) for own, size in zip(given, sizes, strict=True)]
        return cls(together, np.concatenate(weights), np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def chosen(self, numbers: Sequence[int]) -> TemplateSets:
        """Some of the sets, in the order of `numbers`, at least one."""
        rows = np.concatenate([np.arange(self.starts[number], self.starts[number + 1]) for number in numbers])
        sizes = np.diff(self.starts)[list(numbers)]
        return TemplateSets(self.vectors[rows], self.weights[rows], np.concatenate([[0], np.cumsum(sizes)]))

    def distances(self, probes: npt.ArrayLike, metric: MetricName, rule: TemplateScoring) -> Floats:
        """`(q, g)` float64 distance of every `(q, d)` probe to every set.

        Raises:
            VectorError: wrong shapes, NaN, an unknown metric, or a zero vector under cosine.
            InputError: an unknown rule.
        """
        check_metric(metric)
        checked_scoring(rule)
        asked = np.asarray(probes, np.float64)
        if rule == "mean":
            return self._to_means(asked, metric)
        found = np.empty((len(asked), len(self)))
        for rows in blocks(len(asked), len(self.vectors)):
            each = np.asarray(pairwise(asked[rows], self.vectors, metric))
            if rule == "nearest":
                found[rows] = np.minimum.reduceat(each, self.starts[:-1], axis=1)
            else:
                found[rows] = self._soft_max(asked[rows], each, metric)
        return found

    def _to_means(self, probes: Floats, metric: MetricName) -> Floats:
        vectors = unit_length(self.vectors) if metric == "cosine" else self.vectors
        means = np.add.reduceat(vectors * self.weights[:, None], self.starts[:-1], axis=0)
        if metric != "cosine":
            return np.asarray(pairwise(probes, means, metric))
        cancelled = np.linalg.norm(means, axis=1) <= NO_LENGTH
        means[cancelled] = vectors[self.starts[:-1][cancelled]]  # any direction: it is not used
        found = np.asarray(pairwise(probes, means, metric))
        found[:, cancelled] = 1.0
        return found

    def _soft_max(self, probes: Floats, each: Floats, metric: MetricName) -> Floats:
        """From `(q, m)` distances to single templates."""
        starts, sizes = self.starts[:-1], np.diff(self.starts)
        if metric == "cosine":
            scale = np.ones((1, len(self)))
        elif metric == "inner_product":
            lengths = np.maximum.reduceat(np.linalg.norm(self.vectors, axis=1), starts)
            scale = np.linalg.norm(probes, axis=1)[:, None] * lengths
        else:
            scale = np.add.reduceat(each * self.weights, starts, axis=1)
        sharpness = SHARPNESS / np.where(scale > 0, scale, 1.0)  # a scale of 0: all distances are 0
        # From the nearest one that counts, so that the largest exponential is 1.
        least = np.minimum.reduceat(np.where(self.weights > 0, each, np.inf), starts, axis=1)
        beyond = np.maximum(each - np.repeat(least, sizes, axis=1), 0.0)
        shares = self.weights * np.exp(-np.repeat(sharpness, sizes, axis=1) * beyond)
        total = np.add.reduceat(shares, starts, axis=1)
        return np.asarray(least + np.add.reduceat(shares * beyond, starts, axis=1) / total)


def scored(
    probe: npt.ArrayLike,
    templates: npt.ArrayLike,
    qualities: Sequence[float | None] | None = None,
    metric: MetricName = "cosine",
    rule: TemplateScoring = "nearest",
) -> float:
    """The distance of a probe to one identity.

    Args:
        probe: `(d,)`.
        templates: `(m, d)`, at least one.
        qualities: of the templates; None counts as 1.
        metric: name of the distance.
        rule: `nearest`, `mean` or `set`.

    Raises:
        VectorError, InputError: as `TemplateSets`.

    Example:
        >>> scored([0.0], [[1.0], [3.0]], [3, 1], "euclidean", "mean")
        1.5
    """
    sets = TemplateSets.of([templates], None if qualities is None else [qualities])
    return float(sets.distances(np.asarray(probe, np.float64)[None], metric, rule)[0, 0])


def _weights(qualities: Sequence[float | None] | None, size: int) -> Floats:
    """Weights of one set, which add up to 1."""
    if qualities is None:
        return np.full(size, 1 / size)
    numbers: npt.NDArray[Any] = np.array([1.0 if one is None else one for one in qualities], np.float64)
    if numbers.shape != (size,) or not np.isfinite(numbers).all() or (numbers < 0).any():
        raise VectorError(f"qualities are {list(qualities)[:5]}; expected {size} numbers of at least 0, or None")
    largest = float(numbers.max())
    if largest == 0:
        return np.full(size, 1 / size)
    numbers = numbers / largest
    return np.asarray(numbers / numbers.sum())
