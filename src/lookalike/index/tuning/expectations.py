"""What a candidate is expected to take before it is built, and how a search over a sample grows to all vectors.

Both rest on the builds of 20,000 to 1,000,000 vectors that plans rest on (`planning.scaling`). Their absolute figures
are those of one machine and of vectors like face embeddings; here they leave out what is far from the best, and say how
a measured time grows with the number of vectors, which differs from kind to kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.scaling import build_cpu_seconds, search_ms, setting_for_neighbours

if TYPE_CHECKING:
    from lookalike.index.core.kind import Candidate

__all__ = ["Expectations"]


@dataclass(frozen=True)
class Expectations:
    """Of candidates over vectors of one dimension.

    Attributes:
        dimension: numbers per vector.
        recall: to reach.
        k: neighbours that a search asks for.
        threads: of a build.
    """

    dimension: int
    recall: float
    k: int
    threads: int

    def search_seconds(self, candidate: Candidate, count: int) -> float:
        """Of one query over `count` vectors, at the settings that reach the recall."""
        build = candidate.settings(count)
        value = setting_for_neighbours(candidate.kind, count, self.recall, self.k, build)
        return search_ms(candidate.kind, count, self.dimension, value, build) / 1000

    def build_seconds(self, candidate: Candidate, count: int) -> float:
        """Of a build over `count` vectors, by the tables alone; `BuildTimes` corrects it by builds that were timed."""
        cpu = build_cpu_seconds(candidate.kind, count, self.dimension, candidate.settings(count))
        return cpu / self.threads

    def grown_search(self, candidate: Candidate, measured: float, sample: int, count: int) -> float:
        """Seconds of a query over `count` vectors, from those measured over a sample."""
        alike = [candidate]
        if KINDS[candidate.kind].family == "graph":
            # All graphs are walked in the same way, and each one's own table rests on few builds: their mean counts.
            alike = [kind.candidates[0] for kind in KINDS.values() if kind.family == "graph" and kind.candidates]
        growths = [self.plain_seconds(one, count) / self.plain_seconds(one, sample) for one in alike]
        own = self._share(candidate, count) / self._share(candidate, sample)
        return measured * own * math.prod(growths) ** (1 / len(growths))

    def plain_seconds(self, candidate: Candidate, count: int) -> float:
        """As `search_seconds`, without what codes of its vectors save: how much that is rests on the vectors."""
        return self.search_seconds(candidate, count) / self._share(candidate, count)

    def _share(self, candidate: Candidate, count: int) -> float:
        """What codes save, which grows with the number of vectors as these leave the processor's caches."""
        kind = KINDS[candidate.kind]
        return kind.costs.search_share(kind.shape(count, self.dimension, candidate.settings(count)))
