"""Accuracy over the folds of a list of pairs, as LFW's View 2 reports it."""

from __future__ import annotations

from pathlib import Path

from lookalike.datasets import PictureSet
from lookalike.datasets.lfw import read_lfw_pairs
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.report.page import Section, Table
from lookalike.evaluation.verification.listed_pairs import pair_distances
from lookalike.evaluation.verification.ten_folds import FoldAccuracy, accuracy_over_folds

__all__ = ["ListedPairs", "folds_section"]


class ListedPairs:
    """Accuracy over the folds of a list in LFW's format, where one was given."""

    def measure(self, context: EvaluationContext) -> Measurement | None:
        """On the pictures that the list names, below the folder of the data."""
        options = context.options
        if options.pairs is None:
            return None
        every = read_lfw_pairs(Path(options.pairs))
        listed = every.existing(options.data) if options.existing_pairs else every
        left_out = len(every) - len(listed)
        pictures = PictureSet(listed.paths(options.data), listed.identities)
        vectors, _ = context.model.embed(pictures, stage="Embedding listed pairs")
        distances = pair_distances(vectors, listed.pairs, context.model.metric)
        found = accuracy_over_folds(distances, listed.genuine, listed.folds)
        metrics = {
            "accuracy": found.mean,
            "standard_error": found.standard_error,
            "pairs": len(listed),
            "pairs_left_out": left_out,
            "accuracies": found.accuracies,
            "thresholds": found.thresholds,
        }
        source = f"{len(listed):,} pairs of {options.pairs}"
        if left_out:
            source += f", without {left_out:,} of {len(every):,} whose pictures are not all there"
            context.report.remark(f"{left_out} of {len(every)} listed pairs are left out: their pictures are not there")
        section = folds_section(found, source)
        return Measurement(section, {"listed_pairs": metrics})


def folds_section(found: FoldAccuracy, source: str) -> Section:
    """Accuracy of every fold.

    Args:
        found: over the folds.
        source: of the pairs, in words.
    """
    rows = tuple(
        (f"{fold + 1}", f"{accuracy:.4f}", f"{threshold:.4g}", f"{pairs:,}")
        for fold, accuracy, threshold, pairs in zip(
            found.folds.tolist(), found.accuracies, found.thresholds, found.pairs.tolist(), strict=True
        )
    )
    table = Table(
        ("fold", "accuracy", "threshold", "pairs"),
        rows,
        "A fold's threshold is the most accurate one of all other folds.",
    )
    prose = (f"Accuracy {found.mean:.4f} ± {found.standard_error:.4f} (mean of the folds, standard error): {source}.",)
    return Section("Listed pairs", prose, (table,))
