"""A tuned index keeps its promise on queries it never saw, within memory, with the caller's ids."""

import numpy as np
import pytest

from lookalike.errors import InputError, VectorError
from lookalike.index import build_index, load_index, tune_index
from lookalike.index.generated_vectors import generated_vectors


def embedded(n, seed=0, dimension=32):
    return generated_vectors(n, dimension, per_identity=5, seed=seed)[0]


def recall_on(index, vectors, queries, k=10):
    truth = build_index(vectors, "exact").search(queries, k)
    found = index.search(queries, k)
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(found.ids, truth.ids, strict=True)])


@pytest.mark.slow
def test_the_promise_holds_on_queries_never_seen(tmp_path):
    vectors = embedded(30_000)
    everything = np.random.default_rng(0).permutation(30_000)
    queries, given = vectors[everything[:1000]], vectors[everything[1000:]]
    ids = np.arange(len(given)) * 2 + 10**12
    said = []
    tuning = tune_index(given, ids=ids, kinds=["exact", "hnsw", "ivf"], recall=0.9, progress=said.append)
    assert len(tuning.index) == len(given)
    assert set(tuning.index.ids.tolist()) == set(ids.tolist())
    positions = (tuning.index.search(queries, 10).ids - 10**12) // 2
    truth = build_index(given, "exact").search(queries, 10).ids
    share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(positions, truth, strict=True)])
    assert share >= 0.9 - 0.01
    assert tuning.recall.floor >= 0.9
    chosen = tuning.trials[0]
    assert chosen.verdict.startswith("chosen")
    assert chosen.stage == "full"
    assert {trial.candidate.kind for trial in tuning.trials} == {"exact", "hnsw", "ivf"}
    assert all(trial.verdict for trial in tuning.trials)
    stages = {event.stage for event in said}
    assert "Building over all 29,000 vectors" in stages
    assert any(event.detail.startswith(str(chosen.candidate)) for event in said if event.stage.startswith("Building"))
    tuning.save(tmp_path / "x.index")
    kept = load_index(tmp_path / "x.index")
    assert kept.tuned == tuning.index.tuned
    assert kept.tuned["recall_target"] == 0.9
    assert kept.tuned["queries_held_out"] is True
    assert kept.stats()["search"] == chosen.point.settings or chosen.candidate.kind == "exact"
    tuning.plot(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    row = tuning.to_dict()["trials"][0]
    assert row["recall"] == tuning.recall.mean
    assert row["seconds"] == tuning.seconds


def test_queries_of_the_caller_are_used_and_nothing_is_held_out():
    vectors = embedded(1200)
    tuning = tune_index(vectors[:1000], queries=vectors[1000:], kinds=["hnsw"], recall=0.9)
    assert tuning.index.tuned["queries_held_out"] is False
    assert tuning.index.tuned["queries"] == 200
    assert tuning.index.ids.tolist() == list(range(1000))
    assert recall_on(tuning.index, vectors[:1000], vectors[1000:]) == pytest.approx(tuning.recall.mean)


def test_memory_leaves_out_what_does_not_fit():
    vectors = embedded(1000)
    needs = 1000 * 32 * 4
    tuning = tune_index(vectors, memory=int(needs * 1.15), kinds=["exact", "hnsw"], recall=0.9)
    assert tuning.index.kind == "exact"
    verdicts = {trial.candidate.kind: trial.verdict for trial in tuning.trials}
    assert "over the 0.00 GiB allowed" in verdicts["hnsw"]
    with pytest.raises(InputError, match=r"no index over 1000 × 32 vectors fits .* the smallest needs"):
        tune_index(vectors, memory="1KiB", kinds=["exact", "hnsw"])


def test_no_such_option():
    with pytest.raises(TypeError, match="hurry"):
        tune_index(embedded(300), hurry=True)


def test_throughput_is_an_objective_of_its_own():
    tuning = tune_index(embedded(600), objective="throughput", kinds=["exact", "hnsw"], recall=0.8)
    assert tuning.index.tuned["objective"] == "throughput"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"recall": 0}, "recall is 0; give a share above 0"),
        ({"recall": 1.01}, "up to 1"),
        ({"recall": float("nan")}, "recall is nan"),
        ({"objective": "speed"}, "choose latency or throughput"),
        ({"kinds": ["annoy"]}, "'annoy' is not available"),
        ({"metric": "mahalanobis"}, "needs covariance"),
        ({"memory": "lots"}, "lots"),
    ],
)
def test_bad_wishes_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        tune_index(embedded(300), **settings)


def test_too_few_or_unusable_vectors_are_refused():
    with pytest.raises(InputError, match="100 vectors are too few to tune on"):
        tune_index(embedded(100))
    bad = embedded(300)
    bad[7, 3] = np.nan
    with pytest.raises(VectorError, match=r"vectors\[7\] holds NaN"):
        tune_index(bad)
    with pytest.raises(VectorError, match="queries have 8 dimensions"):
        tune_index(embedded(300), queries=np.ones((5, 8)))


def test_a_recall_no_kind_reaches_is_said():
    with pytest.raises(InputError, match=r"no index reached recall 1 at k = 10"):
        tune_index(embedded(2000), recall=1, kinds=["hnsw"])
