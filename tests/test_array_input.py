"""Every public function that takes vectors takes them from any library, and refuses the rest in one line."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lookalike import distances
from lookalike.array_input import as_array, at_least_float32
from lookalike.errors import LookalikeError, VectorError
from lookalike.evaluation.calibration.thresholds import calibrate_large
from lookalike.evaluation.data_checks import check_data
from lookalike.evaluation.identification.closed_and_open_set import cmc, open_set, rank_k, selectivity
from lookalike.evaluation.identification.distractors import rank_among_distractors
from lookalike.evaluation.identification.enrolment_trials import identify_trials
from lookalike.evaluation.identification.gallery_search import search
from lookalike.evaluation.identification.index_loss import measure_index_loss
from lookalike.evaluation.report.figures import embedding_map
from lookalike.evaluation.retrieval.clustering import k_means
from lookalike.evaluation.retrieval.ranking_metrics import query_retrieval, self_retrieval
from lookalike.evaluation.retrieval.revisited import QueryTruth, revisited_from_vectors
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs
from lookalike.evaluation.verification.listed_pairs import pair_distances
from lookalike.evaluation.verification.pair_counts import PairCounts, count_all_pairs
from lookalike.evaluation.verification.templates import make_templates
from lookalike.gallery import open_gallery
from lookalike.index import build_index
from lookalike.landmark_recognizer import LandmarkRecognizer

LABELS = [0, 0, 1, 1, 2, 2, 3, 3]
METRICS = ["cosine", "euclidean", "inner_product", "manhattan"]


class Refusing:
    """An array of a library that does not copy from its device unasked."""

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.\nUse get()")


def numbers():
    """Vectors of 8 pictures, whose numbers bfloat16 holds exactly."""
    rng = np.random.default_rng(0)
    return (np.repeat(rng.integers(-8, 8, (4, 6)), 2, axis=0) * 8 + rng.integers(-3, 4, (8, 6))).astype(np.float32)


@pytest.fixture
def doors(tmp_path):
    """Every function that takes vectors, as a function of these alone."""

    def added(x):
        index = build_index(x[:2], "exact", metric="cosine")
        index.add(x[2:])
        hits = index.search(x[:3], 4)
        return hits.ids, hits.distances

    def people(x):
        with open_gallery(tmp_path / f"{len(list(tmp_path.iterdir()))}.gallery") as gallery:
            gallery.bind("f" * 8, "m", "cosine", 6)
            gallery.enroll("one", x[0])
            gallery.enroll_many([("two", x[2:4], None)])
            return [[(found.identity, found.distance) for found in row] for row in gallery.search(x)]

    def places(x):
        """Enrolled and identified by their vectors: the embedder is not asked for any."""
        embedder = SimpleNamespace(
            name="m", fingerprint="f" * 8, metric="cosine", dimension=6, calibration=None, calibration_chosen=False
        )
        with open_gallery(tmp_path / f"{len(list(tmp_path.iterdir()))}.gallery") as gallery:
            recognizer = LandmarkRecognizer(embedder, gallery)
            recognizer.enroll_vectors(
                x, [str(label) for label in LABELS], [f"{n}.jpg" for n in range(8)], x, promise_fpr=0.5
            )
            return [[one.distance for one in answer.candidates] for answer in recognizer.identify_vectors(x)]

    def sides(x):
        return x[:6:2], LABELS[:6:2], x[1::2], LABELS[1::2]

    return {
        "nearest": lambda x: [distances.nearest(x, x, 3, metric) for metric in METRICS],
        "fit": lambda x: distances.Covariance.fit(x).matrix,
        "index": added,
        "people": people,
        "places": places,
        "search": lambda x: search(*sides(x)).mate_distance,
        "cmc": lambda x: cmc(x[::2], LABELS[::2], x[1::2], LABELS[1::2]),
        "rank_k": lambda x: rank_k(x[::2], LABELS[::2], x[1::2], LABELS[1::2]),
        "open_set": lambda x: open_set(*sides(x)).hits,
        "selectivity": lambda x: selectivity(*sides(x), 0.9),
        "identify_trials": lambda x: identify_trials(x, LABELS, trials=2).cmc,
        "distractors": lambda x: rank_among_distractors(x[:6], LABELS[:6], x[6:]).ranks,
        "distractors in parts": lambda x: rank_among_distractors(x[:6], LABELS[:6], iter([x[6:7], x[7:]])).ranks,
        "verify": lambda x: verify_all_pairs(x, LABELS).impostor,
        "scores": lambda x: from_scores(x[:, 0], [True, False] * 4).impostor,
        "counted scores": lambda x: PairCounts().add(x[:, 0], [True, False] * 4),
        "count": lambda x: [count_all_pairs(x, LABELS, metric).roc().thresholds for metric in METRICS],
        "pairs": lambda x: [pair_distances(x, [[0, 1], [2, 5]], metric) for metric in METRICS],
        "retrieval": lambda x: self_retrieval(x, LABELS, ks=[1, 2]).map_at_r,
        "queries": lambda x: query_retrieval(*sides(x), ks=[1, 2]).map_at_r,
        "revisited": lambda x: revisited_from_vectors(x[:1], x[1:], [QueryTruth((0,), (1,), ())]).medium,
        "templates": lambda x: make_templates(x, LABELS, range(8)).vectors,
        "k-means": lambda x: k_means(x, 2),
        "data": lambda x: check_data(x, LABELS),
        "map": lambda x: len(embedding_map(x, LABELS).axes),
        "index loss": lambda x: measure_index_loss(x, LABELS, "exact").exact_rank1.value,
        "calibration": lambda x: (
            calibrate_large(
                x, LABELS, fingerprint="f", metric="cosine", source="s", targets=[0.5], replicates=10
            ).points
        ),
    }


def same(a, b):
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(one, other) for one, other in zip(a, b, strict=True))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    return a == b


FORMS = {
    "float16": lambda x: x.astype(np.float16),
    "tensor": torch.from_numpy,
    "bfloat16 tensor": lambda x: torch.from_numpy(x).bfloat16(),
    "half tensor": lambda x: torch.from_numpy(x).half(),
    "tensor with gradients": lambda x: torch.from_numpy(x.copy()).requires_grad_(),
    "bfloat16 result of a network": lambda x: torch.from_numpy(x.copy()).requires_grad_().bfloat16() * 1,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_function_takes_every_form_of_the_same_numbers(doors, form):
    x = numbers()
    given = FORMS[form](x)
    for name, door in doors.items():
        assert same(door(given), door(x)), name


def test_every_function_refuses_what_holds_no_real_numbers_in_one_line(doors):
    for unusable in (
        torch.zeros(8, 6, device="meta"),
        torch.ones(8, 6, dtype=torch.complex64),
        np.full((8, 6), "a"),
        np.full((8, 6), None),
    ):
        for name, door in doors.items():
            with pytest.raises(LookalikeError) as caught:
                door(unusable)
            assert "\n" not in str(caught.value), name


@pytest.mark.parametrize(
    "unusable", [[[1.0], [2.0, 3.0]], torch.eye(2).to_sparse(), torch.zeros(2, 2, device="meta"), Refusing()]
)
def test_what_cannot_be_read_is_refused_in_one_line(unusable):
    with pytest.raises(VectorError, match="probes cannot be read as an array of numbers") as caught:
        as_array(unusable, "probes")
    assert "\n" not in str(caught.value)


def test_arrays_come_back_as_they_are(tmp_path):
    for array in (np.eye(2), np.ones((2, 2), np.float16), np.arange(4), np.array(["a"]), np.array([True])):
        assert as_array(array) is array
    np.save(tmp_path / "a.npy", np.eye(3, dtype=np.float16))
    mapped = as_array(np.load(tmp_path / "a.npy", mmap_mode="r"))
    assert isinstance(mapped.base, np.memmap)
    assert at_least_float32(mapped).dtype == np.float32
    assert at_least_float32(np.eye(2)).dtype == np.float64


def test_tensors_of_every_dtype():
    for dtype in (torch.float32, torch.float64, torch.float16, torch.int8, torch.int64, torch.bool):
        found = as_array(torch.ones(2, 3, dtype=dtype))
        assert str(found.dtype) == str(dtype).removeprefix("torch.")
    for dtype in (torch.bfloat16, torch.float8_e4m3fn):
        found = as_array(torch.tensor([[1.5, -2.0]]).to(dtype))
        assert found.dtype == np.float32
        assert found.tolist() == [[1.5, -2.0]]
    negated = torch.tensor([[1 + 2j]]).conj().imag
    assert negated.is_neg()
    assert as_array(negated).tolist() == [[-2.0]]


def test_a_list_of_tensors_is_stacked():
    rows = [torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0]).bfloat16()]
    assert as_array(rows).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_no_other_library_is_loaded():
    code = (
        "import sys, lookalike, numpy\n"
        "from lookalike.array_input import as_array\n"
        "as_array([[1.0]])\n"
        "print([name for name in ('torch', 'faiss', 'ml_dtypes') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
