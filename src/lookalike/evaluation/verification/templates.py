"""Templates: one vector for several pictures and video frames of one identity, compared in their place.

Frames of one medium (a still, a video) are nearly equal pictures. So the vectors of a medium are averaged first, and
then the media are summed: a video of a thousand frames has the weight of one still.

Source: Maze et al., "IARPA Janus Benchmark - C" (2018) for templates and media; InsightFace's IJB evaluation
(``eval_ijbc.py``) for the sum over media and the weights.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.array_input import as_array
from lookalike.distances import MetricName
from lookalike.errors import VectorError
from lookalike.evaluation.labels import canonical_label, checked_vectors, identity_codes
from lookalike.evaluation.verification.listed_pairs import pair_distances

__all__ = ["Templates", "make_templates"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Numbers of the vectors that are added up at a time, in float64: 64 MiB.
BLOCK_NUMBERS = 8_388_608


@dataclass(frozen=True, eq=False)
class Templates:
    """One vector per template.

    Attributes:
        ids: the id of each, sorted (integers before strings).
        vectors: `(t, d)` float32 of unit length.
        pictures: `(t,)` int64, how many vectors each was made of.
        media: `(t,)` int64, of how many media.
    """

    ids: tuple[Hashable, ...]
    vectors: npt.NDArray[np.float32]
    pictures: Integers
    media: Integers

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, ids: Any) -> Integers:
        """Positions in `vectors` of template ids, an array of the same shape.

        Raises:
            VectorError: an id that no template has.
        """
        wanted, known = np.asarray(ids), np.array(self.ids)
        # Millions of pairs, as in IJB-C, are looked up at once. Signed with unsigned integers would become floats.
        if known.dtype.kind == wanted.dtype.kind == "i":
            at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            unknown = np.flatnonzero((known[at] != wanted).ravel())
        else:
            place = {name: number for number, name in enumerate(self.ids)}
            flat = [place.get(canonical_label(name), -1) for name in np.asarray(ids, object).ravel().tolist()]
            at = np.array(flat, np.int64).reshape(wanted.shape)
            unknown = np.flatnonzero(at.ravel() < 0)
        if len(unknown):
            raise VectorError(
                f"{len(unknown)} of {wanted.size} ids name no template, such as {wanted.ravel()[unknown[0]]!r}; there "
                f"are {len(self)} templates, from {self.ids[0]!r} to {self.ids[-1]!r}"
            )
        return at.astype(np.int64)

    def compare(self, pairs: Any, metric: MetricName = "cosine") -> Floats:
        """Distances of listed pairs of templates, in blocks.

        Args:
            pairs: `(p, 2)` template ids.
            metric: name of the distance.

        Returns:
            `(p,)` float64; with the truth of each pair, for `verification.from_scores` or `PairCounts.add`.

        Raises:
            VectorError: an id that no template has, or a wrong shape.
        """
        return pair_distances(self.vectors, self.positions(pairs), metric)


def make_templates(
    embeddings: npt.ArrayLike,
    template_ids: Any,
    media_ids: Any,
    *,
    detection_scores: npt.ArrayLike | None = None,
    weigh_by_norm: bool = False,
) -> Templates:
    """Aggregate pictures to templates: mean within a medium, sum over media, unit length.

    Args:
        embeddings: `(n, d)` vectors.
        template_ids: `(n,)` integers or strings, the template of each.
        media_ids: `(n,)` integers or strings, the medium of each; a medium counts within one template.
        detection_scores: `(n,)` numbers of at least 0 that the vectors are multiplied by, such as the confidence of the
            face detection. The mean within a medium still divides by the number of its pictures, as InsightFace's does.
        weigh_by_norm: keep the lengths of the vectors, which measure picture quality in many models, as weights; else
            every vector is brought to unit length first.

    Raises:
        VectorError: wrong shapes, NaN, a zero vector, or a template whose vectors add up to zero.

    Example:
        >>> templates = make_templates([[1.0, 0], [1, 0], [0, 1]], ["a", "a", "a"], ["video", "video", "still"])
        >>> templates.vectors.round(3).tolist(), templates.media.tolist()
        ([[0.7070000171661377, 0.7070000171661377]], [2])
    """
    vectors = checked_vectors(embeddings)
    template_of, names = identity_codes(template_ids, len(vectors))
    medium_of, _ = identity_codes(media_ids, len(vectors))
    weights = _checked_scores(detection_scores, len(vectors))
    if not weigh_by_norm:
        lengths = _lengths(vectors)
        if not lengths.all():
            raise VectorError(
                f"embeddings[{int(np.argmin(lengths))}] is all zeros; it has no direction: remove or re-embed it"
            )
        weights = weights / lengths
    _, medium, sizes = np.unique(np.stack([template_of, medium_of]), axis=1, return_inverse=True, return_counts=True)
    medium = medium.reshape(-1)
    # The sum over media of the means within them is one weighted sum.
    weights = weights / sizes[medium]

    order = np.argsort(template_of, kind="stable")
    starts = np.searchsorted(template_of[order], np.arange(len(names) + 1))
    sums = _weighted_sums(vectors, weights, order, starts)
    lengths = _lengths(sums)
    # What is left where vectors cancel is rounding, and has no direction.
    scale = np.add.reduceat((weights * _lengths(vectors))[order], starts[:-1])
    cancelled = np.flatnonzero(lengths <= 1e-12 * scale)
    if len(cancelled):
        raise VectorError(
            f"the vectors of template {names[cancelled[0]]!r} add up to zero; they are opposite, zero or of weight zero"
        )
    return Templates(
        ids=names,
        vectors=(sums / lengths[:, None]).astype(np.float32),
        pictures=np.diff(starts).astype(np.int64),
        media=np.bincount(np.unique(np.stack([template_of, medium]), axis=1)[0], minlength=len(names)),
    )


def _weighted_sums(vectors: npt.NDArray[Any], weights: Floats, order: Integers, starts: Integers) -> Floats:
    """`(t, d)` weighted sums of `vectors[order]` from each start to the next, in blocks."""
    sums = np.empty((len(starts) - 1, vectors.shape[1]))
    step = max(1, BLOCK_NUMBERS // vectors.shape[1])
    first = 0
    while first < len(sums):
        # As many whole templates as fit, or one that is larger by itself.
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + step, side="right")) - 1)
        rows = order[starts[first] : starts[last]]
        weighted = vectors[rows] * weights[rows, None]
        sums[first:last] = np.add.reduceat(weighted, starts[first:last] - starts[first], axis=0)
        first = last
    return sums


def _lengths(vectors: npt.NDArray[Any]) -> Floats:
    lengths = np.empty(len(vectors))
    step = max(1, BLOCK_NUMBERS // vectors.shape[1])
    for start in range(0, len(vectors), step):
        lengths[start : start + step] = np.linalg.norm(vectors[start : start + step].astype(np.float64), axis=1)
    return lengths


def _checked_scores(scores: npt.ArrayLike | None, n: int) -> Floats:
    if scores is None:
        return np.ones(n)
    weights = as_array(scores, "scores")
    if weights.shape != (n,) or weights.dtype.kind not in "fiu":
        raise VectorError(
            f"detection_scores have shape {weights.shape} and dtype {weights.dtype}; expected one number for each of "
            f"{n} vectors"
        )
    bad = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if len(bad):
        raise VectorError(f"detection_scores[{bad[0]}] is {weights[bad[0]]}; scores must be numbers of at least 0")
    return weights.astype(np.float64)
