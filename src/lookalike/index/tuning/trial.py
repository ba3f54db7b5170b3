"""One candidate of a tuning, and what was measured of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lookalike.index.core.kind import Candidate
from lookalike.index.tuning.cheapest_settings import Point

__all__ = ["Trial"]


@dataclass
class Trial:
    """A candidate, the largest number of vectors it was built over, and the result there.

    Attributes:
        candidate: kind and build settings.
        stage: `sample` or `full`: what it was last built over; empty where it was not built.
        count: vectors of that.
        build_seconds: for that number, with all threads.
        point: search settings, recall and time at the target, on that number; None where it misses the target.
        predicted_seconds: of a query over all vectors, from the sample; measured in full, this is `point.seconds`.
        expected_build: seconds of a build over all vectors, from a table of builds and the builds timed so far.
        bytes: in memory, for that number.
        verdict: chosen, or why not.
    """

    candidate: Candidate
    stage: str = ""
    count: int = 0
    build_seconds: float = 0.0
    point: Point | None = None
    predicted_seconds: float = math.inf
    expected_build: float = 0.0
    bytes: int = 0
    verdict: str = ""

    @property
    def chosen(self) -> bool:
        """Whether the tuning chose it."""
        return self.verdict.startswith("chosen")

    def row(self) -> dict[str, Any]:
        """For tables and JSON; times in seconds."""
        return {
            "kind": self.candidate.kind,
            "build": self.candidate.settings(self.count),
            "stage": self.stage,
            "vectors": self.count,
            "build_seconds": round(self.build_seconds, 3),
            "search": self.point.settings if self.point else {},
            "recall": self.point.recall.mean if self.point else None,
            "recall_low": self.point.recall.low if self.point else None,
            "recall_high": self.point.recall.high if self.point else None,
            "seconds": self.point.seconds if self.point else None,
            "predicted_seconds": self.predicted_seconds if math.isfinite(self.predicted_seconds) else None,
            "bytes": self.bytes,
            "verdict": self.verdict,
        }
