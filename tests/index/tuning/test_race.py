"""Which candidates are built in full, where what the samples predict and what is measured are given."""

from lookalike.index import tune_index
from lookalike.index.generated_vectors import generated_vectors
from lookalike.index.tuning import race, tune
from lookalike.index.tuning.candidates import Candidate


def embedded(n):
    return generated_vectors(n, 32, per_identity=5)[0]


def test_the_best_of_another_family_is_built_though_it_is_predicted_slower(monkeypatch):
    monkeypatch.setattr(race, "_SMALL", (0.1, 300, 400))
    monkeypatch.setattr(race, "_LARGE", (0.2, 500, 600))
    slower = iter([1.0, 2.4, 2.6, 6.0, 1.0, 2.4])  # trees, hnsw, hnsw, exact; the last two leave after the first race

    def predicted(sizes, total):
        return next(slower) * 1e-3

    monkeypatch.setattr(race, "_predicted", predicted)
    tried = [Candidate("trees", {"n_trees": 10}), *(Candidate("hnsw", {"M": m}) for m in (8, 9)), Candidate("exact")]
    monkeypatch.setattr(tune, "candidates", lambda *given: tried)
    times = {"trees": 1e-3, "hnsw": 1.9e-3, "exact": 1e-3}
    monkeypatch.setattr(race, "interleaved_seconds", lambda pairs, *given: [times[index.kind] for index, _ in pairs])
    vectors = embedded(2400)
    trials = tune_index(vectors[:2000], queries=vectors[2000:], recall=0.9).trials
    built = {str(trial.candidate) for trial in trials if trial.stage == "full"}
    # Another hnsw would have to be nearly as fast, and exact is too slow.
    assert built == {"trees(n_trees=10)", "hnsw(M=8)"}


def test_a_machine_busy_while_samples_are_measured_keeps_no_candidate_from_being_built(monkeypatch):
    monkeypatch.setattr(race, "_SMALL", (0.1, 300, 400))
    monkeypatch.setattr(race, "_LARGE", (0.2, 500, 600))
    slower = iter([10.0, 14.0, 40.0] * 2)  # trees, hnsw, exact: all ten times as long as they are
    monkeypatch.setattr(race, "_predicted", lambda sizes, total: next(slower) * 1e-3)
    tried = [Candidate("trees", {"n_trees": 10}), Candidate("hnsw", {"M": 8}), Candidate("exact")]
    monkeypatch.setattr(tune, "candidates", lambda *given: tried)
    times = {"trees": 1e-3, "hnsw": 0.8e-3, "exact": 1e-3}
    monkeypatch.setattr(race, "interleaved_seconds", lambda pairs, *given: [times[index.kind] for index, _ in pairs])
    vectors = embedded(2400)
    tuning = tune_index(vectors[:2000], queries=vectors[2000:], recall=0.9)
    assert {str(t.candidate) for t in tuning.trials if t.stage == "full"} == {"trees(n_trees=10)", "hnsw(M=8)"}
    assert tuning.index.kind == "hnsw"
