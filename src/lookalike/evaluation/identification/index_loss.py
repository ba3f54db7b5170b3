"""What an index costs in accuracy: identifications that exact search makes and the index does not, at this size.

Recall@10 says how many of the ten nearest vectors an index finds; a user needs to know how many people are no longer
recognised. The two differ: an index hardly ever misses a mate that lies far nearer than everyone else, and where ten
strangers are about equally near, missing some of them costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.labels import identity_codes
from lookalike.evaluation.statistics.intervals import Rate
from lookalike.index import VectorIndex, build_index
from lookalike.index.core.checks import checked_vectors
from lookalike.index.core.float64_order import exact_values

__all__ = ["IndexLoss", "measure_index_loss"]


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


def measure_index_loss(
    vectors: npt.ArrayLike,
    labels: Any,
    kind: str | VectorIndex = "auto",
    metric: str = "cosine",
    *,
    distractors: npt.ArrayLike | None = None,
    threshold: float | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
    **settings: Any,
) -> IndexLoss:
    """Identify one vector of each identity among all others, exactly and through an index.

    Args:
        vectors: `(n, d)` real numbers.
        labels: `(n,)` identities, integers or strings.
        kind: of the index to judge, as for `build_index`; or an empty `VectorIndex` (`empty_index`) to fill.
        metric: as for `build_index`.
        distractors: `(m, d)` vectors by the same model of people none of whom is among the labels; they are enrolled.
        threshold: accept an answer up to this distance only, as a recognizer does.
        seed: of the choice of probes.
        progress: called with one line whenever something begins.
        **settings: build and search settings of the kind.

    Raises:
        InputError: no identity has two vectors, so nobody is both enrolled and searched for.
        VectorError: vectors or labels are unusable.
    """
    say = progress or (lambda line: None)
    given = checked_vectors(vectors)
    codes, _ = identity_codes(labels, len(given))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(given))
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
    if distractors is not None:
        others = checked_vectors(distractors, given.shape[1], "distractors")
        gallery, owners = np.vstack([gallery, others]), np.concatenate([owners, np.full(len(others), -1)])
    say(f"exact search of {len(probes):,} probes among {len(gallery):,}")
    truth = build_index(gallery, "exact", metric)
    exact = truth.search(given[probes], 1)
    say(f"building {kind if isinstance(kind, str) else kind.kind}")
    if isinstance(kind, str):
        index = build_index(gallery, kind, metric, **settings)
    else:
        index = kind
        index.add(gallery, np.arange(len(gallery)))
    found = index.search(given[probes], 1)

    def right(ids: npt.NDArray[np.int64], distances: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        same: npt.NDArray[np.bool_] = owners[ids[:, 0]] == codes[probes]
        return same if threshold is None else same & (distances[:, 0] <= threshold)

    by_exact, by_index = right(exact.ids, exact.distances), right(found.ids, found.distances)
    # As near as the nearest, by the true distance: the index's own may be an estimate.
    asked = truth.space.vectors(given[probes])
    best, other = (
        exact_values(asked, truth.space.vectors(gallery[hits.ids[:, 0]]), np.arange(len(asked))[:, None], metric)[:, 0]
        for hits in (exact, found)
    )
    return IndexLoss(
        kind=index.kind,
        gallery=len(gallery),
        probes=len(probes),
        exact_rank1=Rate.of(int(by_exact.sum()), len(probes)),
        index_rank1=Rate.of(int(by_index.sum()), len(probes)),
        lost=int((by_exact & ~by_index).sum()),
        gained=int((by_index & ~by_exact).sum()),
        recall1=float((other <= best + 1e-6 * np.abs(best)).mean()),
        threshold=threshold,
    )
