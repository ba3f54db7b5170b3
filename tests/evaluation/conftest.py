"""Sixty people of four pictures each, for whoever shows what a calibration says."""

import numpy as np
import pytest

from lookalike.evaluation.calibration.thresholds import calibrate
from lookalike.evaluation.verification.all_pairs import verify_all_pairs


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
