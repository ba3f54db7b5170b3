"""What an index costs in accuracy: identifications that exact search makes and the index does not, at this size.

Recall@10 says how many of the ten nearest vectors an index finds; a user needs to know how many people are no longer
recognised. The two differ: an index hardly ever misses a mate that lies far nearer than everyone else, and where ten
strangers are about equally near, missing some of them costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.labels import identity_codes
from lookalike.evaluation.statistics.intervals import Rate
from lookalike.index import Hits, VectorIndex, build_index
from lookalike.index.core.checks import checked_vectors
from lookalike.index.core.float64_order import exact_values
from lookalike.progress import ProgressSink, counted

__all__ = ["IndexLoss", "LossOptions", "measure_index_loss"]


@dataclass(frozen=True)
class IndexLoss:
    """Identification through an index beside exact identification, over the same probes.

    Attributes:
        kind: of the index.
        gallery: vectors enrolled, distractors included.
        probes: searches, each of an identity that is enrolled.
        exact_rank1: share of probes whose nearest enrolled vector is their own identity's, by exact search.
        index_rank1: the same through the index.
        lost: probes that exact search identifies and the index does not.
        gained: the reverse, which is luck: the index missed a stranger who is nearer than the mate.
        recall1: share of probes for which the index finds the nearest vector, or one as near.
        threshold: distance up to which an answer was accepted; None for any.
    """

    kind: str
    gallery: int
    probes: int
    exact_rank1: Rate
    index_rank1: Rate
    lost: int
    gained: int
    recall1: float
    threshold: float | None


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """Who is enrolled and searched for, and which answers count.

    Attributes:
        distractors: `(m, d)` vectors by the same model of people none of whom is among the labels; they are enrolled.
        threshold: accept an answer up to this distance only, as a recognizer does; None for any.
        seed: of the choice of probes.
    """

    distractors: npt.ArrayLike | None = None
    threshold: float | None = None
    seed: int = 0


def measure_index_loss(
    vectors: npt.ArrayLike,
    labels: Any,
    kind: str | VectorIndex = "auto",
    metric: str = "cosine",
    options: LossOptions | None = None,
    *,
    progress: ProgressSink | None = None,
    **settings: Any,
) -> IndexLoss:
    """Identify one vector of each identity among all others, exactly and through an index.

    Args:
        vectors: `(n, d)` real numbers.
        labels: `(n,)` identities, integers or strings.
        kind: of the index to judge, as for `build_index`; or an empty `VectorIndex` (`empty_index`) to fill.
        metric: as for `build_index`.
        options: distractors, threshold, choice of probes.
        progress: told of exact search, of building, and of the search through the index.
        **settings: build and search settings of the kind.

    Raises:
        InputError: no identity has two vectors, so nobody is both enrolled and searched for.
        VectorError: vectors or labels are unusable.

    Example:
        >>> measure_index_loss(vectors, people, "hnsw", M=16).lost    # doctest: +SKIP
        0
    """
    given = options or LossOptions()
    gallery, owners, probes, identities = _split(vectors, labels, given)
    done = counted(progress, f"Exact search of {len(probes):,} probes among {len(gallery):,} vectors", len(probes))
    done(0)
    truth = build_index(gallery, "exact", metric)
    exact = truth.search(probes, 1)
    done(len(probes))
    index = _filled(kind, gallery, metric, progress, settings)
    done = counted(progress, "Searching the index", len(probes))
    done(0)
    found = index.search(probes, 1)
    done(len(probes))

    def right(hits: Hits) -> npt.NDArray[np.bool_]:
        same: npt.NDArray[np.bool_] = owners[hits.ids[:, 0]] == identities
        return same if given.threshold is None else same & (hits.distances[:, 0] <= given.threshold)

    by_exact, by_index = right(exact), right(found)
    return IndexLoss(
        kind=index.kind,
        gallery=len(gallery),
        probes=len(probes),
        exact_rank1=Rate.of(int(by_exact.sum()), len(probes)),
        index_rank1=Rate.of(int(by_index.sum()), len(probes)),
        lost=int((by_exact & ~by_index).sum()),
        gained=int((by_index & ~by_exact).sum()),
        recall1=_recall1(truth, gallery, probes, exact, found),
        threshold=given.threshold,
    )


def _recall1(
    truth: VectorIndex, gallery: npt.NDArray[np.float32], probes: npt.NDArray[np.float32], exact: Hits, found: Hits
) -> float:
    """Share of probes whose found vector is as near as the nearest, by the true distance; an index may estimate."""
    asked, places = truth.space.vectors(probes), np.arange(len(probes))[:, None]
    best, other = (
        exact_values(asked, truth.space.vectors(gallery[hits.ids[:, 0]]), places, truth.metric)[:, 0]
        for hits in (exact, found)
    )
    return float((other <= best + 1e-6 * np.abs(best)).mean())


def _split(
    vectors: npt.ArrayLike, labels: Any, options: LossOptions
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The gallery and whose its vectors are (-1: a distractor's), the probes and whose they are."""
    given = checked_vectors(vectors)
    codes, _ = identity_codes(labels, len(given))
    order = np.random.default_rng(options.seed).permutation(len(given))
    # The first vector of each identity in random order is its probe; of an identity with one vector, it is enrolled.
    _, first = np.unique(codes[order], return_index=True)
    counts = np.bincount(codes)
    probes = order[first][counts[codes[order[first]]] > 1]
    if not len(probes):
        raise InputError(
            "every identity has one vector, so nobody is both enrolled and searched for; give more of each"
        )
    enrolled = np.setdiff1d(np.arange(len(given)), probes)
    gallery, owners = given[enrolled], codes[enrolled]
    if options.distractors is not None:
        others = checked_vectors(options.distractors, given.shape[1], "distractors")
        gallery, owners = np.vstack([gallery, others]), np.concatenate([owners, np.full(len(others), -1)])
    return gallery, owners, given[probes], codes[probes]


def _filled(
    kind: str | VectorIndex,
    gallery: npt.NDArray[np.float32],
    metric: str,
    progress: ProgressSink | None,
    settings: dict[str, Any],
) -> VectorIndex:
    """The index to judge over the gallery; ids are the gallery's rows."""
    done = counted(progress, f"Building {kind if isinstance(kind, str) else kind.kind}", 1)
    done(0)
    if isinstance(kind, str):
        index = build_index(gallery, kind, metric, **settings)
    else:
        index = kind
        index.add(gallery, np.arange(len(gallery)))
    done(1)
    return index
