"""Google Landmarks: one prediction per query, all sorted together (GAP), and the first hundred of a ranking (mAP@100).

Recognition: each query gets at most one label, with a confidence; many queries show no landmark at all, and what is
predicted on them counts against the precision. Retrieval: each query gets a ranking, of which 100 places count. Both
are given here as they are submitted. From vectors, `retrieval.query_retrieval` gives mAP@100 as ``map_at_k[100]``.

Source: Perronnin, Liu & Renders, "A family of contextual measures of similarity between distributions with
application to image retrieval" (2009) for GAP, also called micro-AP; Weyand, Araujo, Cao & Sim, "Google Landmarks
Dataset v2" (2020), section 4.2, for both as they are used.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.labels import canonical_label, check_labels

__all__ = ["GlobalAveragePrecision", "RankedRetrieval", "global_average_precision", "mean_average_precision_at"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GlobalAveragePrecision:
    """GAP and what it was made of.

    Attributes:
        gap: ``1/M sum_i precision(i) [i-th prediction is right]``, by falling confidence.
        landmarks: M, how many queries show a landmark.
        others: queries that show none.
        predicted: queries that got a prediction.
        right: predictions that are right.
    """

    gap: float
    landmarks: int
    others: int
    predicted: int
    right: int


@dataclass(frozen=True)
class RankedRetrieval:
    """mAP@k over all queries that have anything relevant.

    Attributes:
        mean_average_precision: mean over queries of ``1/min(m, k) sum_{i<=k} precision(i) [i-th is relevant]``, m being
            how many are relevant.
        k: how many places count.
        queries: how many took part.
        left_out: queries without anything relevant.
        average_precision: `(queries + left_out,)`, NaN where left out.
    """

    mean_average_precision: float
    k: int
    queries: int
    left_out: int
    average_precision: Floats = field(repr=False, compare=False)


def global_average_precision(
    predictions: Sequence[Any], confidences: npt.ArrayLike, truth: Sequence[Any]
) -> GlobalAveragePrecision:
    """Global average precision (GAP, micro-AP) of one prediction per query.

    Among equal confidences wrong predictions come first, so that ties never improve the figure. (The competition sorts
    them by the name of the query.)

    Args:
        predictions: per query a label (integer or string), or None where nothing is predicted.
        confidences: `(q,)`, greater is more certain: of distances, give the negative. Ignored where nothing is
            predicted.
        truth: per query the label of its landmark, several labels (a list, tuple or set), or None where it shows none.

    Raises:
        VectorError: the three differ in length, a confidence is not a finite number, or a label is neither integer
            nor string.
        InputError: no query shows a landmark.

    Example:
        >>> global_average_precision(["a", "b", "c", None], [0.9, 0.8, 0.7, 0.0], ["a", None, "c", "d"]).gap
        0.5555555555555555
    """
    sure = np.asarray(confidences)
    if sure.ndim != 1 or sure.dtype.kind not in "fiu" or not len(predictions) == len(sure) == len(truth):
        raise VectorError(
            f"{len(predictions)} predictions, confidences of shape {sure.shape} ({sure.dtype}) and {len(truth)} truths "
            "were given; each query needs one of each, and a confidence is a number"
        )
    said = [canonical_label(label) for label in predictions]
    shown = [_labels(entry) for entry in truth]
    every = [label for label in said if label is not None] + [label for labels in shown for label in labels]
    check_labels(every)
    landmarks = sum(bool(labels) for labels in shown)
    if not landmarks:
        raise InputError(f"none of {len(truth)} queries shows a landmark; GAP is a share of those that do")
    made = np.array([label is not None for label in said])
    if not np.isfinite(sure[made]).all():
        first = int(np.flatnonzero(made & ~np.isfinite(sure))[0])
        raise VectorError(f"the confidence of prediction {first} is {sure[first]}; every prediction needs a finite one")
    right = np.array([label in labels for label, labels in zip(said, shown, strict=True)])[made]
    right = right[np.lexsort((right, -sure[made].astype(np.float64)))]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return GlobalAveragePrecision(
        gap=float((precision * right).sum() / landmarks),
        landmarks=landmarks,
        others=len(truth) - landmarks,
        predicted=int(made.sum()),
        right=int(right.sum()),
    )


def mean_average_precision_at(rankings: Sequence[Any], relevant: Sequence[Any], k: int = 100) -> RankedRetrieval:
    """MAP@k of submitted rankings.

    Args:
        rankings: per query the ids (integers or strings) found, nearest first; those after the k-th do not count, and
            places that are missing are wrong. An id that occurs again takes its place, and is wrong.
        relevant: per query the ids that should be found.
        k: how many places count.

    Raises:
        VectorError: not one ranking per query, or an id is neither integer nor string.
        InputError: no query has anything relevant, or k is below 1.

    Example:
        >>> mean_average_precision_at([["x", "b", "a"], ["y"]], [["a", "b"], ["z"]]).mean_average_precision
        0.29166666666666663
    """
    if len(rankings) != len(relevant):
        raise VectorError(f"{len(rankings)} rankings were given for {len(relevant)} queries; each needs one")
    if k < 1:
        raise InputError(f"k is {k}; at least the first place must count")
    average = np.full(len(relevant), np.nan)
    for query, (ranking, wanted) in enumerate(zip(rankings, relevant, strict=True)):
        ids, wanted_ids = [canonical_label(i) for i in ranking[:k]], {canonical_label(i) for i in wanted}
        check_labels([*ids, *wanted_ids])
        if not wanted_ids:
            continue
        found, total, waiting = 0, 0.0, set(wanted_ids)
        for place, name in enumerate(ids, start=1):
            if name in waiting:
                waiting.remove(name)
                found += 1
                total += found / place
        average[query] = total / min(len(wanted_ids), k)
    used = ~np.isnan(average)
    if not used.any():
        raise InputError(f"none of {len(relevant)} queries has anything relevant; there is nothing to find")
    return RankedRetrieval(
        mean_average_precision=float(average[used].mean()),
        k=k,
        queries=int(used.sum()),
        left_out=int((~used).sum()),
        average_precision=average,
    )


def _labels(entry: Any) -> frozenset[Hashable]:
    if entry is None:
        return frozenset()
    if isinstance(entry, Set | list | tuple | np.ndarray):
        return frozenset(canonical_label(label) for label in entry)
    return frozenset([canonical_label(entry)])
