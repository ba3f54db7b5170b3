"""Retrieval: ranked lists of identities, of Google Landmarks, of revisited Oxford and Paris; and clusters.

The names of `ranking_metrics` are exported here as well.
"""

from lookalike.evaluation.retrieval.ranking_metrics import PerQuery, RetrievalResult, query_retrieval, self_retrieval

__all__ = ["PerQuery", "RetrievalResult", "query_retrieval", "self_retrieval"]
