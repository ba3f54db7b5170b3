"""Candidates tried on a sample, then the best few built in full: the racing algorithm behind `tune_index`.

Building every kind over all vectors would take hours. So what is expected to be far from the best is left out at once
(`expectations.py`), the others are built over a sample whose size follows from what they cost, and what they took there
is carried over to all vectors. Then the best are built in full, one after the other, as long as another one may be
faster and its build is worth its time: without a budget, all takes at most about three times as long as building the
chosen one. (Racing: Maron & Moore, 1994; this one eliminates by predicted time.)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lookalike.counted_nouns import how_many
from lookalike.errors import InputError
from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.core.kind import Candidate
from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.footprint import footprint
from lookalike.index.quantities import parse_size
from lookalike.index.tuning.build_times import BuildTimes
from lookalike.index.tuning.cheapest_settings import Point, settings_for_recall
from lookalike.index.tuning.expectations import Expectations
from lookalike.index.tuning.recall import floor_without_misses, queries_to_show
from lookalike.index.tuning.speed import interleaved_seconds
from lookalike.index.tuning.trial import Trial
from lookalike.index.tuning.tuning_time import TIMES_ASKED, TuningTime
from lookalike.progress import Progress, ProgressSink

if TYPE_CHECKING:
    from lookalike.index.core.vector_index import VectorIndex
    from lookalike.index.tuning.asked import Asked
    from lookalike.index.tuning.options import TuneOptions
    from lookalike.index.tuning.race_data import Indexed, RaceData

__all__ = ["Race"]

faiss = EngineLibrary("faiss")

#: A kind that is expected to take longer than this multiple of the best is not tried.
_HOPELESS = 4.0
#: The smallest and the largest sample; between, all builds over it take about as long as the quickest full build.
_SMALLEST, _LARGEST = 4_000, 50_000
#: Of a kind whose usual build settings take up to this multiple of the best, others are tried on the sample, too.
_NEAR = 1.8
#: What is predicted from a sample to take longer than this multiple of the fastest built so far is not built: another
#: candidate of the same kind, and one of another, whose growth beside the fastest is less certain.
_SAME_KIND, _RIVAL = 1.15, 1.35
#: Without a budget, tuning takes up to so many times the build of the chosen index; or these seconds, if that is more.
#: Of few vectors it never takes more than these seconds.
_TIMES_BUILD, _QUICK, _FEW_VECTORS = 3.0, 50.0, 50_000
#: A long build is started only where it is predicted to bring a query's time down to this share.
_WORTH = 0.8
#: Share of the time there is, at most, that builds over the sample take: where that is not known, and of a budget.
_SAMPLING, _SAMPLING_BUDGET = 1 / 4, 1 / 8
#: Share of the time that goes to the true neighbours of the queries, and to asking them.
_ASKING = 0.25


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
        self._data, self._options, self._progress = data, options, progress
        self._batch = options.objective == "throughput"
        threads = faiss.omp_get_max_threads()
        self._expected = Expectations(data.vectors.shape[1], options.recall, options.k, threads)
        self._times = BuildTimes(self._expected)
        limit = _QUICK if len(data.vectors) <= _FEW_VECTORS else math.inf
        self._clock = TuningTime(data, options, self._expected, self._times, limit)
        count = len(data.vectors)
        self._trials = [
            Trial(candidate, count=count, expected_build=self._times.seconds(candidate, count)) for candidate in able
        ]
        self._out: list[Trial] = []
        self._hopeless: list[Trial] = []

    # --- before anything is built ---------------------------------------------------------------------------

    def limit_memory(self, memory: int | str) -> None:
        """Leave out candidates that would take more memory while they serve.

        Raises:
            InputError: none is left.
        """
        limit = parse_size(memory)
        count, dimension = self._data.vectors.shape

        def too_large(trial: Trial) -> str:
            settings = trial.candidate.settings(count)
            needs = footprint(trial.candidate.kind, count, dimension, settings, metric=self._data.metric).serving
            trial.bytes = needs
            return "" if needs <= limit else f"needs {needs / 2**30:.2f} GiB, over the {limit / 2**30:.2f} GiB allowed"

        self._leave_out(too_large)
        if not self._trials:
            least = min(trial.bytes for trial in self._out)
            raise InputError(
                f"no index over {count} × {dimension} vectors fits {limit / 2**30:.2f} GiB; "
                f"the smallest needs {least / 2**30:.2f} GiB"
            )

    def leave_out_hopeless(self) -> None:
        """Leave out kinds that are expected to be far slower than the best, and what takes too long to build."""
        self._keep_to_budget()
        count = len(self._data.vectors)
        kinds: dict[str, float] = {}
        for trial in self._trials:
            taken = self._expected.plain_seconds(trial.candidate, count)
            kinds[trial.candidate.kind] = min(taken, kinds.get(trial.candidate.kind, math.inf))
        fastest = min(kinds.values())

        def hopeless(trial: Trial) -> str:
            times = kinds[trial.candidate.kind] / fastest
            return f"expected to take {times:.0f} times as long as the best" if times > _HOPELESS else ""

        before = len(self._out)
        self._leave_out(hopeless)
        # But where nothing else reaches the recall, they do: exact search finds all.
        self._hopeless = sorted(self._out[before:], key=lambda trial: kinds[trial.candidate.kind])

    def _keep_to_budget(self) -> None:
        """Leave out what is expected to take longer to build than there is time; never the quickest."""
        clock = self._clock
        quickest = min(self._trials, key=clock.needs)
        if self._options.budget is not None and not clock.fits(quickest):
            build = quickest.expected_build
            warning = (
                f"the budget leaves {max(0.0, clock.left()):.0f} s; the quickest build is expected to take "
                f"{build:.0f} s, at most {self._times.margin(quickest.candidate) * build:.0f}, "
                f"and measuring it {clock.asking_seconds(quickest):.0f}"
            )
            self._report(Progress("Tuning", 0, None, warning=warning))
        self._leave_out(lambda one: "" if one is quickest or clock.fits(one) else clock.too_long(one))

    def _leave_out(self, reason: Callable[[Trial], str]) -> None:
        """Those for which there is a reason; a verdict that stands already stays."""
        staying = []
        for trial in self._trials:
            if why := reason(trial):
                trial.verdict = trial.verdict or why
                self._out.append(trial)
            else:
                staying.append(trial)
        self._trials = staying

    # --- on a sample ----------------------------------------------------------------------------------------

    def on_sample(self) -> None:
        """Build over a sample, unless all together are soon built in full; predict what a full build takes.

        Of every kind the usual build settings come first; others of it are tried where these come near the best.
        """
        size = self._sample_size()
        if size == 0:
            return
        sample = self._data.sample(size, self._progress)
        usual = list({trial.candidate.kind: trial for trial in reversed(self._trials)}.values())
        self._try(usual, sample)
        seconds = {trial.candidate.kind: trial.predicted_seconds for trial in usual}
        near = [kind for kind, taken in seconds.items() if taken <= _NEAR * min(seconds.values())]
        self._try([trial for trial in self._trials if trial not in usual and trial.candidate.kind in near], sample)
        if any(trial.point for trial in self._trials):  # else: perhaps in full
            self._leave_out(lambda trial: "" if trial.point else trial.verdict or "its kind came not near the best")
        self._keep_to_budget()

    def _try(self, trials: list[Trial], sample: Indexed) -> None:
        """Build over a sample, and predict."""
        total, size = len(self._data.vectors), len(sample.vectors)
        what, count = f"Trying {how_many(len(trials), 'index', 'indexes')} on {size:,} vectors", len(trials)
        built = []
        for done, trial in enumerate(trials):
            self._report(Progress(what, done, count, str(trial.candidate)))
            index = self._built(trial, sample, "sample")
            if self._meets_target(trial, index, sample.asked):
                built.append((trial, index))
        if trials:
            self._report(Progress(what, count, count))
        self._time_side_by_side(built, sample.asked)
        for trial, _ in built:
            assert trial.point is not None
            trial.predicted_seconds = self._expected.grown_search(trial.candidate, trial.point.seconds, size, total)

    def _sample_size(self) -> int:
        """0 where all full builds together are quick."""
        total = len(self._data.vectors)
        share = _SAMPLING if self._options.budget is None else _SAMPLING_BUDGET
        allowed = min(min(trial.expected_build for trial in self._trials), share * self._clock.left())

        def builds(size: int) -> float:
            return sum(self._times.seconds(trial.candidate, size) for trial in self._trials)

        if len(self._trials) == 1 or total <= 2 * _SMALLEST or builds(total) <= min(_QUICK, self._clock.limit) / 2:
            return 0
        size = _SMALLEST
        while 1.25 * size <= min(_LARGEST, total / 4) and builds(int(1.25 * size)) <= allowed:
            size = int(1.25 * size)
        return size

    # --- in full --------------------------------------------------------------------------------------------

    def in_full(self) -> tuple[VectorIndex, Trial]:
        """Build the best few over all vectors; the fastest that keeps the recall is chosen.

        Raises:
            InputError: none keeps the recall.
        """
        self._limit_queries()
        best = self._fastest_of(self._trials) or self._fastest_of(self._hopeless)
        if best is None:
            raise InputError(
                f"no index reached recall {self._options.recall:g} at k = {self._options.k} on "
                f"{self._data.asked:,} queries; lower it, allow more memory, or search exactly (kind 'exact')"
            )
        best[0].verdict = "chosen: the fastest that keeps the recall"
        return best[1], best[0]

    def _limit_queries(self) -> None:
        """Ask fewer queries where their true neighbours, and asking them, would take too much of the time there is."""
        best = min(self._trials, key=lambda trial: trial.predicted_seconds)
        if math.isinf(best.predicted_seconds):  # few vectors: no sample was drawn
            return
        left = self._clock.left()
        allowed = _ASKING * (left if math.isfinite(left) else max(_QUICK, _TIMES_BUILD * best.expected_build))
        each = self._clock.truth_seconds() + TIMES_ASKED * best.predicted_seconds
        self._data.limit_queries(max(self._clock.fewest_queries(), int(allowed / each)))

    def _fastest_of(self, trials: list[Trial]) -> tuple[Trial, VectorIndex] | None:
        """The fastest of those that are built and keep the recall; None where none does."""
        best: tuple[Trial, VectorIndex] | None = None
        builds, what = 0, f"Building over all {len(self._data.vectors):,} vectors"
        waiting = list(trials)
        while waiting:
            trial = self._first(waiting) if best is None else self._next(waiting)
            waiting.remove(trial)
            if best is not None and (why := self._not_worth(trial, best[0])):
                trial.verdict = why
                continue
            indexed = self._data.in_full(KINDS[trial.candidate.kind], self._progress)
            self._report(Progress(what, builds, None, f"{trial.candidate}, about {trial.expected_build:.0f} s"))
            index = self._built(trial, indexed, "full")
            builds += 1
            self._report(Progress("Measuring", builds, None, f"{trial.candidate}, by {len(indexed.asked):,} queries"))
            if not self._meets_target(trial, index, indexed.asked):
                continue
            self._correct(waiting, trial, first=best is None)
            best = (trial, index) if best is None else self._faster(best, (trial, index), indexed.asked)
        if builds:
            self._report(Progress(what, builds, builds))
        return best

    def _first(self, waiting: list[Trial]) -> Trial:
        """The first to build; as none can be stopped, under a budget one that is in time even if it takes long."""
        if self._options.budget is None:
            return self._next(waiting)

        def in_time() -> list[Trial]:
            return list(filter(self._clock.fits, waiting)) or [min(waiting, key=self._clock.needs)]

        # Chosen again once the true neighbours are known: how long these took is known then, too.
        self._data.in_full(KINDS[self._next(in_time()).candidate.kind], self._progress)
        return self._next(in_time())

    @staticmethod
    def _next(waiting: list[Trial]) -> Trial:
        """The fastest as predicted; but before it, one that is nearly as fast and built in half the time."""
        fastest = min(waiting, key=lambda trial: trial.predicted_seconds)
        sooner = [
            trial
            for trial in waiting
            if trial.predicted_seconds <= _RIVAL * fastest.predicted_seconds
            and trial.expected_build <= fastest.expected_build / 2
        ]
        return min(sooner, key=lambda trial: trial.predicted_seconds, default=fastest)

    def _not_worth(self, trial: Trial, best: Trial) -> str:
        """Why a candidate is not built in full beside the fastest so far; empty where it is."""
        assert best.point is not None
        slower = trial.predicted_seconds / best.point.seconds  # infinite where no sample was drawn
        same = trial.candidate.kind == best.candidate.kind
        if math.isfinite(slower) and slower > (_SAME_KIND if same else _RIVAL):
            return "predicted no faster than the chosen one was measured"
        if not self._clock.fits(trial):
            return self._clock.too_long(trial)
        needs = self._clock.spent() + self._clock.needs(trial)
        winner = trial.expected_build if slower < _WORTH else best.build_seconds
        if self._options.budget is not None or needs <= max(_QUICK, _TIMES_BUILD * winner):
            return ""
        return f"would take {trial.expected_build:.0f} s more to build, for little that may be gained"

    @staticmethod
    def _correct(waiting: list[Trial], built: Trial, first: bool) -> None:
        """Correct the predictions for those that wait by how far that of one that was built was off."""
        if math.isinf(built.predicted_seconds):
            return
        assert built.point is not None
        off = built.point.seconds / built.predicted_seconds
        for trial in waiting:
            if trial.candidate.kind == built.candidate.kind:
                trial.predicted_seconds *= off
            elif first:  # all were too long where other work disturbed the measurements on the sample
                trial.predicted_seconds *= min(1.0, off)

    def _faster(
        self, best: tuple[Trial, VectorIndex], other: tuple[Trial, VectorIndex], asked: Asked
    ) -> tuple[Trial, VectorIndex]:
        """Measure both in turns, and keep the faster."""
        pair = [best, other]
        self._time_side_by_side(pair, asked)
        winner = min(pair, key=_seconds)
        for trial, _ in pair:
            if trial is not winner[0]:
                trial.verdict = "slower, measured side by side with the chosen one"
        return winner

    def ranked(self) -> list[Trial]:
        """All trials: the chosen one, then by stage and time."""
        stages = {"full": 0, "sample": 1, "": 2}
        return sorted([*self._trials, *self._out], key=lambda t: (not t.chosen, stages[t.stage], t.predicted_seconds))

    # --- what both take -------------------------------------------------------------------------------------

    def _report(self, event: Progress) -> None:
        if self._progress is not None:
            self._progress(event)

    def _built(self, trial: Trial, indexed: Indexed, stage: str) -> VectorIndex:
        start = time.perf_counter()
        index = self._data.built(trial.candidate, len(indexed.vectors), indexed.vectors, indexed.ids)
        trial.build_seconds = time.perf_counter() - start
        trial.stage, trial.count, trial.bytes = stage, len(indexed.vectors), int(index.stats()["bytes"])
        self._times.note(trial.candidate, trial.count, trial.build_seconds)
        for other in [*self._trials, *self._hopeless]:
            other.expected_build = self._times.seconds(other.candidate, len(self._data.vectors))
        return index

    def _meets_target(self, trial: Trial, index: VectorIndex, asked: Asked) -> bool:
        setting, recall = KINDS[trial.candidate.kind].recall_setting, self._options.recall
        trial.point = settings_for_recall(index, setting, asked, self._to_reach(trial.stage, asked), self._batch)
        if trial.point is None:
            trial.verdict = f"does not reach recall {recall:g}"
            if len(asked) < queries_to_show(recall, asked.k) < math.inf:
                trial.verdict = f"recall {recall:g} cannot be shown by {len(asked):,} queries; give more"
        elif trial.stage == "full" and math.isinf(trial.predicted_seconds):
            trial.predicted_seconds = trial.point.seconds
        return trial.point is not None

    def _to_reach(self, stage: str, asked: Asked) -> float:
        """The recall asked for; on a sample no more than its few queries can show, where all queries can."""
        recall = self._options.recall
        if stage == "full" or queries_to_show(recall, asked.k) > self._data.asked:
            return recall
        return min(recall, floor_without_misses(len(asked), asked.k))

    def _time_side_by_side(self, built: list[tuple[Trial, VectorIndex]], asked: Asked) -> None:
        pairs = [(index, trial.point.settings) for trial, index in built if trial.point is not None]
        if not pairs:
            return
        taken = interleaved_seconds(pairs, asked.queries, self._options.k, self._batch)
        for (trial, _), seconds in zip(built, taken, strict=True):
            assert trial.point is not None
            trial.point = Point(trial.point.settings, trial.point.recall, seconds)
            if trial.stage == "full":
                trial.predicted_seconds = seconds


def _seconds(one: tuple[Trial, VectorIndex]) -> float:
    assert one[0].point is not None
    return one[0].point.seconds
