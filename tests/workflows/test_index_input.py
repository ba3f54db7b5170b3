"""What a workflow over indexes is given."""

import numpy as np
import pytest

from lookalike.distances import Covariance
from lookalike.errors import InputError
from lookalike.index.vector_files import open_vectors
from lookalike.progress import Reporter
from lookalike.workflows.index_input import (
    check_kind,
    check_kinds,
    chosen_metric,
    fitted_covariance,
    read_queries,
    read_source,
)


@pytest.fixture
def source(tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).standard_normal((500, 4)))
    return open_vectors(tmp_path / "v.npy")


def test_the_metric_asked_for_goes_before_the_files(source):
    assert chosen_metric(None, source) == "cosine"
    source.metric = "euclidean"
    assert chosen_metric(None, source) == "euclidean"
    assert chosen_metric("manhattan", source) == "manhattan"


def test_a_covariance_for_mahalanobis_alone(source):
    assert fitted_covariance("cosine", source) is None
    fitted = fitted_covariance("mahalanobis", source)
    assert np.allclose(fitted.matrix, Covariance.fit(source.read()).matrix)


def test_queries_of_a_file_go_before_the_sources_own(source, tmp_path):
    assert read_queries(None, source) is None
    source.queries = np.ones((1, 4), np.float32)
    assert read_queries(None, source) is source.queries
    np.save(tmp_path / "q.npy", np.zeros((3, 4)))
    assert read_queries(tmp_path / "q.npy", source).shape == (3, 4)


def test_reading_is_counted(source):
    events = []
    assert read_source(source, Reporter(events.append)).shape == (500, 4)
    assert (events[-1].stage, events[-1].done, events[-1].total) == ("Reading 500 × 4 vectors", 500, 500)


@pytest.mark.parametrize(
    ("kind", "metric", "settings", "said"),
    [
        ("magic", "cosine", {}, "index kind 'magic' is not available; choose one of exact"),
        ("auto", "magic", {}, "metric 'magic' is unknown"),
        ("ivfpq", "manhattan", {}, "cannot search by metric"),
        ("hnsw", "cosine", {"N": 3}, "no setting N"),
        ("hnsw", "cosine", {"M": -1}, "settings are wrong"),
    ],
)
def test_an_index_that_cannot_be_built(kind, metric, settings, said):
    with pytest.raises(InputError, match=said):
        check_kind(kind, metric, 8, settings)


def test_kinds_that_are_to_be_tried():
    check_kinds(None, "cosine", 8)
    check_kinds(["exact", "hnsw"], "cosine", 8)
    with pytest.raises(InputError, match="'magic'"):
        check_kinds(["exact", "magic"], "cosine", 8)
