"""Photos against the enrolled photos themselves: do those of the place come first, and is one of them the photo itself?

The centroids have no part in it, so it measures the vectors alone. The search is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, nearest
from lookalike.evaluation.retrieval.landmark_metrics import RetrievalMeasures, measure_retrieval
from lookalike.identity_names import canonical_name
from lookalike.landmarks.atlas import Atlas
from lookalike.landmarks.near_copies import ROUNDING

__all__ = ["already_enrolled", "retrieve_photos"]

Floats = npt.NDArray[np.float32]


def retrieve_photos(
    atlas: Atlas, metric: MetricName, vectors: Floats, truth: Sequence[Sequence[str]], k: int = 100, seed: int = 0
) -> RetrievalMeasures | None:
    """MAP@k of photos of places among all photos that are enrolled, those that went into no centroid included.

    Args:
        atlas: of the gallery.
        metric: of the vectors.
        vectors: `(q, d)` of the photos asked about.
        truth: per photo its places; photos that show none, or none that is enrolled, are not asked.
        k: how much of a ranking counts.
        seed: of the interval over places.

    Returns:
        what was measured, or None where no photo's place has enrolled photos.

    Example:
        >>> retrieve_photos(recognizer.atlas, "cosine", vectors, [["church"], []])    # doctest: +SKIP
        RetrievalMeasures(mean_average_precision=0.81, ...)
    """
    photos, rows = _all_photos(atlas)
    own = [[row for place in places for row in rows.get(canonical_name(place), ())] for places in truth]
    asked = [i for i, relevant in enumerate(own) if relevant]
    if not asked:
        return None
    rankings = nearest(vectors[asked], photos, k, metric)[0].tolist()
    relevant = [own[i] for i in asked]
    return measure_retrieval(rankings, relevant, [truth[i][0] for i in asked], k, seed=seed)


def already_enrolled(atlas: Atlas, metric: MetricName, vectors: Floats) -> npt.NDArray[np.bool_]:
    """`(q,)` whether a photo, within rounding, is among those enrolled, of places or of none.

    Such a photo is recognised too easily, or refused too easily, to say anything about others.
    """
    found = np.zeros(len(vectors), bool)
    for known in (_all_photos(atlas)[0], atlas.non_landmarks):
        if len(known) and len(vectors):
            first = known[nearest(vectors, known, 1, metric)[0][:, 0]]
            apart = np.linalg.norm(first - vectors, axis=1)
            found |= apart <= ROUNDING * np.linalg.norm(vectors, axis=1)
    return found


def _all_photos(atlas: Atlas) -> tuple[Floats, dict[str, range]]:
    """A copy of all enrolled photos, `(n, d)`, and which of them are of each place."""
    own = {place: atlas.photos(place).vectors for place in atlas.places}
    ends = np.cumsum([0, *map(len, own.values())]).tolist()
    rows = {place: range(first, last) for place, first, last in zip(own, ends[:-1], ends[1:], strict=True)}
    return np.concatenate([atlas.non_landmarks[:0], *own.values()]), rows
