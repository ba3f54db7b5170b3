"""The classic comparison: every kind over the same vectors; build time, bytes, recall against queries per second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError, LookalikeError
from lookalike.index.building import build_kind
from lookalike.index.core.checks import check_recall, checked_k, checked_vectors
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.kinds.registry import KINDS
from lookalike.index.tuning.asked import Asked
from lookalike.index.tuning.candidates import candidates
from lookalike.index.tuning.cheapest_settings import Point, frontier, sweep
from lookalike.index.tuning.comparison_plot import draw_curves
from lookalike.index.tuning.options import CompareOptions
from lookalike.index.tuning.recall import exact_truth
from lookalike.progress import Progress, ProgressSink, counted

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.core.hits import Floats
    from lookalike.index.core.kind import Candidate, RecallSetting
    from lookalike.index.tuning.engine import Engine
    from lookalike.index.tuning.speed import Searchable

__all__ = ["Comparison", "Measured", "compare_indexes"]

_QUERIES = 1000


@dataclass(frozen=True)
class Measured:
    """One kind, or another's engine.

    Attributes:
        name: the kind, or the engine's name.
        settings: build settings.
        build_seconds: with all threads.
        bytes_per_vector: in memory.
        single: points of growing recall, time of a query searched alone.
        batch: points of growing recall, time of a query as part of a batch, all threads.
    """

    name: str
    settings: dict[str, Any]
    build_seconds: float
    bytes_per_vector: float
    single: tuple[Point, ...]
    batch: tuple[Point, ...]

    @property
    def label(self) -> str:
        """Name and build settings."""
        return f"{self.name} {_text(self.settings)}".strip()

    def at(self, recall: float, batch: bool = False) -> Point | None:
        """The fastest measured point of at least this recall; None where there is none."""
        good = [p for p in (self.batch if batch else self.single) if p.recall.mean >= recall]
        return min(good, key=lambda p: p.seconds, default=None)


@dataclass(frozen=True)
class Comparison:
    """What `compare_indexes` measured.

    Attributes:
        count: vectors indexed.
        dimension: numbers per vector.
        metric: searched by.
        k: neighbours asked for.
        queries: how many, none of them indexed.
        recall: at which rows compare speeds.
        measured: one entry a kind and engine.
        failed: name -> why it could not be measured.
    """

    count: int
    dimension: int
    metric: str
    k: int
    queries: int
    recall: float
    measured: tuple[Measured, ...]
    failed: dict[str, str]

    def rows(self) -> list[dict[str, Any]]:
        """One row each, fastest single query first; None where the recall is not reached."""
        rows = []
        for entry in self.measured:
            single, batch = entry.at(self.recall), entry.at(self.recall, batch=True)
            rows.append(
                {
                    "name": entry.name,
                    "build": entry.settings,
                    "build_seconds": round(entry.build_seconds, 1),
                    "bytes_per_vector": round(entry.bytes_per_vector, 1),
                    "search": single.settings if single else None,
                    "recall": single.recall.mean if single else max(p.recall.mean for p in entry.single),
                    "queries_per_second": 1 / single.seconds if single else None,
                    "batch_queries_per_second": 1 / batch.seconds if batch else None,
                }
            )
        return sorted(rows, key=lambda row: -(row["queries_per_second"] or 0))

    def to_dict(self) -> dict[str, Any]:
        """Everything, curves included, for JSON."""

        def curve(points: Sequence[Point]) -> list[dict[str, Any]]:
            return [
                {
                    "search": p.settings,
                    "recall": p.recall.mean,
                    "recall_low": p.recall.low,
                    "recall_high": p.recall.high,
                    "queries_per_second": 1 / p.seconds,
                }
                for p in points
            ]

        return {
            "vectors": self.count,
            "dimension": self.dimension,
            "metric": self.metric,
            "k": self.k,
            "queries": self.queries,
            "recall": self.recall,
            "rows": self.rows(),
            "curves": {m.label: {"single": curve(m.single), "batch": curve(m.batch)} for m in self.measured},
            "failed": self.failed,
        }

    def plot(self, path: str | Path, batch: bool = False) -> None:
        """Draw the curves as PNG or SVG: fastest points only, one at a time or in batches."""
        curves = {
            m.label: [(p.recall.mean, 1 / p.seconds) for p in frontier(list(m.batch if batch else m.single))]
            for m in self.measured
        }
        how = "in batches, all threads" if batch else "one at a time"
        draw_curves(
            curves,
            Path(path),
            k=self.k,
            title=f"{self.count:,} × {self.dimension}, {self.metric}",
            what=f"queries per second, {how}",
        )


def _text(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def compare_indexes(
    vectors: npt.ArrayLike,
    *,
    metric: str = "cosine",
    queries: npt.ArrayLike | None = None,
    covariance: Covariance | None = None,
    builds: Sequence[Candidate] | None = None,
    engines: Sequence[Engine] = (),
    progress: ProgressSink | None = None,
    **options: Any,
) -> Comparison:
    """Build every kind over the same vectors and measure it.

    Args:
        vectors: `(n, d)` real numbers, n at least 200.
        metric: as for `build_index`.
        queries: `(q, d)`, none of them indexed; by default up to 1,000 of the vectors are held out.
        covariance: for the Mahalanobis metric.
        builds: build settings to compare, instead of each kind's usual ones.
        engines: others' libraries to measure beside ours, behind the protocol `lookalike.index.tuning.engine.Engine`.
        progress: told of every build, and of what cannot be measured.
        **options: `kinds` (None: all that are installed and support the metric), `k` (10), `recall` (0.95), `seed` (0),
            as `CompareOptions` explains them.

    Returns:
        `Comparison`: `rows()`, `to_dict()`, `plot(path)`.

    Raises:
        InputError: a value out of range, or nothing to compare.
        TypeError: there is no such option.
        VectorError: vectors or queries are unusable.

    Example:
        >>> compare_indexes(vectors, kinds=["exact", "hnsw", "ivf"]).rows()    # doctest: +SKIP
    """
    wanted = CompareOptions(**options)
    given = checked_vectors(vectors)
    checked_k(wanted.k)
    check_recall(wanted.recall)
    if len(given) < 200:
        raise InputError(f"{len(given)} vectors are too few to compare indexes on; give 200 at least")
    space = MetricSpace(metric, given.shape[1], covariance)
    if queries is None:
        order = np.random.default_rng(wanted.seed).permutation(len(given))
        held = min(_QUERIES, len(given) // 10)
        asked, given = given[order[:held]], given[np.sort(order[held:])]
    else:
        asked = checked_vectors(queries, given.shape[1], "queries")
    bench = _Bench(given, asked, metric, space, wanted.k, progress)
    ours = builds if builds is not None else _one_each(candidates(metric, space.dimension, wanted.kinds))
    measured, failed = bench.measure([*map(bench.kind, ours), *map(bench.engine, engines)])
    if not measured:
        raise InputError("nothing could be measured: " + "; ".join(f"{n}: {why}" for n, why in failed.items()))
    return Comparison(len(given), space.dimension, metric, wanted.k, len(asked), wanted.recall, tuple(measured), failed)


def _one_each(able: Sequence[Candidate]) -> list[Candidate]:
    """The first candidate of each kind: its usual settings."""
    first: dict[str, Candidate] = {}
    for candidate in able:
        first.setdefault(candidate.kind, candidate)
    return list(first.values())


@dataclass(frozen=True)
class _Entry:
    """What is to be measured: one kind, or another's engine."""

    name: str
    settings: dict[str, Any]
    recall_setting: RecallSetting | None
    asked: Asked
    build: Callable[[], tuple[Searchable, int]]  # the index, and its bytes


class _Bench:
    """The vectors and queries that everything is measured on."""

    def __init__(
        self, vectors: Floats, queries: Floats, metric: str, space: MetricSpace, k: int, progress: ProgressSink | None
    ) -> None:
        self._vectors, self._metric, self._space = vectors, metric, space
        self._prepared, prepared_queries = space.vectors(vectors), space.vectors(queries)
        self._report = progress or (lambda event: None)
        done = counted(progress, f"Exact neighbours among {len(vectors):,} vectors", len(vectors))
        truth = exact_truth(self._prepared, prepared_queries, k, space, done)
        self._asked, self._prepared_asked = Asked(queries, truth), Asked(prepared_queries, truth)

    def kind(self, candidate: Candidate) -> _Entry:
        """One of our kinds."""
        settings = candidate.settings(len(self._vectors))

        def build() -> tuple[Searchable, int]:
            covariance = self._space.covariance
            index = build_kind(self._vectors, candidate.kind, self._metric, covariance=covariance, **settings)
            return index, int(index.stats()["bytes"])

        return _Entry(candidate.kind, settings, KINDS[candidate.kind].recall_setting, self._asked, build)

    def engine(self, engine: Engine) -> _Entry:
        """Another's engine, which is given prepared vectors and queries."""

        def build() -> tuple[Searchable, int]:
            built = engine.build(self._prepared, self._space.metric)
            return built, built.bytes

        settings = dict(engine.settings)
        return _Entry(engine.name, settings, engine.recall_setting, self._prepared_asked, build)

    def measure(self, entries: Sequence[_Entry]) -> tuple[list[Measured], dict[str, str]]:
        """Everything that can be measured, and why the rest cannot."""
        measured, failed = [], {}
        stage, total = f"Measuring {len(entries)} indexes", len(entries)
        for done, entry in enumerate(entries):
            label = f"{entry.name} {_text(entry.settings)}".strip()
            building = Progress(stage, done, total, f"{label}: building")
            self._report(building)
            try:
                start = time.perf_counter()
                index, size = entry.build()
                seconds = time.perf_counter() - start
            except LookalikeError as error:
                failed[entry.name] = str(error)
                self._report(replace(building, warning=f"{entry.name} was not measured: {error}"))
                continue
            self._report(Progress(stage, done, total, f"{label}: built in {seconds:.1f} s, measuring"))
            single, batch = (
                tuple(sweep(index, entry.recall_setting, entry.asked, batch=batch)) for batch in (False, True)
            )
            per_vector = size / len(self._vectors)
            measured.append(Measured(entry.name, entry.settings, seconds, per_vector, single, batch))
        self._report(Progress(stage, total, total))
        return measured, failed
