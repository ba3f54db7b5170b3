"""From "recall 0.95, 8 GiB, as fast as possible" to an index that keeps it, measured.

Building every kind over all vectors would take hours. So kinds race on samples: all on a small one, those near the
best on a larger one; the two sizes tell how each one's time grows, which differs (graphs: like the logarithm; cells:
like the root; exact: in proportion). Then the best few are built in full, one after the other, until the
fastest built so far is faster than what the next one could be. How graphs grow beside cells is the least certain (on a
sample, vectors are still in the processor's cache), so the best of each family is judged more leniently. Recall is
always measured on queries that are not indexed, against exact search.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.index.construction import build_kind
from lookalike.index.core.checks import check_recall, checked_ids, checked_k, checked_vectors
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.tuning.candidates import FAMILIES, Candidate, candidates
from lookalike.index.tuning.cheapest_settings import Point, settings_for_recall
from lookalike.index.tuning.recall import Recall, Truth, exact_truth
from lookalike.index.tuning.speed import interleaved_seconds

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.vector_index import Floats, VectorIndex

__all__ = ["Trial", "Tuning", "tune_index"]

Objective = Literal["latency", "throughput"]

#: Queries held out where the caller brings none: recall 0.95 is then known to about ±0.006.
_QUERIES = 1000
#: Queries of the races on samples.
_SAMPLE_QUERIES = 400
#: The two samples, as shares of all vectors, and their bounds.
_SMALL, _LARGE = (1 / 40, 4_000, 20_000), (1 / 8, 16_000, 80_000)
#: In a race, who is predicted to take longer than this multiple of the best leaves.
_STAYS, _FINAL = 2.5, 1.35
#: The same for the best of another family, whose growth beside the others is the least certain: graphs of 80,000
#: vectors were predicted to take two to three times as long over a million as they did.
_RIVAL_STAYS, _RIVAL = 5.0, 2.5
#: At most so many indexes are built in full, but for the first of another family.
_FULL_BUILDS = 4


@dataclass
class Trial:
    """One candidate, and how far it came.

    Attributes:
        candidate: kind and build settings.
        stage: `small`, `large` or `full`: the largest number of vectors it was built over.
        count: that number.
        build_seconds: for that number, with all threads.
        point: search settings, recall and time at the target, on that number; None where it misses the target.
        predicted_seconds: of a query over all vectors, from the two samples; measured in full, this is `point.seconds`.
        bytes: in memory, for that number.
        verdict: chosen, or why not.
    """

    candidate: Candidate
    stage: str = ""
    count: int = 0
    build_seconds: float = 0.0
    point: Point | None = None
    predicted_seconds: float = math.inf
    bytes: int = 0
    verdict: str = ""
    sizes: list[tuple[int, float]] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """For tables and JSON; times in seconds."""
        return {
            "kind": self.candidate.kind,
            "build": self.candidate.settings(self.count),
            "stage": self.stage,
            "vectors": self.count,
            "build_seconds": round(self.build_seconds, 3),
            "search": self.point.settings if self.point else {},
            "recall": self.point.recall.mean if self.point else None,
            "recall_low": self.point.recall.low if self.point else None,
            "recall_high": self.point.recall.high if self.point else None,
            "seconds": self.point.seconds if self.point else None,
            "predicted_seconds": self.predicted_seconds if math.isfinite(self.predicted_seconds) else None,
            "bytes": self.bytes,
            "verdict": self.verdict,
        }


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
        from lookalike.index.tuning.comparison_plot import draw_tuning

        draw_tuning(self, Path(path))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.index.tuned, "index": self.index.stats(), "trials": [trial.row() for trial in self.trials]}


def tune_index(
    vectors: npt.ArrayLike,
    *,
    metric: str = "cosine",
    ids: npt.ArrayLike | None = None,
    recall: float = 0.95,
    k: int = 10,
    memory: int | str | None = None,
    objective: Objective = "latency",
    kinds: Sequence[str] | None = None,
    queries: npt.ArrayLike | None = None,
    fingerprint: str = "",
    covariance: Covariance | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Tuning:
    """Choose kind, build and search settings that keep a recall at the least time, and build the index.

    Args:
        vectors: `(n, d)` real numbers, n at least 200.
        metric: as for `build_index`.
        ids: `(n,)` int64; by default 0..n-1.
        recall: share of the true `k` nearest to find, above 0 and up to 1; kept with 95% confidence on the queries.
        k: neighbours a search will ask for.
        memory: bytes the index may take while it serves, or text such as `"8GiB"`; None for no limit.
        objective: `latency` of a query on its own, or `throughput` of batches.
        kinds: only these; by default all that are installed and can the metric.
        queries: `(q, d)` as they will come, none of them indexed. By default up to 1,000 of the vectors are held out
            while measuring and added in the end; engines that are built once compare these one by one until they are
            built anew.
        fingerprint: of the model that made the vectors.
        covariance: for the Mahalanobis metric.
        seed: of the samples.
        progress: called with one line whenever something begins.

    Returns:
        `Tuning`; its `index` has the settings in place, and carries the promise (`index.tuned`) into `index.toml`.

    Raises:
        InputError: a value out of range, nothing fits the memory, or nothing reaches the recall.
        VectorError: vectors, ids or queries are unusable.

    Example:
        >>> tuning = tune_index(vectors, recall=0.95, memory="8GiB")    # doctest: +SKIP
        >>> tuning.save("people.index")                                 # doctest: +SKIP
    """
    start = time.perf_counter()
    check_recall(recall)
    if objective not in ("latency", "throughput"):
        raise InputError(f"objective is {objective!r}; choose latency or throughput")
    given = checked_vectors(vectors)
    given_ids = None if ids is None else checked_ids(ids, len(given))
    checked_k(k)
    if len(given) < 200:
        raise InputError(f"{len(given)} vectors are too few to tune on (200 at least); build_index(..., 'exact') does")
    space = MetricSpace(metric, given.shape[1], covariance)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(given))
    held = np.empty(0, np.int64)
    if queries is None:
        held = order[: min(_QUERIES, len(given) // 10)]
        asked = given[held]
    else:
        asked = checked_vectors(queries, given.shape[1], "queries")
        asked = asked[rng.permutation(len(asked))[: 2 * _QUERIES]]
    race = _Race(given, order[len(held) :], asked, space, metric, recall, k, objective, covariance, progress)
    race.limit_memory(candidates(metric, given.shape[1], kinds), memory, len(given))
    race.on_samples()
    index, trial = race.in_full(given_ids, fingerprint)
    if len(held):
        index.add(given[held], held if given_ids is None else given_ids[held])
    assert trial.point is not None
    index.configure(**trial.point.settings)
    took = time.perf_counter() - start
    index.note_tuning(
        {
            "recall_target": float(recall),
            "recall": trial.point.recall.mean,
            "recall_low": trial.point.recall.low,
            "recall_high": trial.point.recall.high,
            "k": k,
            "queries": len(asked),
            "queries_held_out": bool(len(held)),
            "objective": objective,
            "seconds_per_query": trial.point.seconds,
            "tuning_seconds": round(took, 1),
            "reason": trial.verdict,
        }
    )
    return Tuning(index, tuple(race.ranked()), trial.point.recall, trial.point.seconds, recall, k, objective, took)


class _Race:
    """The candidates, the samples they run on, and what came of it."""

    def __init__(
        self,
        vectors: Floats,
        rows: npt.NDArray[np.int64],
        queries: Floats,
        space: MetricSpace,
        metric: str,
        target: float,
        k: int,
        objective: Objective,
        covariance: Covariance | None,
        progress: Callable[[str], None] | None,
    ) -> None:
        self.vectors, self.rows, self.queries, self.space = vectors, rows, queries, space
        self.metric, self.target, self.k, self.batch = metric, target, k, objective == "throughput"
        self.covariance = covariance
        self.say = progress or (lambda line: None)
        self.trials: list[Trial] = []
        self.out: list[Trial] = []

    def limit_memory(self, able: list[Candidate], memory: int | str | None, count: int) -> None:
        """Leave out who would not fit."""
        if memory is None:
            self.trials = [Trial(candidate, count=count) for candidate in able]
            return
        from lookalike.index.planning.footprint import footprint
        from lookalike.index.quantities import parse_size

        limit = parse_size(memory)
        dimension = self.vectors.shape[1]
        for candidate in able:
            trial = Trial(candidate, count=count)
            settings = candidate.settings(count)
            needs = footprint(candidate.kind, count, dimension, settings, metric=self.metric).serving
            if needs > limit:
                trial.bytes = needs
                trial.verdict = f"needs {needs / 2**30:.2f} GiB, over the {limit / 2**30:.2f} GiB allowed"
                self.out.append(trial)
            else:
                self.trials.append(trial)
        if not self.trials:
            least = min(trial.bytes for trial in self.out)
            raise InputError(
                f"no index over {count} × {self.vectors.shape[1]} vectors fits {limit / 2**30:.2f} GiB; "
                f"the smallest needs {least / 2**30:.2f} GiB"
            )

    def on_samples(self) -> None:
        """Two races; after each, those that cannot win any more leave."""
        total = len(self.rows)
        sizes = [min(total, max(low, min(high, int(total * share)))) for share, low, high in (_SMALL, _LARGE)]
        if total <= 2 * sizes[1]:  # so few that the full build is as quick as a sample
            sizes = sizes[:1] if total > 2 * sizes[0] else []
        for stage, size in zip(("small", "large"), sizes, strict=False):
            rows = np.sort(self.rows[:size])
            sample = self.vectors[rows]
            queries = self.queries[:_SAMPLE_QUERIES]
            truth = exact_truth(self.space.vectors(sample), self.space.vectors(queries), self.k, self.space)
            built = [(trial, self._build(trial, sample, stage, truth, queries)) for trial in self.trials]
            self._time_side_by_side([(t, i) for t, i in built if t.point is not None], queries)
            for trial in self.trials:
                trial.predicted_seconds = _predicted(trial.sizes, total) if trial.point else math.inf
            self._dismiss()

    def _build(self, trial: Trial, sample: Floats, stage: str, truth: Truth, queries: Floats) -> VectorIndex:
        index = self._built(trial, sample, stage)
        trial.point = settings_for_recall(index, queries, truth, self.target, self.batch)
        if trial.point is None:
            trial.verdict = f"does not reach recall {self.target:g}"
        return index

    def _built(
        self, trial: Trial, vectors: Floats, stage: str, ids: npt.NDArray[np.int64] | None = None, fingerprint: str = ""
    ) -> VectorIndex:
        settings = trial.candidate.settings(len(vectors))
        self.say(f"{stage}: {trial.candidate.kind} over {len(vectors):,} vectors {settings or ''}".rstrip())
        start = time.perf_counter()
        index = build_kind(
            vectors,
            trial.candidate.kind,
            self.metric,
            ids=ids,
            fingerprint=fingerprint,
            covariance=self.covariance,
            **settings,
        )
        trial.build_seconds = time.perf_counter() - start
        trial.stage, trial.count, trial.bytes = stage, len(vectors), int(index.stats()["bytes"])
        return index

    def _time_side_by_side(self, built: list[tuple[Trial, VectorIndex]], queries: Floats) -> None:
        pairs = [(index, trial.point.settings) for trial, index in built if trial.point is not None]
        for (trial, _), seconds in zip(
            built, interleaved_seconds(pairs, queries[:200], self.k, self.batch), strict=True
        ):
            assert trial.point is not None
            trial.point = Point(trial.point.settings, trial.point.recall, seconds)
            trial.sizes.append((trial.count, seconds))

    def _dismiss(self) -> None:
        """Leave out whoever is predicted to take much longer than the best."""
        best: dict[str, float] = {}
        for trial in self.trials:
            family = FAMILIES[trial.candidate.kind]
            best[family] = min(best.get(family, math.inf), trial.predicted_seconds)
        fastest = min(best.values())
        staying = []
        for trial in self.trials:
            leads = trial.predicted_seconds == best[FAMILIES[trial.candidate.kind]]
            factor = _RIVAL_STAYS if leads else _STAYS
            if trial.predicted_seconds <= factor * fastest:
                staying.append(trial)
            else:
                trial.verdict = trial.verdict or f"predicted over {factor:g} times the best"
                self.out.append(trial)
        self.trials = staying

    def in_full(self, ids: npt.NDArray[np.int64] | None, fingerprint: str) -> tuple[VectorIndex, Trial]:
        """Build the best few over all vectors but the held-out ones; the fastest that keeps the recall wins."""
        rows = np.sort(self.rows)
        whole = self.vectors if len(rows) == len(self.vectors) else self.vectors[rows]
        own = rows if ids is None else ids[rows]
        own_ids = None if ids is None and len(rows) == len(self.vectors) else own
        self.say(f"exact neighbours of {len(self.queries):,} queries among {len(whole):,} vectors")
        truth = exact_truth(self.space.vectors(whole), self.space.vectors(self.queries), self.k, self.space)
        truth = truth.as_ids(own)
        best: tuple[VectorIndex, Trial] | None = None
        builds, families = 0, set[str]()
        overrated = 1.0  # whatever else ran while the samples raced made every prediction too long
        for trial in sorted(self.trials, key=lambda t: t.predicted_seconds):
            raced = math.isfinite(trial.predicted_seconds)  # so few vectors that no sample was drawn: build them all
            known = FAMILIES[trial.candidate.kind] in families
            factor = _FINAL if known else _RIVAL
            expected = trial.predicted_seconds * overrated
            if (
                best is not None
                and raced
                and (expected > factor * best[1].predicted_seconds or (known and builds >= _FULL_BUILDS))
            ):
                trial.verdict = "predicted no faster than the chosen one was measured"
                continue
            index = self._built(trial, whole, "full", own_ids, fingerprint)
            builds += 1
            families.add(FAMILIES[trial.candidate.kind])
            trial.point = settings_for_recall(index, self.queries, truth, self.target, self.batch)
            if trial.point is None:
                trial.verdict = f"does not reach recall {self.target:g}"
                continue
            contest = [(trial, index)] if best is None else [(best[1], best[0]), (trial, index)]
            self._time_side_by_side(contest, self.queries)
            assert trial.point is not None
            if raced:
                overrated = min(overrated, trial.point.seconds / trial.predicted_seconds)
            for one, _ in contest:
                assert one.point is not None
                one.predicted_seconds = one.point.seconds
            winner, index = min(contest, key=lambda pair: pair[0].predicted_seconds)
            for one, _ in contest:
                if one is not winner:
                    one.verdict = "slower, measured side by side with the chosen one"
            best = (index, winner)
        if best is None:
            raise InputError(
                f"no index reached recall {self.target:g} at k = {self.k} on {len(self.queries)} queries; lower it, "
                "allow more memory, or search exactly (kind 'exact')"
            )
        best[1].verdict = "chosen: the fastest that keeps the recall"
        return best

    def ranked(self) -> list[Trial]:
        """Everything tried: the chosen one, then by stage and time."""
        stages = {"full": 0, "large": 1, "small": 2, "": 3}
        return sorted(
            [*self.trials, *self.out],
            key=lambda t: (not t.verdict.startswith("chosen"), stages[t.stage], t.predicted_seconds),
        )


def _predicted(sizes: list[tuple[int, float]], total: int) -> float:
    """Seconds over `total` vectors: a power law through the last two sizes, its exponent held between 0.05 and 1."""
    count, seconds = sizes[-1]
    exponent = 0.35  # before there are two sizes: between a graph's and a root's
    if len(sizes) > 1:
        earlier, before = sizes[-2]
        exponent = min(1.0, max(0.05, math.log(seconds / before) / math.log(count / earlier)))
    return float(seconds * (total / count) ** exponent)
