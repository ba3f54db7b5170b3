"""The classic comparison: every kind over the same vectors; build time, bytes, recall against queries per second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError, LookalikeError
from lookalike.index.core.checks import check_recall, checked_k, checked_vectors
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.tuning.candidates import Candidate, candidates
from lookalike.index.tuning.cheapest_settings import Point, frontier, sweep
from lookalike.index.tuning.recall import exact_truth

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.tuning.speed import Searchable

__all__ = ["Comparison", "Measured", "compare_indexes"]

_QUERIES = 1000


@dataclass(frozen=True)
class Measured:
    """One kind or peer.

    Attributes:
        name: the kind, or the peer's library.
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
        measured: one entry a kind and peer.
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
        from lookalike.index.tuning.comparison_plot import draw_curves

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
    kinds: Sequence[str] | None = None,
    k: int = 10,
    queries: npt.ArrayLike | None = None,
    recall: float = 0.95,
    covariance: Covariance | None = None,
    peers: bool = False,
    builds: Sequence[Candidate] | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Build every kind over the same vectors and measure it.

    Args:
        vectors: `(n, d)` real numbers, n at least 200.
        metric: as for `build_index`.
        kinds: only these; by default all that are installed and can the metric, each with its usual settings.
        k: neighbours asked for.
        queries: `(q, d)`, none of them indexed; by default up to 1,000 of the vectors are held out.
        recall: at which the table compares speeds.
        covariance: for the Mahalanobis metric.
        peers: measure hnswlib and usearch, too, where they are installed.
        builds: build settings to compare, instead of the usual ones.
        seed: of the held-out queries.
        progress: called with one line whenever something begins.

    Returns:
        `Comparison`: `rows()`, `to_dict()`, `plot(path)`.

    Raises:
        InputError: a value out of range, or nothing to compare.
        VectorError: vectors or queries are unusable.

    Example:
        >>> compare_indexes(vectors, kinds=["exact", "hnsw", "ivf"]).rows()    # doctest: +SKIP
    """
    given = checked_vectors(vectors)
    checked_k(k)
    check_recall(recall)
    if len(given) < 200:
        raise InputError(f"{len(given)} vectors are too few to compare indexes on; give 200 at least")
    space = MetricSpace(metric, given.shape[1], covariance)
    if queries is None:
        order = np.random.default_rng(seed).permutation(len(given))
        held = min(_QUERIES, len(given) // 10)
        asked, given = given[order[:held]], given[np.sort(order[held:])]
    else:
        asked = checked_vectors(queries, given.shape[1], "queries")
    say = progress or (lambda line: None)
    say(f"exact neighbours of {len(asked):,} queries among {len(given):,} vectors")
    prepared = space.vectors(given)
    truth = exact_truth(prepared, space.vectors(asked), k, space)
    todo: list[Candidate | str] = list(builds) if builds is not None else list(_one_each(metric, given.shape[1], kinds))
    if peers:
        from lookalike.index.tuning.peers import PEERS

        todo += list(PEERS)
    measured, failed = [], {}
    for item in todo:
        name = item if isinstance(item, str) else item.kind
        settings = {} if isinstance(item, str) else item.settings(len(given))
        say(f"{name}: building {_text(settings)}".rstrip())
        try:
            start = time.perf_counter()
            index, settings, size = _made(item, given, prepared, space, metric, covariance)
            seconds = time.perf_counter() - start
        except LookalikeError as error:
            failed[name] = str(error)
            say(f"{name}: {error}")
            continue
        say(f"{name}: built in {seconds:.1f} s, measuring")
        asked_of = asked if not isinstance(item, str) else space.vectors(asked)
        single = sweep(index, asked_of, truth)
        batch = sweep(index, asked_of, truth, batch=True)
        measured.append(Measured(name, settings, seconds, size / len(given), tuple(single), tuple(batch)))
    if not measured:
        raise InputError("nothing could be measured: " + "; ".join(f"{n}: {why}" for n, why in failed.items()))
    return Comparison(len(given), given.shape[1], metric, k, len(asked), recall, tuple(measured), failed)


def _one_each(metric: str, dimension: int, kinds: Sequence[str] | None) -> list[Candidate]:
    """The first worthwhile candidate of each kind, in the order of `KINDS`."""
    first: dict[str, Candidate] = {}
    for candidate in candidates(metric, dimension, kinds):
        first.setdefault(candidate.kind, candidate)
    return list(first.values())


def _made(
    item: Candidate | str,
    vectors: npt.NDArray[np.float32],
    prepared: npt.NDArray[np.float32],
    space: MetricSpace,
    metric: str,
    covariance: Covariance | None,
) -> tuple[Searchable, dict[str, Any], int]:
    if isinstance(item, str):
        from lookalike.index.tuning.peers import PEERS

        peer = PEERS[item](prepared, space)
        return peer, dict(peer.settings), peer.bytes
    from lookalike.index.construction import build_kind

    settings = item.settings(len(vectors))
    index = build_kind(vectors, item.kind, metric, covariance=covariance, **settings)
    return index, settings, int(index.stats()["bytes"])
