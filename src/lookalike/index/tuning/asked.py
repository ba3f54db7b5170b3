"""The queries that a tuner asks, with their true neighbours: the caller's, vectors held out, or the indexed vectors.

Where the caller has no queries, some of the vectors serve. A graph finds a vector that it holds more easily than a new
one, because its links lead to that vector's neighbours: from graphs these vectors are held out while it measures. Cells
and trees treat both alike, and what they are built of cannot be added to later: they hold all vectors, and a query's
own vector does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.index.tuning.recall import Recall, Truth

if TYPE_CHECKING:
    from lookalike.index.core.hits import Floats
    from lookalike.index.tuning.speed import Searchable

__all__ = ["Asked"]


@dataclass(frozen=True)
class Asked:
    """Queries and what an index should find for them.

    Attributes:
        queries: `(q, d)`.
        truth: their true neighbours, by id, without the query's own vector.
        own: `(q,)` int64, the id of each query's own vector in the index; None where queries are not indexed.
    """

    queries: Floats
    truth: Truth
    own: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def k(self) -> int:
        """Neighbours asked for."""
        return self.truth.k

    def first(self, count: int) -> Asked:
        """The first `count` queries."""
        own = None if self.own is None else self.own[:count]
        return replace(self, queries=self.queries[:count], truth=self.truth.first(count), own=own)

    def recall(self, index: Searchable, settings: dict[str, Any]) -> Recall:
        """Of one search of all queries."""
        if self.own is None:
            return self.truth.recall(index.search(self.queries, self.k, **settings).ids)
        found = index.search(self.queries, self.k + 1, **settings).ids
        others = found != self.own[:, None]
        front = np.argsort(~others, axis=1, kind="stable")[:, : self.k]
        return self.truth.recall(np.take_along_axis(found, front, 1))
