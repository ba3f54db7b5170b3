"""What is wrong with the data, before anything is measured on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lookalike.datasets import read_pictures
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.data_checks import Finding, check_data, check_pictures
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.report.page import Cell, Section, Table
from lookalike.evaluation.training_checks import check_trained

__all__ = ["DataFindings", "findings_section"]


class DataFindings:
    """Unusable and equal vectors, equal pictures, what the model was trained on; warnings are told at once."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """Findings, each with its severity."""
        trained_on, kept = context.options.trained_on, context.pictures
        depth = context.options.classes_at if trained_on and Path(trained_on).is_dir() else None
        trained = read_pictures(trained_on, depth).identities if trained_on else None
        found = check_data(context.vectors, kept.identities, pictures=kept.paths, training_labels=trained)
        found += check_pictures(kept.paths, kept.identities)
        for model in (context.model, context.rival):
            if model is not None and model.trained_on is not None:
                found += check_trained(kept.paths, kept.identities, model.trained_on, model.name)
        known = trained is not None or context.model.trained_on is not None
        for one in found:
            if one.severity != "note":
                context.report.remark(one.text)
        rows = [{"kind": one.kind, "severity": one.severity, "text": one.text} for one in found]
        return Measurement(findings_section(found, training_known=known), {"findings": rows})


def findings_section(findings: Sequence[Finding], training_known: bool = False) -> Section:
    """What was found in the data.

    Args:
        findings: from `data_checks`.
        training_known: whether the identities that the model was trained on were looked for.
    """
    rows = tuple((finding.severity, Cell(finding.kind), finding.text) for finding in findings)
    if not rows:
        trained = (
            "nobody of the training data is among them" if training_known else "whom it was trained on is not known"
        )
        return Section("The data", (f"No vector is unusable or there twice; {trained}.",))
    return Section("The data", (), (Table(("", "what", "where"), rows, sentences=True),))
