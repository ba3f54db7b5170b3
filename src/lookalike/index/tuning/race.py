"""Candidates tried on growing samples, then the best few built in full: the racing algorithm behind `tune_index`.

Building every kind over all vectors would take hours. So all candidates are built over a small sample, those near the
best over a larger one; the two sizes tell how each one's time grows, which differs (graphs: like the logarithm; cells:
like the root; exact: in proportion). Then the best few are built in full, one after the other, until the fastest built
so far is faster than what the next one could be. How graphs grow beside cells is the least certain (on a sample,
vectors are still in the processor's cache), so the best of each family is judged more leniently. (Racing: Maron &
Moore, 1994; this one eliminates by predicted time.)
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.index.building import build_kind
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.footprint import footprint
from lookalike.index.quantities import parse_size
from lookalike.index.tuning.cheapest_settings import Point, settings_for_recall
from lookalike.index.tuning.recall import Truth, exact_truth
from lookalike.index.tuning.speed import interleaved_seconds
from lookalike.index.tuning.trial import Trial
from lookalike.progress import Progress, ProgressSink, counted

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.hits import Floats
    from lookalike.index.core.kind import Candidate
    from lookalike.index.core.vector_index import VectorIndex
    from lookalike.index.tuning.options import TuneOptions

__all__ = ["Race", "RaceData"]

#: Queries of the samples.
_SAMPLE_QUERIES = 400
#: The two samples, as shares of all vectors, and their bounds.
_SMALL, _LARGE = (1 / 40, 4_000, 20_000), (1 / 8, 16_000, 80_000)
#: A candidate that is predicted to take longer than this multiple of the best is left out: of the samples, of the full
#: builds.
_STAYS, _FINAL = 2.5, 1.35
#: The same for the best of another family, whose growth beside the others is the least certain: graphs of 80,000
#: vectors were predicted to take two to three times as long over a million as they did.
_RIVAL_STAYS, _RIVAL = 5.0, 2.5
#: At most so many indexes are built in full, but for the first of another family.
_FULL_BUILDS = 4


@dataclass(frozen=True)
class RaceData:
    """What the candidates are measured on.

    Attributes:
        vectors: `(n, d)`.
        rows: `(m,)` positions of those that are indexed while measuring, in random order.
        queries: `(q, d)`, none of them indexed.
        metric: searched by.
        covariance: for the Mahalanobis metric.
        ids: `(n,)` of the vectors; None for their positions.
        fingerprint: of the model that made the vectors.
    """

    vectors: Floats
    rows: npt.NDArray[np.int64]
    queries: Floats
    metric: str
    covariance: Covariance | None = None
    ids: npt.NDArray[np.int64] | None = None
    fingerprint: str = ""

    @cached_property
    def space(self) -> MetricSpace:
        """Of the metric."""
        return MetricSpace(self.metric, self.vectors.shape[1], self.covariance)


class Race:
    """Trials of all candidates, and the elimination among them.

    Args:
        data: vectors and queries.
        options: what the index has to achieve.
        able: candidates whose kind supports the metric.
        progress: told of every build.
    """

    def __init__(
        self, data: RaceData, options: TuneOptions, able: list[Candidate], progress: ProgressSink | None
    ) -> None:
        _ = data.space  # raises where the metric wants a covariance, before anything is measured
        self._data, self._options, self._progress = data, options, progress
        self._batch = options.objective == "throughput"
        self._trials = [Trial(candidate, count=len(data.vectors)) for candidate in able]
        self._out: list[Trial] = []

    def limit_memory(self, memory: int | str) -> None:
        """Leave out candidates that would take more memory while they serve.

        Raises:
            InputError: none is left.
        """
        limit = parse_size(memory)
        count, dimension = self._data.vectors.shape
        staying = []
        for trial in self._trials:
            settings = trial.candidate.settings(count)
            needs = footprint(trial.candidate.kind, count, dimension, settings, metric=self._data.metric).serving
            if needs <= limit:
                staying.append(trial)
                continue
            trial.bytes = needs
            trial.verdict = f"needs {needs / 2**30:.2f} GiB, over the {limit / 2**30:.2f} GiB allowed"
            self._out.append(trial)
        self._trials = staying
        if not staying:
            least = min(trial.bytes for trial in self._out)
            raise InputError(
                f"no index over {count} × {dimension} vectors fits {limit / 2**30:.2f} GiB; "
                f"the smallest needs {least / 2**30:.2f} GiB"
            )

    # --- on samples -----------------------------------------------------------------------------------------

    def on_samples(self) -> None:
        """Build all over a small sample and those that are left over a larger one; after each, leave out the slow."""
        total = len(self._data.rows)
        sizes = [min(total, max(low, min(high, int(total * share)))) for share, low, high in (_SMALL, _LARGE)]
        if total <= 2 * sizes[1]:  # so few that the full build is as quick as a sample
            sizes = sizes[:1] if total > 2 * sizes[0] else []
        for stage, size in zip(("small", "large"), sizes, strict=False):
            sample = self._data.vectors[np.sort(self._data.rows[:size])]
            queries = self._data.queries[:_SAMPLE_QUERIES]
            truth = self._truth(sample, queries)
            what, count = f"Trying {len(self._trials)} indexes on {size:,} vectors", len(self._trials)
            built = []
            for done, trial in enumerate(self._trials):
                self._report(Progress(what, done, count, str(trial.candidate)))
                index = self._built(trial, sample, stage)
                if self._meets_target(trial, index, queries, truth):
                    built.append((trial, index))
            self._report(Progress(what, count, count))
            self._time_side_by_side(built, queries)
            for trial in self._trials:
                trial.predicted_seconds = _predicted(trial.sizes, total) if trial.point else math.inf
            self._leave_out_slow()

    def _leave_out_slow(self) -> None:
        """Leave out candidates that are predicted to take much longer than the best."""
        best: dict[str, float] = {}
        for trial in self._trials:
            family = KINDS[trial.candidate.kind].family
            best[family] = min(best.get(family, math.inf), trial.predicted_seconds)
        fastest = min(best.values())
        staying = []
        for trial in self._trials:
            leads = trial.predicted_seconds == best[KINDS[trial.candidate.kind].family]
            factor = _RIVAL_STAYS if leads else _STAYS
            if trial.predicted_seconds <= factor * fastest:
                staying.append(trial)
            else:
                trial.verdict = trial.verdict or f"predicted over {factor:g} times the best"
                self._out.append(trial)
        self._trials = staying

    # --- in full --------------------------------------------------------------------------------------------

    def in_full(self) -> tuple[VectorIndex, Trial]:
        """Build the best few over all vectors but the held-out ones; the fastest that keeps the recall is chosen.

        Raises:
            InputError: none keeps the recall.
        """
        rows, ids = np.sort(self._data.rows), self._data.ids
        held_out = len(rows) < len(self._data.vectors)
        whole = self._data.vectors[rows] if held_out else self._data.vectors
        own = rows if ids is None else ids[rows]
        truth = self._truth(whole, self._data.queries).as_ids(own)
        best: tuple[Trial, VectorIndex] | None = None
        builds, families, what = 0, set[str](), f"Building over all {len(whole):,} vectors"
        overrated = 1.0  # whatever else ran while the samples were measured made every prediction too long
        for trial in sorted(self._trials, key=lambda t: t.predicted_seconds):
            predicted = trial.predicted_seconds
            raced = math.isfinite(predicted)  # so few vectors that no sample was drawn: build them all
            known = KINDS[trial.candidate.kind].family in families
            if best is not None and raced:
                too_slow = predicted * overrated > (_FINAL if known else _RIVAL) * best[0].predicted_seconds
                if too_slow or (known and builds >= _FULL_BUILDS):
                    trial.verdict = "predicted no faster than the chosen one was measured"
                    continue
            self._report(Progress(what, builds, None, str(trial.candidate)))
            index = self._built(trial, whole, "full", own if held_out or ids is not None else None)
            builds += 1
            families.add(KINDS[trial.candidate.kind].family)
            if not self._meets_target(trial, index, self._data.queries, truth):
                continue
            best = self._faster(best, (trial, index))
            if raced:
                assert trial.point is not None
                overrated = min(overrated, trial.point.seconds / predicted)
        self._report(Progress(what, builds, builds))
        if best is None:
            raise InputError(
                f"no index reached recall {self._options.recall:g} at k = {self._options.k} on "
                f"{len(self._data.queries)} queries; lower it, allow more memory, or search exactly (kind 'exact')"
            )
        best[0].verdict = "chosen: the fastest that keeps the recall"
        return best[1], best[0]

    def _faster(
        self, best: tuple[Trial, VectorIndex] | None, other: tuple[Trial, VectorIndex]
    ) -> tuple[Trial, VectorIndex]:
        """Measure both in turns, and keep the faster."""
        pair = [other] if best is None else [best, other]
        self._time_side_by_side(pair, self._data.queries)
        for trial, _ in pair:
            assert trial.point is not None
            trial.predicted_seconds = trial.point.seconds
        winner = min(pair, key=lambda one: one[0].predicted_seconds)
        for trial, _ in pair:
            if trial is not winner[0]:
                trial.verdict = "slower, measured side by side with the chosen one"
        return winner

    def ranked(self) -> list[Trial]:
        """All trials: the chosen one, then by stage and time."""
        stages = {"full": 0, "large": 1, "small": 2, "": 3}
        return sorted([*self._trials, *self._out], key=lambda t: (not t.chosen, stages[t.stage], t.predicted_seconds))

    # --- what both take -------------------------------------------------------------------------------------

    def _report(self, event: Progress) -> None:
        if self._progress is not None:
            self._progress(event)

    def _truth(self, vectors: Floats, queries: Floats) -> Truth:
        done = counted(self._progress, f"Exact neighbours among {len(vectors):,} vectors", len(vectors))
        space = self._data.space
        return exact_truth(space.vectors(vectors), space.vectors(queries), self._options.k, space, done)

    def _built(
        self, trial: Trial, vectors: Floats, stage: str, ids: npt.NDArray[np.int64] | None = None
    ) -> VectorIndex:
        start = time.perf_counter()
        index = build_kind(
            vectors,
            trial.candidate.kind,
            self._data.metric,
            ids=ids,
            fingerprint=self._data.fingerprint,
            covariance=self._data.covariance,
            **trial.candidate.settings(len(vectors)),
        )
        trial.build_seconds = time.perf_counter() - start
        trial.stage, trial.count, trial.bytes = stage, len(vectors), int(index.stats()["bytes"])
        return index

    def _meets_target(self, trial: Trial, index: VectorIndex, queries: Floats, truth: Truth) -> bool:
        setting = KINDS[trial.candidate.kind].recall_setting
        trial.point = settings_for_recall(index, setting, queries, truth, self._options.recall, self._batch)
        if trial.point is None:
            trial.verdict = f"does not reach recall {self._options.recall:g}"
        return trial.point is not None

    def _time_side_by_side(self, built: list[tuple[Trial, VectorIndex]], queries: Floats) -> None:
        pairs = [(index, trial.point.settings) for trial, index in built if trial.point is not None]
        taken = interleaved_seconds(pairs, queries[:200], self._options.k, self._batch)
        for (trial, _), seconds in zip(built, taken, strict=True):
            assert trial.point is not None
            trial.point = Point(trial.point.settings, trial.point.recall, seconds)
            trial.sizes.append((trial.count, seconds))


def _predicted(sizes: list[tuple[int, float]], total: int) -> float:
    """Seconds over `total` vectors: a power law through the last two sizes, its exponent held between 0.05 and 1."""
    count, seconds = sizes[-1]
    exponent = 0.35  # before there are two sizes: between a graph's and a root's
    if len(sizes) > 1:
        earlier, before = sizes[-2]
        exponent = min(1.0, max(0.05, math.log(seconds / before) / math.log(count / earlier)))
    return float(seconds * (total / count) ** exponent)
