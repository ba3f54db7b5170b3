"""Searches among some of an index's vectors: a subset, or what tombstones have left."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lookalike.index.core.allowed import FilterPlan
from lookalike.index.core.filter_costs import KEPT_BYTES, FilterCosts, recall_value, search_work
from lookalike.index.core.flat_vectors import kept_vectors, nearest_at

if TYPE_CHECKING:
    from lookalike.index.core.allowed import Allowed
    from lookalike.index.core.hits import Floats, Found, Positions
    from lookalike.index.core.ids import IdMap
    from lookalike.index.core.kind import SearchSettings
    from lookalike.index.core.metric_space import MetricSpace
    from lookalike.index.spec import IndexSpec

__all__ = ["COMPACTION_DUE", "FilteredSearch"]

#: So few allowed vectors are compared one by one without further thought.
_FEW = 100

#: Where a share s of the vectors may be found, a search reaches ``s ** -_REACH`` times as far, which keeps its recall.
#: Of four kinds over 300,000 × 128 the exponents 0.5 to 0.6 did, from all vectors down to one in fifty.
_REACH = 0.6

#: `compact` pays from this slowdown on.
COMPACTION_DUE = 0.25

#: A query that met fewer than k is searched again so many times as hard.
_HARDER = 4


class FilteredSearch(ABC):
    """The part of `VectorIndex` that searches among some positions; called while nobody changes the index.

    All vectors are searched by the kind's `_search`; what else a kind has to tell stands at the end, with answers that
    do for most.
    """

    _spec: IndexSpec
    _space: MetricSpace
    _ids: IdMap
    _costs: tuple[object, FilterCosts] | None = None

    # --- the search -----------------------------------------------------------------------------------------

    def _filtered(self, queries: Floats, k: int, allowed: Allowed, settings: SearchSettings) -> Found:
        """The k nearest of the allowed positions, one by one or through the engine, by what is expected to be quicker.

        A query for which the engine meets fewer than k of them, because its neighbourhood is not allowed, is searched
        again, harder, until comparing it with every allowed vector is the quicker way.
        """
        plan = allowed.plan
        if plan is None or plan.settings is not settings or plan.k != k or plan.queries != len(queries):
            plan = allowed.plan = self._plan(allowed, k, settings, len(queries), 1)
        distances, positions, computed = self._as_planned(queries, allowed, plan)
        short = np.flatnonzero(positions[:, -1] < 0)
        harder = _HARDER
        while len(short):
            plan = self._plan(allowed, k, settings, len(short), harder)
            distances[short], positions[short], more = self._as_planned(queries[short], allowed, plan)
            computed = None if computed is None or more is None else computed + more
            short = short[positions[short, -1] < 0]
            harder *= _HARDER
        return distances, positions, computed

    def _plan(self, allowed: Allowed, k: int, settings: SearchSettings, queries: int, harder: int) -> FilterPlan:
        """How the k nearest allowed ones of so many queries are found, `harder` times as hard as would usually do."""
        size = self._ids.size
        share = allowed.count / size
        needed = math.ceil(2 * k * harder / share)
        widened = self._harder(settings, harder * share**-_REACH)
        fetched = min(size, max(needed, self._at_hand(widened)))
        # Where the settings have no say in how many are met, fetching all is the end.
        one_by_one = needed > _HARDER * size or self._scan_pays(allowed, fetched, widened, queries)
        return FilterPlan(settings, k, queries, widened, fetched, one_by_one)

    def _as_planned(self, queries: Floats, allowed: Allowed, plan: FilterPlan) -> Found:
        if plan.one_by_one:
            return *self._scan_allowed(queries, plan.k, allowed), len(queries) * allowed.count
        return self._search_allowed(queries, plan.k, allowed, plan.fetched, plan.widened)

    def _scan_pays(self, allowed: Allowed, fetched: int, settings: SearchSettings, queries: int) -> bool:
        """Whether comparing the allowed vectors one by one should be quicker than a search at these settings."""
        if allowed.count <= _FEW:
            return True
        costs = self._timed_costs()
        kept = allowed.vectors is not None or self._keeps_copy(allowed)
        by_engine = costs.engine_seconds(self._work(settings, fetched)) + self._beside() * costs.compare
        return costs.scan_seconds(allowed.count, queries, kept) < by_engine

    def _timed_costs(self) -> FilterCosts:
        """What searches of this index take; timed anew where it has doubled, or is searched at other settings."""
        settings, size = self._spec.search, self._ids.size
        state = settings, size.bit_length()
        known = self._costs
        if known is None or known[0] != state:
            costs = FilterCosts.timed(
                size,
                self._space.metric,
                self._vectors_at,
                lambda query, k: self._search(query, k, settings),
                self._work(settings, 0),
            )
            engine = max(costs.engine - self._beside() * costs.compare, costs.engine / 100)
            known = self._costs = state, replace(costs, engine=engine)
        return known[1]

    def _work(self, settings: SearchSettings, fetched: int) -> float:
        """Numbers that the engine reads in a search that gives back so many neighbours."""
        value, beyond = self._recall_value(settings, fetched), max(0, fetched - self._at_hand(settings))
        count = self._ids.size - self._beside()
        return search_work(self._spec.kind, count, self._spec.build, self._spec.dimension, value, beyond)

    def _search_allowed(
        self, queries: Floats, k: int, allowed: Allowed, fetched: int, settings: SearchSettings
    ) -> Found:
        """The k nearest allowed ones of `fetched` by the engine; fewer are filled up with position -1, distance +inf.

        Kinds whose engine does well with a filter override this.
        """
        distances, positions, computed = self._search(queries, fetched, settings)
        if len(queries) == 1 and positions[0, -1] >= 0:  # the hot path of a service
            first = allowed.mask[positions[0]].nonzero()[0][:k]
            if len(first) == k:
                return distances[:, first], positions[:, first], computed
        good = allowed.mask[positions] & (positions >= 0)
        # Stable: allowed hits move to the front and stay in order of distance.
        front = np.argsort(~good, axis=1, kind="stable")[:, :k]
        distances, positions = np.take_along_axis(distances, front, 1), np.take_along_axis(positions, front, 1)
        missing = ~np.take_along_axis(good, front, 1)
        distances[missing], positions[missing] = np.inf, -1
        return distances, positions, computed

    def _scan_allowed(self, queries: Floats, k: int, allowed: Allowed) -> tuple[Floats, Positions]:
        """Compare with the allowed vectors, one by one; a subset that is used again keeps a copy of them."""
        kept = allowed.vectors
        if kept is None:
            if not self._keeps_copy(allowed):
                return self._scan(queries, k, allowed.positions)
            kept = allowed.vectors = kept_vectors(self._vectors_at(allowed.positions), self._space.metric)
        distances, rows = kept.nearest(queries, k)
        return distances, allowed.positions[rows]

    def _keeps_copy(self, allowed: Allowed) -> bool:
        """Whether a copy of the allowed vectors is kept between searches once one is made."""
        return allowed.kept and 4 * self._spec.dimension * allowed.count <= KEPT_BYTES

    def _scan(self, queries: Floats, k: int, positions: Positions) -> tuple[Floats, Positions]:
        """Compare with the vectors at `positions`, one by one."""
        return nearest_at(queries, positions, self._vectors_at, k, self._space.metric)

    # --- what tombstones cost -------------------------------------------------------------------------------

    def _slowdown(self) -> float:
        ids, beside, settings = self._ids, self._beside(), self._spec.search
        if not ids.live or (ids.live == ids.size and not beside):
            return 0.0
        costs = self._timed_costs()
        widened = self._harder(settings, (ids.live / ids.size) ** -_REACH)
        by_engine = costs.engine_seconds(self._work(widened, 0)) + beside * costs.compare
        now = min(by_engine, costs.scan_seconds(ids.live, 1, kept=False))
        return max(0.0, now / costs.engine - 1)

    # --- what a kind implements -----------------------------------------------------------------------------

    @abstractmethod
    def _search(self, queries: Floats, k: int, settings: SearchSettings) -> Found:
        """See `VectorIndex`."""

    @abstractmethod
    def _vectors_at(self, positions: Positions) -> Floats:
        """See `VectorIndex`."""

    def _beside(self) -> int:
        """How many vectors lie beside the engine, which has not taken them in, and are compared one by one."""
        return 0

    def _harder(self, settings: SearchSettings, factor: float) -> SearchSettings:
        """Settings that reach `factor` times as far, for when not every vector counts."""
        return settings

    def _at_hand(self, settings: SearchSettings) -> int:
        """How many neighbours a search at these settings has ordered anyway: giving them costs next to nothing."""
        return 0

    def _recall_value(self, settings: SearchSettings, k: int) -> int:
        """The value of the kind's recall setting in a search for k; 0 where it has none."""
        return recall_value(self._spec.kind, settings)
