"""Identification on one labelled set: enrol some pictures, search the others, repeat with other draws.

The figures of one split of a small set depend on chance. Each trial draws which pictures are enrolled and which
identities are known; the *closed* gallery enrols all identities, the *open* gallery only the known ones, so that every
picture of an unknown identity is a true non-mated search.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.distances import MetricName
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.operating_point import is_sufficient
from lookalike.evaluation.identification.closed_and_open_set import OpenSetResult, ThresholdCounts, open_set, search
from lookalike.evaluation.labels import checked_vectors, identity_codes

__all__ = [
    "DirSpread",
    "EnrolmentTrial",
    "IdentificationResult",
    "Spread",
    "TrialDraws",
    "enrolment_trials",
    "identify_trials",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EnrolmentTrial:
    """Positions of pictures in one trial, each `(·,)` int64, ascending.

    Attributes:
        enrolled: one draw of pictures for every identity: the closed gallery.
        closed_probes: all other pictures.
        gallery: the enrolled pictures of known identities: the open gallery.
        mated: other pictures of known identities.
        non_mated: all pictures of unknown identities.
        known: codes of the known identities, as `identity_codes` numbers them.
    """

    enrolled: Integers
    closed_probes: Integers
    gallery: Integers
    mated: Integers
    non_mated: Integers
    known: Integers


def enrolment_trials(
    labels: Any, enrolled: int = 1, trials: int = 20, known_share: float = 0.5, seed: int = 0
) -> Iterator[EnrolmentTrial]:
    """Draw which identities are known and which of their pictures are enrolled.

    Args:
        labels: `(n,)` integers or strings.
        enrolled: pictures enrolled per identity; an identity that has no more than these cannot be mated,
            and is always unknown.
        trials: how many draws.
        known_share: share of all identities that are known, rounded; at least 1, and at least 1 stays unknown.
        seed: of the draws.

    Yields:
        One `EnrolmentTrial` per draw; draw t is the same for any number of trials.

    Raises:
        VectorError: labels of a wrong kind.
        InputError: fewer than 2 identities, no identity with more than `enrolled` pictures, or a number out of range.

    Example:
        >>> trial = next(enrolment_trials(["a", "a", "b", "b"]))
        >>> len(trial.gallery), len(trial.mated), len(trial.non_mated)
        (1, 1, 2)
    """
    if enrolled < 1 or trials < 1 or not 0 < known_share < 1:
        raise InputError(
            f"enrolled={enrolled}, trials={trials}, known_share={known_share} were given; expected at least 1, at "
            "least 1, and a share between 0 and 1"
        )
    codes, names = identity_codes(labels)
    counts = np.bincount(codes)
    can_be_mated = np.flatnonzero(counts > enrolled)
    if len(names) < 2:
        raise InputError(f"all pictures are of one identity, {names[0]!r}; identification needs at least 2")
    if not len(can_be_mated):
        raise InputError(
            f"no identity has more than {how_many(enrolled, 'picture')}; to enrol {enrolled} and search another, "
            f"at least one needs {enrolled + 1}"
        )
    known_count = int(np.clip(round(known_share * len(names)), 1, min(len(can_be_mated), len(names) - 1)))
    return _draws(codes, enrolled, known_count, trials, seed)


def _draws(codes: Integers, enrolled: int, known_count: int, trials: int, seed: int) -> Iterator[EnrolmentTrial]:
    counts = np.bincount(codes)
    can_be_mated = np.flatnonzero(counts > enrolled)
    everything = np.arange(len(codes))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for trial in range(trials):
        rng = np.random.default_rng([seed, trial])
        # Shuffle, then sort by identity: the first pictures of each identity are a random draw.
        order = rng.permutation(len(codes))
        order = order[np.argsort(codes[order], kind="stable")]
        place = everything - np.repeat(starts, counts)
        chosen = np.zeros(len(codes), bool)
        chosen[order[place < enrolled]] = True
        known = np.sort(rng.choice(can_be_mated, known_count, replace=False))
        is_known = np.isin(codes, known)
        yield EnrolmentTrial(
            enrolled=np.flatnonzero(chosen),
            closed_probes=np.flatnonzero(~chosen),
            gallery=np.flatnonzero(chosen & is_known),
            mated=np.flatnonzero(~chosen & is_known),
            non_mated=np.flatnonzero(~is_known),
            known=known,
        )


class TrialDraws(TypedDict, total=False):
    """The keywords of `enrolment_trials`, with its defaults."""

    enrolled: int
    trials: int
    known_share: float
    seed: int


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over trials, and the smallest and largest trial."""

    mean: float
    std: float
    low: float
    high: float

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Spread:
        """Of one number per trial."""
        v = np.asarray(values, np.float64)
        return cls(float(v.mean()), float(v.std()), float(v.min()), float(v.max()))


@dataclass(frozen=True)
class DirSpread:
    """DIR at one FPIR target over trials.

    Attributes:
        target: the FPIR asked for.
        dir: over trials, each with its own threshold.
        fpir: the FPIR reached, at most the target in every trial.
        non_mated: non-mated searches per trial (the fewest).
        sufficient: whether one trial's searches allow at least 10 errors at the target.
    """

    target: float
    dir: Spread
    fpir: Spread
    non_mated: int
    sufficient: bool


@dataclass(frozen=True, eq=False)
class IdentificationResult:
    """Identification over all trials.

    Attributes:
        trials: how many.
        enrolled: pictures enrolled per identity.
        identities: in the set; all are in the closed gallery.
        known: identities in the open gallery.
        closed_searches: closed-set searches per trial.
        mated: mated open-set searches per trial (mean).
        non_mated: non-mated open-set searches per trial (mean).
        rank_1: closed-set rank-1 rate.
        cmc: `(identities,)` closed-set CMC, mean over trials.
        dir_at_fpir: one per FPIR target, in the order asked for.
        fpir: `(m,)` FPIR targets of the curve, ascending, from one false positive in all searches up to 1.
        fnir: `(m,)` mean FNIR whose FPIR is at most that.
        at_threshold: counts at the fixed threshold, summed over trials; None when none was given.
        notes: what a reader must know.
    """

    trials: int
    enrolled: int
    identities: int
    known: int
    closed_searches: int
    mated: float
    non_mated: float
    rank_1: Spread
    cmc: Floats
    dir_at_fpir: tuple[DirSpread, ...]
    fpir: Floats
    fnir: Floats
    at_threshold: ThresholdCounts | None
    notes: tuple[str, ...]


def identify_trials(
    embeddings: npt.ArrayLike | None,
    labels: Any,
    metric: MetricName = "cosine",
    *,
    distances: npt.ArrayLike | None = None,
    fpir_targets: Sequence[float] = (0.01, 0.1),
    threshold: float | None = None,
    **draws: Unpack[TrialDraws],
) -> IdentificationResult:
    """Closed-set and open-set identification, averaged over `enrolment_trials`.

    Args:
        embeddings: `(n, d)` vectors, or None when `distances` are given.
        labels: `(n,)` integers or strings.
        metric: name of the distance.
        distances: `(n, n)` matrix instead of embeddings.
        fpir_targets: FPIR targets.
        threshold: a fixed threshold chosen elsewhere, to be counted at.
        **draws: `enrolled`, `trials`, `known_share` and `seed` of `enrolment_trials`. Methods compared with one seed
            are searched with the same draws.

    Raises:
        VectorError: wrong shapes, NaN, or not one label per vector.
        InputError: as `enrolment_trials`.

    Example:
        >>> x = [[0.0], [0.1], [5.0], [5.1], [9.0]]
        >>> identify_trials(x, ["a", "a", "b", "b", "c"], "euclidean", trials=3).rank_1.mean
        1.0
    """
    pictures = _Pictures.of(embeddings, distances, metric)
    codes, names = identity_codes(labels, len(pictures))
    trials = list(enrolment_trials(labels, **draws))
    # As many as were asked for: at least one identity has more.
    enrolled = int(np.bincount(codes[trials[0].enrolled]).max())
    curves = np.stack([search(**pictures.sides(codes, t.enrolled, t.closed_probes)).cmc() for t in trials])
    opened = [
        open_set(**pictures.sides(codes, trial.gallery, np.concatenate([trial.mated, trial.non_mated])))
        for trial in trials
    ]
    fewest = min(len(result.non_mated) for result in opened)
    targets = _fpir_grid(fewest)
    return IdentificationResult(
        trials=len(trials),
        enrolled=enrolled,
        identities=len(names),
        known=len(trials[0].known),
        closed_searches=len(trials[0].closed_probes),
        mated=float(np.mean([len(trial.mated) for trial in trials])),
        non_mated=float(np.mean([len(trial.non_mated) for trial in trials])),
        rank_1=Spread.of(curves[:, 0]),
        cmc=curves.mean(axis=0),
        dir_at_fpir=tuple(_dir_spread(opened, target, fewest) for target in fpir_targets),
        fpir=targets,
        fnir=np.array([np.mean([1 - result.dir_at_fpir(target).dir for result in opened]) for target in targets]),
        at_threshold=None if threshold is None else _summed(opened, threshold),
        notes=_notes(codes, enrolled),
    )


@dataclass(frozen=True, eq=False)
class _Pictures:
    """Vectors of pictures, or all distances between them."""

    vectors: npt.NDArray[Any] | None
    matrix: npt.NDArray[Any] | None
    metric: MetricName

    @classmethod
    def of(cls, embeddings: npt.ArrayLike | None, distances: npt.ArrayLike | None, metric: MetricName) -> _Pictures:
        if embeddings is not None and distances is None:
            return cls(checked_vectors(embeddings), None, metric)
        if embeddings is not None or distances is None:
            raise VectorError("give either embeddings or a matrix of distances, not both and not neither")
        matrix = checked_vectors(distances, "distances")
        if matrix.shape[0] != matrix.shape[1]:
            raise VectorError(f"the matrix of distances has shape {matrix.shape}; it must be square (n, n)")
        return cls(None, matrix, metric)

    def __len__(self) -> int:
        return len(self.matrix if self.vectors is None else self.vectors)  # type: ignore[arg-type]

    def sides(self, codes: Integers, gallery: Integers, probes: Integers) -> dict[str, Any]:
        """Arguments of `search` and `open_set` for pictures at these positions."""
        given: dict[str, Any] = {"gallery_labels": codes[gallery], "probe_labels": codes[probes], "metric": self.metric}
        if self.matrix is not None:
            return given | {"gallery": None, "probes": None, "distances": self.matrix[np.ix_(probes, gallery)]}
        assert self.vectors is not None
        return given | {"gallery": self.vectors[gallery], "probes": self.vectors[probes]}


def _notes(codes: Integers, enrolled: int) -> tuple[str, ...]:
    counts = np.bincount(codes)
    few = int((counts <= enrolled).sum())
    if not few:
        return ()
    share = f"{few} of {how_many(len(counts), 'identity has', 'identities have')}"
    return (f"{share} no more than {how_many(enrolled, 'picture')}: always unknown",)


def _fpir_grid(non_mated: int) -> Floats:
    """FPIR targets of a curve, from one false positive in all non-mated searches to 1."""
    grid = np.geomspace(1 / non_mated, 1, 60) if non_mated > 1 else np.ones(1)
    # 1/3 computed as a power may be slightly below 1/3 and refuse the one error it stands for.
    return np.minimum(grid * (1 + 1e-12), 1)


def _dir_spread(results: Sequence[OpenSetResult], target: float, fewest: int) -> DirSpread:
    points = [result.dir_at_fpir(target) for result in results]
    return DirSpread(
        target=target,
        dir=Spread.of([point.dir for point in points]),
        fpir=Spread.of([point.fpir for point in points]),
        non_mated=fewest,
        sufficient=is_sufficient(target, fewest),
    )


def _summed(results: Sequence[OpenSetResult], threshold: float) -> ThresholdCounts:
    counts = [result.at_threshold(threshold) for result in results]
    names: Mapping[str, int] = {
        name: sum(getattr(count, name) for count in counts)
        for name in ("right", "wrong_name", "missed", "false_alarms", "correctly_refused")
    }
    return ThresholdCounts(threshold=threshold, **names)
