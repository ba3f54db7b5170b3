"""Retrieval: every picture as a query among all others, as a section of the report."""

from __future__ import annotations

from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.measured_method import compared
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.page import Section, Table
from lookalike.evaluation.report.rate_text import percent

__all__ = ["Ranking", "retrieval_section"]


class Ranking:
    """Recall@k, precision@k, R-precision and MAP@R; the figures are in `methods` of `metrics.json`."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """Over all pictures of people who have several."""
        return Measurement(retrieval_section(compared(context)))


def retrieval_section(methods: ComparedMethods) -> Section | None:
    """A table of all methods; None where none of them was measured."""
    results = {name: method.retrieval for name, method in methods.results.items() if method.retrieval is not None}
    if not results:
        return None
    one = next(iter(results.values()))
    rows = tuple(
        (
            name,
            *(percent(value) for value in found.recall.values()),
            *(percent(value) for value in found.precision.values()),
            percent(found.r_precision),
            f"{found.map_at_r:.3f}",
        )
        for name, found in results.items()
    )
    columns = (
        "method",
        *(f"recall@{k}" for k in one.recall),
        *(f"precision@{k}" for k in one.precision),
        "R-precision",
        "MAP@R",
    )
    left_out = f" {one.left_out:,} pictures have no other of their identity and are not asked." if one.left_out else ""
    prose = (
        f"Each of {one.queries:,} pictures is a query, and all others are sorted by their distance to it.{left_out}",
    )
    caption = (
        "Recall@k: a picture of the identity is among the nearest k. Precision@k: the share of the nearest k that are. "
        "R-precision: precision@R, where R is how many there are to be found. MAP@R: the mean of the precision at each "
        "of them, up to rank R."
    )
    return Section("Which pictures are nearest? (retrieval)", prose, (Table(columns, rows, caption),))
