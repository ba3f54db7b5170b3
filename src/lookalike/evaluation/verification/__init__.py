"""Verification (1:1): do two pictures show one identity? All pairs, listed pairs, folds, groups, two models.

The names of `all_pairs` are exported here as well.
"""

from lookalike.evaluation.verification.all_pairs import (
    MAX_PAIRS,
    DetCurve,
    HardPairs,
    RocCurve,
    TarPoint,
    VerificationResult,
    checked_scores,
    comparable_identities,
    equal_error,
    from_scores,
    verify_all_pairs,
)

__all__ = [
    "MAX_PAIRS",
    "DetCurve",
    "HardPairs",
    "RocCurve",
    "TarPoint",
    "VerificationResult",
    "checked_scores",
    "comparable_identities",
    "equal_error",
    "from_scores",
    "verify_all_pairs",
]
