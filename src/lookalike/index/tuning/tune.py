"""From "recall 0.95, 8 GiB, as fast as possible" to an index that achieves it, measured.

Candidates are tried on a sample, and the best few built in full (`race.py`). Recall is measured against exact search,
on the caller's queries or on vectors that serve as such (`asked.py`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.index.core.checks import check_recall, checked_ids, checked_k, checked_vectors
from lookalike.index.tuning.candidates import candidates
from lookalike.index.tuning.comparison_plot import draw_trials
from lookalike.index.tuning.options import Objective, TuneOptions
from lookalike.index.tuning.race import Race
from lookalike.index.tuning.race_data import RaceData
from lookalike.index.tuning.recall import Recall
from lookalike.index.tuning.trial import Trial

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.vector_index import VectorIndex
    from lookalike.progress import ProgressSink

__all__ = ["Tuning", "tune_index"]


@dataclass(frozen=True)
class Tuning:
    """What `tune_index` found.

    Attributes:
        index: the chosen index over all vectors, its search settings in place.
        trials: everything tried, best first.
        recall: of the chosen one, on the queries.
        seconds: of one query, by the objective.
        target: recall asked for.
        k: neighbours asked for.
        objective: `latency` or `throughput`.
        took: seconds of the whole tuning.
    """

    index: VectorIndex
    trials: tuple[Trial, ...]
    recall: Recall
    seconds: float
    target: float
    k: int
    objective: Objective
    took: float

    def save(self, path: str | Path) -> None:
        """Save the index; what was promised and measured goes into its `index.toml`."""
        self.index.save(path)

    def plot(self, path: str | Path) -> None:
        """Draw recall against queries per second of everything that was tried, as PNG or SVG."""
        title = f"{len(self.index):,} vectors: {self.index.kind} chosen (ringed)"
        draw_trials(self.trials, Path(path), target=self.target, k=self.k, objective=self.objective, title=title)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.index.tuned, "index": self.index.stats(), "trials": [trial.row() for trial in self.trials]}


def tune_index(
    vectors: npt.ArrayLike,
    *,
    metric: str = "cosine",
    ids: npt.ArrayLike | None = None,
    queries: npt.ArrayLike | None = None,
    fingerprint: str = "",
    covariance: Covariance | None = None,
    progress: ProgressSink | None = None,
    **options: Any,
) -> Tuning:
    """Choose kind, build and search settings that keep a recall at the least time, and build the index.

    Args:
        vectors: `(n, d)` real numbers, n at least 200.
        metric: as for `build_index`.
        ids: `(n,)` int64; by default 0..n-1.
        queries: `(q, d)` as they will come, none of them indexed; the more (up to 4,000 are used), the narrower is the
            interval of the recall, and the less recall beyond the target has to make up for it. By default up to 4,000
            of the vectors serve as queries: graphs are measured without these, which are added in the end; in other
            kinds a query's own vector does not count.
        fingerprint: of the model that made the vectors.
        covariance: for the Mahalanobis metric.
        progress: told of every build.
        **options: `recall` (0.95), `k` (10), `memory` (None: no limit; bytes or text such as `"8GiB"`), `budget`
            (None; seconds or text such as `"60s"`), `objective` (`"latency"` or `"throughput"`), `kinds` (None: all)
            and `seed` (0), as `TuneOptions` explains them.

    Returns:
        `Tuning`; its `index` has the settings in place, and carries the promise (`index.tuned`) into `index.toml`.

    Raises:
        InputError: a value out of range, nothing fits the memory, or nothing reaches the recall.
        TypeError: there is no such option.
        VectorError: vectors, ids or queries are unusable.

    Example:
        >>> tuning = tune_index(vectors, recall=0.95, memory="8GiB")    # doctest: +SKIP
        >>> tuning.save("people.index")                                 # doctest: +SKIP
    """
    start = time.perf_counter()
    wanted = TuneOptions(**options)
    _check(wanted)
    given = checked_vectors(vectors)
    if len(given) < 200:
        raise InputError(f"{len(given)} vectors are too few to tune on (200 at least); build_index(..., 'exact') does")
    own = None if ids is None else checked_ids(ids, len(given))
    asked = None if queries is None else checked_vectors(queries, given.shape[1], "queries")
    data = RaceData(given, asked, metric, wanted.k, wanted.seed, covariance, own, fingerprint)
    _ = data.space  # raises where the metric wants a covariance, before anything is measured
    race = Race(data, wanted, candidates(metric, given.shape[1], wanted.kinds), progress)
    if wanted.memory is not None:
        race.limit_memory(wanted.memory)
    race.leave_out_hopeless()
    race.on_sample()
    index, trial = race.in_full()
    assert trial.point is not None
    index = _with_held_out(index, trial, data)
    index.configure(**trial.point.settings)
    took = time.perf_counter() - start
    index.note_tuning(_promise(trial, wanted, data, took))
    recall, seconds = trial.point.recall, trial.point.seconds
    return Tuning(index, tuple(race.ranked()), recall, seconds, wanted.recall, wanted.k, wanted.objective, took)


def _check(options: TuneOptions) -> None:
    check_recall(options.recall)
    checked_k(options.k)
    if options.objective not in get_args(Objective):
        raise InputError(f"objective is {options.objective!r}; choose latency or throughput")


def _with_held_out(index: VectorIndex, trial: Trial, data: RaceData) -> VectorIndex:
    """The index over all vectors, those included that were held out of it while it was measured."""
    if len(index) == len(data.vectors):
        return index
    if index.grows:
        index.add(data.vectors[data.held_out], data.ids_at(data.held_out))
        return index
    # Added, they would be compared one by one in every search.
    return data.built(trial.candidate, trial.count, data.vectors, data.ids)


def _promise(trial: Trial, options: TuneOptions, data: RaceData, took: float) -> dict[str, Any]:
    """What the index keeps of its tuning."""
    assert trial.point is not None
    return {
        "recall_target": float(options.recall),
        "recall": trial.point.recall.mean,
        "recall_low": trial.point.recall.low,
        "recall_high": trial.point.recall.high,
        "k": options.k,
        "queries": data.asked,
        "queries_held_out": data.queries is None,
        "objective": options.objective,
        "seconds_per_query": trial.point.seconds,
        "tuning_seconds": round(took, 1),
        "reason": trial.verdict,
    }
