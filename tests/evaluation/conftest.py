"""Sixty people of four pictures each, for whoever shows what a calibration says."""

import numpy as np
import pytest
from PIL import Image

from lookalike.datasets import PictureSet
from lookalike.evaluation.calibration.thresholds import calibrate
from lookalike.evaluation.context import EvaluatedModel, EvaluationContext
from lookalike.evaluation.options import EvaluationOptions
from lookalike.evaluation.report.page import Report, render
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.progress import Reporter


@pytest.fixture(scope="module")
def sixty_people():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(60), 4)
    return rng.normal(size=(60, 16))[labels] + 0.6 * rng.normal(size=(240, 16)), labels


@pytest.fixture(scope="module")
def sixty_result(sixty_people):
    return verify_all_pairs(*sixty_people, "euclidean")


@pytest.fixture(scope="module")
def sixty_calibration(sixty_result):
    return calibrate(sixty_result, fingerprint="f", metric="euclidean", source="sixty", replicates=50)


@pytest.fixture
def rows_of():
    """The cells of a section's table by their first column: `rows_of(section, number=0)`."""

    def read(section, number=0):
        found = [block for block in section.blocks if block.kind == "table"][number]
        return {row[0].text: [cell.text for cell in row[1:]] for row in found.cells}

    return read


@pytest.fixture
def page_of():
    """A section as the page shows it."""

    def show(section):
        return render(Report("t", sections=(section,)))

    return show


@pytest.fixture
def context_of(tmp_path):
    """An evaluation of vectors with labels: `context_of(vectors, labels, **options)`; further pictures by `embed`."""

    def make(vectors, labels, *, embed=None, rival=None, threshold=None, **options):
        labels = [f"p{label:02d}" for label in labels]
        paths = [tmp_path / f"{number}.png" for number in range(len(labels))]
        rng = np.random.default_rng(0)
        for path in paths:
            Image.fromarray(rng.integers(0, 255, (12, 10, 3), np.uint8)).save(path)
        pictures = PictureSet(tuple(paths), tuple(labels))
        model = EvaluatedModel("toy", "f", "euclidean", embed, threshold)
        asked = EvaluationOptions(data="people", **options)
        return EvaluationContext(model, np.asarray(vectors, np.float32), pictures, asked, Reporter(), rival)

    return make
