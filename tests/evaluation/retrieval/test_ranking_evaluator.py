"""Retrieval as a table: a row per method, of those that were measured."""

from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.summary import MethodResult
from lookalike.evaluation.retrieval.ranking_evaluator import Ranking, retrieval_section
from lookalike.evaluation.retrieval.ranking_metrics import self_retrieval


def test_the_table_says_what_was_measured(context_of, sixty_people, rows_of):
    found = self_retrieval(*sixty_people, "euclidean", [1, 5, 10])
    section = Ranking().measure(context_of(*sixty_people)).section
    rates = [*found.recall.values(), *found.precision.values(), found.r_precision]
    assert rows_of(section) == {"toy": [*(f"{100 * rate:.1f}%" for rate in rates), f"{found.map_at_r:.3f}"]}
    assert section.blocks[0].columns[1:5] == ("recall@1", "recall@5", "recall@10", "precision@1")
    assert "Each of 240 pictures is a query" in section.prose[0]


def test_what_was_not_measured_has_no_section(sixty_result):
    assert retrieval_section(ComparedMethods({"toy": MethodResult(sixty_result)})) is None
