"""How well places are recognised, and how often a place is recognised in a photo that shows none.

| measure | over | what it measures |
|---|---|---|
| GAP (µAP) | all queries, sorted by confidence | whether right predictions have more confidence than wrong ones |
| top-1 | queries that show a landmark | whether the prediction is right, whatever its confidence |
| right answers | queries that show a landmark | whether the prediction is right and was given as an answer |
| false-positive rate | queries that show none | how often an answer is given nevertheless |
| mAP@100 | queries with relevant index pictures | whether these come first in a ranking |

Intervals resample places, because the photos of one place are not independent; pictures without a landmark are
resampled one by one. The false-positive rate is of independent pictures, and has Wilson's interval.

Source: Weyand, Araujo, Cao & Sim, "Google Landmarks Dataset v2" (2020), section 4.2, and the data set's programs
`compute_recognition_metrics.py` and `compute_retrieval_metrics.py`.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.labels import canonical_label, identity_codes
from lookalike.evaluation.retrieval.ranked_retrieval import global_average_precision, mean_average_precision_at
from lookalike.evaluation.statistics.intervals import Bootstrap, Interval, Rate, bootstrap_means

__all__ = [
    "LandmarkMeasures",
    "RetrievalMeasures",
    "measure_recognition",
    "measure_retrieval",
]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LandmarkMeasures:
    """Measures of recognition; intervals are None where the queries show fewer than two places.

    Attributes:
        gap: global average precision.
        gap_interval: over places.
        top_1: share of landmark queries whose prediction is right, given as an answer or not.
        top_1_interval: over places.
        right_answers: share of landmark queries whose prediction is right and was given as an answer.
        right_answers_interval: over places.
        false_positives: share of non-landmark queries that got an answer, None where there are none.
        landmarks: queries that show a landmark.
        non_landmarks: queries that show none.
        places: different landmarks among the queries.
        predicted: queries with a prediction.
        answered: queries whose prediction was given as an answer.
    """

    gap: float
    gap_interval: Interval | None
    top_1: float
    top_1_interval: Interval | None
    right_answers: float
    right_answers_interval: Interval | None
    false_positives: Rate | None
    landmarks: int
    non_landmarks: int
    places: int
    predicted: int
    answered: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types: numbers, None and dicts, never NaN."""
        return asdict(self)


@dataclass(frozen=True)
class RetrievalMeasures:
    """Measures of retrieval.

    Attributes:
        mean_average_precision: MAP@k.
        interval: over places; None where the queries show fewer than two.
        k: how much of a ranking counts.
        queries: that have anything relevant.
        left_out: that have nothing.
        places: different landmarks among the former.
    """

    mean_average_precision: float
    interval: Interval | None
    k: int
    queries: int
    left_out: int
    places: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types: numbers, None and dicts, never NaN."""
        return asdict(self)


def measure_recognition(
    predictions: Sequence[Any],
    confidences: npt.ArrayLike,
    truth: Sequence[Any],
    answered: npt.ArrayLike | None = None,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> LandmarkMeasures:
    """GAP, top-1, right answers and false positives of one prediction per query.

    Args:
        predictions: per query the most probable place (integer or string), or None.
        confidences: `(q,)`, greater is more certain: of distances, give the negative. Ignored where nothing is
            predicted.
        truth: per query its place, several (a list, tuple or set), or None where it shows none.
        answered: `(q,)` bool, whether the prediction was given as an answer; by default every prediction was.
        replicates: of the bootstrap.
        level: of the intervals over places.
        seed: of the bootstrap.

    Raises:
        VectorError: the sequences differ in length, a confidence is not finite, or a place is no integer or string.
        InputError: no query shows a landmark, an answer without a prediction, or a bootstrap that cannot be.

    Example:
        >>> found = measure_recognition(["a", "b", "c"], [0.9, 0.8, 0.1], ["a", "b", None], [True, True, False])
        >>> found.gap, found.top_1, found.false_positives.value
        (1.0, 1.0, 0.0)
    """
    whole = global_average_precision(predictions, confidences, truth)
    made = np.array([label is not None for label in predictions], bool)
    given = _checked_answers(made, answered)
    labels = [_labels(entry) for entry in truth]
    shows = np.array([bool(some) for some in labels], bool)
    right = np.array([canonical_label(p) in some for p, some in zip(predictions, labels, strict=True)], bool)
    # A query of several landmarks goes with the first of them.
    code, places = identity_codes([some[0] for some in labels if some])
    intervals: list[Interval | None] = [None, None, None]
    if len(places) > 1:
        confidence = np.asarray(confidences, np.float64)
        order = np.flatnonzero(made)[np.lexsort((right[made], -confidence[made]))]
        bootstrap = Bootstrap(replicates, level, seed)
        intervals = [*bootstrap.intervals(_Queries(code, shows, right, given, order).replicates(bootstrap))]
    others = int((~shows).sum())
    return LandmarkMeasures(
        gap=whole.gap,
        gap_interval=intervals[0],
        top_1=float(right[shows].mean()),
        top_1_interval=intervals[1],
        right_answers=float((right & given)[shows].mean()),
        right_answers_interval=intervals[2],
        false_positives=Rate.of(int(given[~shows].sum()), others) if others else None,
        landmarks=whole.landmarks,
        non_landmarks=others,
        places=len(places),
        predicted=whole.predicted,
        answered=int(given.sum()),
    )


def _checked_answers(made: Flags, answered: npt.ArrayLike | None) -> Flags:
    """`answered` of `measure_recognition` as `(q,)` bool, given where predictions were `made`."""
    given = made if answered is None else np.asarray(answered)
    if given.shape != made.shape or given.dtype != np.bool_ or (given & ~made).any():
        raise InputError(
            f"answered has shape {given.shape} and dtype {given.dtype} for {len(made)} predictions; expected a bool "
            "for each, False where nothing is predicted"
        )
    return given


def measure_retrieval(
    rankings: Sequence[Any],
    relevant: Sequence[Any],
    places: Sequence[Any] | None = None,
    k: int = 100,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> RetrievalMeasures:
    """MAP@k of submitted rankings, with an interval over places.

    Args:
        rankings: per query the ids found (integers or strings), nearest first.
        relevant: per query the ids that should be found.
        places: per query its place; by default, queries with the same first relevant id are of one place.
        k: how much of a ranking counts.
        replicates: of the bootstrap.
        level: of the interval.
        seed: of the bootstrap.

    Raises:
        VectorError: not one of each per query, or an id is neither integer nor string.
        InputError: no query has anything relevant, k is below 1, or a bootstrap that cannot be.

    Example:
        >>> measure_retrieval([["x", "b", "a"], ["y"]], [["a", "b"], ["z"]], k=100).mean_average_precision
        0.29166666666666663
    """
    ranked = mean_average_precision_at(rankings, relevant, k)
    used = np.flatnonzero(~np.isnan(ranked.average_precision))
    if places is None:
        places = [(_labels(wanted) or [""])[0] for wanted in relevant]
    codes, _ = identity_codes(places, len(relevant))
    whose = np.unique(codes[used])
    interval = None
    if len(whose) > 1:
        values = ranked.average_precision[used][None]
        (interval,) = bootstrap_means(values, codes[used], replicates=replicates, level=level, seed=seed)
    return RetrievalMeasures(
        mean_average_precision=ranked.mean_average_precision,
        interval=interval,
        k=k,
        queries=ranked.queries,
        left_out=ranked.left_out,
        places=len(whose),
    )


@dataclass(frozen=True, eq=False)
class _Queries:
    """Queries to be resampled: those of one place together, those that show none one by one.

    Attributes:
        code: the place of each query that shows one, as a number from 0.
        shows: `(q,)` whether a query shows a place.
        right: `(q,)` whether its prediction is right.
        given: `(q,)` whether the prediction was given as an answer.
        order: the queries with a prediction by falling confidence, wrong predictions first where it ties.
    """

    code: npt.NDArray[np.int64]
    shows: Flags
    right: Flags
    given: Flags
    order: npt.NDArray[np.int64]

    def replicates(self, bootstrap: Bootstrap) -> Floats:
        """`(replicates, 3)` GAP, top-1 and right answers."""
        places, others = int(self.code.max()) + 1, int((~self.shows).sum())
        bootstrap.check(places)
        # Not the streams of `Bootstrap.replicate`, so that reports show the same numbers as before for the same seed.
        streams = np.random.default_rng(bootstrap.seed).spawn(2)
        return bootstrap.replicate(self._rates, [places, others], numbers=len(self.shows), streams=streams)

    def _rates(self, place_counts: Floats, other_counts: Floats) -> Floats:
        """`(r, 3)` GAP, top-1 and right answers with every query as often as its place, or itself, is drawn.

        Copies of a query stand side by side in the ranking. Where T predictions stand before a right one and R of them
        are right, its w copies add ``sum_{j=1..w} (R + j) / (T + j) = w - (T - R) (H(T + w) - H(T))`` with harmonic
        numbers H.
        """
        weight = np.zeros((len(place_counts), len(self.shows)))
        weight[:, self.shows] = place_counts[:, self.code]
        weight[:, ~self.shows] = other_counts
        ranked, hit = weight[:, self.order].astype(np.int64), self.right[self.order]
        after = np.cumsum(ranked, axis=1)
        wrong = np.cumsum(ranked * ~hit, axis=1)  # before a right prediction and after it they are the same
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, after.max(initial=0) + 1))])
        gained = np.where(hit, ranked - wrong * (harmonic[after] - harmonic[after - ranked]), 0.0)
        right = self.right & self.shows
        shares = [gained.sum(axis=1), weight @ right, weight @ (right & self.given)]
        return np.asarray(np.stack(shares, axis=1) / weight[:, self.shows].sum(axis=1)[:, None])


def _labels(entry: Any) -> list[Any]:
    """The labels of a query, sorted: a set has no order."""
    if entry is None:
        return []
    if isinstance(entry, Set | list | tuple | np.ndarray):
        return sorted((canonical_label(label) for label in entry), key=lambda label: (str(label), str(type(label))))
    return [canonical_label(entry)]
