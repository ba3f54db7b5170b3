"""Ranked lists: of one's own kind, of Google Landmarks, of revisited Oxford and Paris; and clusters.

The names of `ranking_metrics` are here too.
"""

from lookalike.evaluation.retrieval.ranking_metrics import PerQuery, RetrievalResult, query_retrieval, self_retrieval

__all__ = ["PerQuery", "RetrievalResult", "query_retrieval", "self_retrieval"]
