"""Distances of pictures to sets of templates: the genuine and impostor pairs of a template scoring.

As in IJB-B (Whitelam et al. 2017), an identity is a set of templates. The pictures of every identity, shuffled, are cut
into as many sets of N as they make. Each picture is compared with every set that it is not in: a genuine pair is a
picture and a set of the same identity, an impostor pair of two. With N = 1 these are all pairs of pictures, each twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.decisions.scoring_rule import TemplateScoring
from lookalike.decisions.template_scoring import TemplateSets
from lookalike.distances import MetricName
from lookalike.errors import InputError
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.evaluation.verification.all_pairs import VerificationResult, from_scores

__all__ = ["SetDistances", "cut_sets", "equal_sets", "verify_sets"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SetDistances:
    """Distances of pictures to sets.

    Attributes:
        result: its pairs are the position of a picture, and `pictures` + the number of a set; its `codes` are the
            identities of both.
        pictures: how many there are.
        rule: how the templates of a set became one distance.
        size: templates of a set.
    """

    result: VerificationResult
    pictures: int
    rule: TemplateScoring
    size: int


def cut_sets(codes: Integers, size: int, seed: int = 0) -> tuple[Integers, Integers]:
    """Cut the pictures of every identity into sets; what is left over of an identity is in none.

    Args:
        codes: `(n,)` identity of every picture.
        size: pictures of a set.
        seed: of the shuffling.

    Returns:
        `(g, size)` positions of pictures, and the `(g,)` identity of every set.

    Raises:
        InputError: no identity has more pictures than a set, so none could be asked about; or a size below 1.

    Example:
        >>> cut_sets(np.array([0, 0, 0, 1, 1]), 2)[1].tolist()
        [0, 1]
    """
    if size < 1 or not (np.bincount(codes) > size).any():
        raise InputError(
            f"sets of {how_many(size, 'template')} were asked for, and no identity has more pictures than that; give "
            "pictures of more of each identity, or enroll fewer"
        )
    order = np.random.default_rng([seed, 0x5E7]).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    counts = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    sets = [
        order[start : start + count // size * size].reshape(-1, size)
        for start, count in zip(starts.tolist(), counts.tolist(), strict=True)
    ]
    pictures = np.concatenate(sets)
    return pictures, codes[pictures[:, 0]]


def equal_sets(vectors: npt.NDArray[Any], pictures: Integers) -> TemplateSets:
    """The sets of pictures at `(g, size)` positions, each picture with the same weight."""
    count, size = pictures.shape
    return TemplateSets(
        vectors[pictures.ravel()].astype(np.float64),
        np.full(count * size, 1 / size),
        np.arange(0, count * size + 1, size),
    )


def verify_sets(
    embeddings: npt.ArrayLike,
    labels: Any,
    metric: MetricName,
    rule: TemplateScoring,
    size: int,
    seed: int = 0,
) -> SetDistances:
    """Compare every picture with every set that it is not in.

    Args:
        embeddings: `(n, d)`.
        labels: `(n,)` integers or strings.
        metric: name of the distance.
        rule: how the templates of a set become one distance.
        size: templates of a set.
        seed: decides which pictures make a set.

    Raises:
        VectorError: wrong shapes, NaN, or not one label per vector.
        InputError: one identity only, no identity with more pictures than a set, or more pairs than can be held.

    Example:
        >>> found = verify_sets([[0.0], [0.2], [0.4], [5.0]], ["a", "a", "a", "b"], "euclidean", "mean", 2)
        >>> len(found.result.genuine), len(found.result.impostor)
        (1, 1)
    """
    vectors = checked_vectors(embeddings)
    codes, names = identity_codes(labels, len(vectors))
    pictures, owners = cut_sets(codes, size, seed)
    distances = equal_sets(vectors, pictures).distances(vectors, metric, rule)
    compared = np.ones(distances.shape, bool)
    compared[pictures, np.arange(len(pictures))[:, None]] = False
    probes, sets = np.nonzero(compared)
    result = from_scores(
        distances[compared],
        codes[probes] == owners[sets],
        pairs=np.stack([probes, len(vectors) + sets], axis=1),
        labels=[names[code] for code in np.concatenate([codes, owners]).tolist()],
    )
    return SetDistances(result, len(vectors), rule, size)
