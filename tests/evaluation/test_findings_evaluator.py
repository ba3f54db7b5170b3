"""What is wrong with the data is in the report, in metrics.json, and told at once."""

import numpy as np

from lookalike.evaluation.data_checks import check_data
from lookalike.evaluation.findings_evaluator import DataFindings, findings_section


def test_findings(page_of):
    good = findings_section([])
    assert not good.blocks
    assert "is not known" in good.prose[0]
    assert "nobody of the training data" in findings_section([], training_known=True).prose[0]
    found = check_data([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 2.0]], ["ada", "eve", "eve", "ada"])
    assert "duplicate across identities" in page_of(findings_section(found))


def test_equal_vectors_of_two_people_are_told(context_of, rows_of):
    vectors = np.eye(4)[[0, 1, 0, 3]]
    context = context_of(vectors, [0, 0, 1, 1])
    found = DataFindings().measure(context)
    (row,) = found.metrics["findings"]
    assert (row["kind"], row["severity"]) == ("duplicate across identities", "warning")
    assert context.report.remarks == [row["text"]]
    assert rows_of(found.section) == {"warning": [row["kind"], row["text"]]}
