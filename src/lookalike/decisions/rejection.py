"""Open-set rejection: is this the place, or a photo that shows no landmark at all?

A photo x is as far from a place p as from the nearest of its centroids, adjusted by how densely non-landmarks lie
around both (`density.py`)::

    adjusted(x, p) = distance(x, p) + query_weight * density(x) + place_weight * density(p)

A place is accepted where that is at most one *global* threshold. The density of a place makes it a threshold of the
place's own: one that attracts non-landmarks has to be hit more exactly. The rule itself is `policies.OpenSetRejection`;
`Rejection` is what a gallery keeps of it, fitted by `lookalike.evaluation.calibration.rejection`.

The promise is about all places at once: of photos that show no landmark, at most the promised share is accepted by
*any* place, so that it holds whichever of the accepted places a re-ranking prefers.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from lookalike.array_input import as_array
from lookalike.decisions.density import density
from lookalike.decisions.policies import OpenSetRejection
from lookalike.decisions.promise import PromisedRate
from lookalike.distances import MetricName
from lookalike.errors import ArtefactError, VectorError

__all__ = ["FORMAT_VERSION", "Rejection"]

#: Of what `Rejection.to_dict` gives.
FORMAT_VERSION = 1

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rejection:
    """Thresholds that keep a promise about photos without a landmark.

    Made by `lookalike.evaluation.calibration.rejection.fit_rejection`.

    Attributes:
        metric: of the distances.
        promised: the global threshold of adjusted distances, and its promise.
        neighbours: of a density.
        query_weight: of the density around a photo.
        place_weight: of the density around a place.
        densities: of every place.
        bounds: largest distance accepted by a place, whatever the densities; of the places that have one.
        bank: `(n, d)` float32, the non-landmarks it was fitted to, no two of them equal.
    """

    metric: MetricName
    promised: PromisedRate
    neighbours: int
    query_weight: float
    place_weight: float
    densities: dict[str, float]
    bounds: dict[str, float]
    bank: npt.NDArray[np.float32]

    @property
    def threshold(self) -> float:
        """The global threshold, of adjusted distances."""
        return self.promised.threshold

    @cached_property
    def rule(self) -> OpenSetRejection:
        """The rule that decides about every photo."""
        return OpenSetRejection(self.threshold, self.query_weight, self.place_weight, self.densities, self.bounds)

    def density(self, vectors: npt.ArrayLike) -> Floats:
        """`(q,)` density of non-landmarks around photos `(q, d)`; zeros where it has no weight.

        Raises:
            VectorError: wrong shapes, NaN, or other dimensions than the non-landmarks.
        """
        given = as_array(vectors, "vectors")
        if given.ndim != 2 or given.shape[1] != self.bank.shape[1]:
            raise VectorError(
                f"vectors have shape {given.shape} and the non-landmarks {self.bank.shape[1]} dimensions; embed both "
                "with one model"
            )
        if not self.query_weight or not len(given):
            return np.zeros(len(given))
        return density(given, self.bank, self.neighbours, self.metric)

    def margin(self, ranking: float, density: float) -> float:
        """How much nearer than the global threshold a candidate is, by all that it is ranked by.

        Args:
            ranking: of the candidate; its distance, or one in which its photos have a say, plus `rule.offset_of` it.
            density: around the photo.
        """
        return self.threshold - self.query_weight * density - ranking

    def to_dict(self) -> dict[str, Any]:
        """Everything but the bank, for JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "metric": self.metric,
            "promised": asdict(self.promised),
            "neighbours": self.neighbours,
            "query_weight": self.query_weight,
            "place_weight": self.place_weight,
            "densities": self.densities,
            "bounds": self.bounds,
        }

    @classmethod
    def from_dict(cls, stored: Any, bank: npt.ArrayLike) -> Rejection:
        """The same again, from what `to_dict` gave and the `bank`.

        Raises:
            ArtefactError: another format version, a field that is missing or wrong, or another bank.
        """
        version = stored.get("format_version") if isinstance(stored, dict) else None
        if version != FORMAT_VERSION:
            raise ArtefactError(
                f"the thresholds have format version {version!r}; this Lookalike reads {FORMAT_VERSION}: "
                "enroll the places again, or update"
            )
        try:
            read = TypeAdapter(_Stored).validate_python(stored)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise ArtefactError(f"the thresholds are damaged at {where}: {first['msg']}; enroll again") from None
        if not math.isfinite(read.promised.threshold):
            raise ArtefactError("the thresholds are damaged at promised.threshold: it is not finite; enroll again")
        vectors = np.asarray(bank)
        if vectors.ndim != 2 or len(vectors) != read.promised.photos or vectors.dtype != np.float32:
            raise ArtefactError(
                f"the thresholds were fitted to {read.promised.photos} float32 vectors of non-landmarks; got "
                f"{vectors.dtype} of shape {vectors.shape}: enroll again"
            )
        fields = {name: getattr(read, name) for name in cls.__dataclass_fields__ if name != "bank"}
        return cls(**fields, bank=vectors)


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class _Stored:
    """`Rejection.to_dict` as it must be read."""

    format_version: Literal[1]
    metric: MetricName
    promised: PromisedRate
    neighbours: int
    query_weight: float
    place_weight: float
    densities: dict[str, float]
    bounds: dict[str, float]
