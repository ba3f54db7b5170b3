"""Pictures that a model was trained on are found by their contents, people by their names, and both are told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike.embedder.trained_pictures import TrainedPictures, content_digest
from lookalike.errors import VectorError
from lookalike.evaluation.findings_evaluator import DataFindings
from lookalike.evaluation.training_checks import check_trained


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 20)
    return paths


def trained(files, names):
    return TrainedPictures.of([content_digest(Path(file).read_bytes()) for file in files], names)


def test_pictures_are_found_whatever_they_are_called_now(files, tmp_path):
    known = trained(files[:2], ["ada"])
    moved = tmp_path / "renamed.png"
    files[1].rename(moved)
    (found,) = check_trained([files[0], moved, files[2]], ["x", "y", "y"], known, "m")
    assert (found.kind, found.severity, found.positions) == ("picture trained on", "warning", (0, 1))
    assert "2 of 3 pictures trained m, of 2 identities, such as " in found.text
    assert "figures are too good" in found.text


def test_other_pictures_of_a_name_are_a_note(files):
    known = trained(files[:2], ["ada", "eve"])
    found = check_trained(files, ["ada", "ada", "ada", "eve", "eve", "zoe"], known, "m")
    assert [(one.kind, one.severity, one.positions) for one in found] == [
        ("picture trained on", "warning", (0, 1)),
        ("name trained on", "note", (3, 4)),  # more of ada is told of already
    ]
    assert "1 identity bears a name that m was trained on" in found[1].text
    assert check_trained(files[2:], list("wxyz"), known, "m") == []
    with pytest.raises(VectorError, match="give one each"):
        check_trained(files, ["ada"], known, "m")


def test_an_evaluation_tells_it_at_once_of_the_model_and_of_its_rival(context_of):
    context = context_of(np.eye(4), [0, 0, 1, 1])
    assert DataFindings().measure(context).metrics["findings"] == []  # an older model: nothing is known, nothing said
    known = trained(context.pictures.paths[:3], ["p00"])
    rival = replace(context.model, name="rival", trained_on=trained(context.pictures.paths[3:], []))
    told = replace(context, model=replace(context.model, trained_on=known), rival=rival)
    rows = DataFindings().measure(told).metrics["findings"]
    assert [(row["kind"], row["severity"]) for row in rows] == [("picture trained on", "warning")] * 2
    assert [row["text"] for row in rows] == context.report.remarks
    assert "3 of 4 pictures trained toy, of 2 identities" in rows[0]["text"]
    assert "1 of 4 pictures trained rival, of 1 identity" in rows[1]["text"]
    clean = replace(context, model=replace(context.model, trained_on=trained([], ["nobody"])), rival=None)
    assert "nobody of the training data" in DataFindings().measure(clean).section.prose[0]
