"""Which candidates are built in full, where what is expected, what a sample shows and what is measured are given."""

import pytest

from lookalike.errors import InputError
from lookalike.index import tune_index
from lookalike.index.generated_vectors import generated_vectors
from lookalike.index.kinds.registry import KINDS
from lookalike.index.tuning import cheapest_settings, race, race_data, tune, tuning_time
from lookalike.index.tuning.build_times import BuildTimes
from lookalike.index.tuning.candidates import Candidate
from lookalike.index.tuning.expectations import Expectations
from lookalike.index.tuning.race_data import RaceData
from lookalike.index.tuning.tuning_time import TuningTime

TREES, FEW, MANY, EXACT = (
    Candidate("trees", {"n_trees": 10}),
    Candidate("hnsw", {"M": 8}),
    Candidate("hnsw", {"M": 9}),
    Candidate("exact"),
)
SAME = {str(one): 1e-3 for one in (TREES, FEW, MANY, EXACT)}
MEASURED = {"trees": 1e-3, "hnsw": 1e-3, "exact": 1e-3}


@pytest.fixture
def given(monkeypatch):
    """Sets what is expected, predicted and measured, and tunes on 2,000 vectors, of which 500 are the sample."""

    def tuned(search, predicted, measured, builds=SAME, times=1e9, quick=0.0, few=0, **options):
        monkeypatch.setattr(race, "_SMALLEST", 500)
        monkeypatch.setattr(race, "_QUICK", quick)
        monkeypatch.setattr(race, "_FEW_VECTORS", few)
        monkeypatch.setattr(Expectations, "search_seconds", lambda self, one, count: search[str(one)])
        monkeypatch.setattr(BuildTimes, "seconds", lambda self, one, count: builds[str(one)])
        monkeypatch.setattr(Expectations, "grown_search", lambda self, one, seconds, sample, count: predicted[str(one)])
        monkeypatch.setattr(race, "_TIMES_BUILD", times)
        monkeypatch.setattr(tune, "candidates", lambda *given: [TREES, FEW, MANY, EXACT])

        for module in (race, cheapest_settings):
            monkeypatch.setattr(
                module, "interleaved_seconds", lambda pairs, *given: [measured[index.kind] for index, _ in pairs]
            )
        monkeypatch.setattr(cheapest_settings, "seconds", lambda index, *given: measured[index.kind])
        vectors = generated_vectors(2400, 32, per_identity=5)[0]
        return tune_index(vectors[:2000], queries=vectors[2000:], **{"recall": 0.9, **options})

    return tuned


def by_name(tuning):
    return {str(trial.candidate): trial for trial in tuning.trials}


def test_a_kind_that_is_expected_to_be_far_slower_is_never_built(given):
    tuning = given({**SAME, str(EXACT): 5e-3}, SAME, MEASURED)
    assert by_name(tuning)[str(EXACT)].stage == ""
    assert by_name(tuning)[str(EXACT)].verdict == "expected to take 5 times as long as the best"
    assert {trial.stage for trial in tuning.trials if trial.candidate != EXACT} == {"full"}


def test_what_was_left_out_as_far_slower_is_built_where_nothing_else_reaches_the_recall(given):
    tuning = given({**SAME, str(EXACT): 5e-3}, SAME, MEASURED, recall=1.0)
    assert tuning.index.kind == "exact"
    assert tuning.recall.mean == 1


def test_other_build_settings_are_tried_only_where_a_kind_comes_near_the_best(given):
    far = {**SAME, str(FEW): 2e-3, str(MANY): 1e-3}
    tuning = given(SAME, far, MEASURED)
    assert by_name(tuning)[str(MANY)].stage == ""
    assert by_name(tuning)[str(MANY)].verdict == "its kind came not near the best"
    assert by_name(tuning)[str(FEW)].stage == "sample"


def test_what_is_predicted_slower_is_not_built_in_full(given):
    slower = {str(TREES): 1e-3, str(FEW): 1.3e-3, str(MANY): 1.31e-3, str(EXACT): 1.4e-3}
    tuning = given(SAME, slower, MEASURED)
    stages = {name: trial.stage for name, trial in by_name(tuning).items()}
    # Another kind, whose growth is less certain, up to 1.35 times; more of the same kind up to 1.15 of the best.
    assert stages == {str(TREES): "full", str(FEW): "full", str(MANY): "full", str(EXACT): "sample"}


def test_a_machine_busy_while_the_sample_is_measured_keeps_no_candidate_from_being_built(given):
    tuning = given(
        SAME,
        {str(TREES): 10e-3, str(FEW): 13e-3, str(MANY): 13.4e-3, str(EXACT): 14e-3},
        {"trees": 1e-3, "hnsw": 0.8e-3, "exact": 1e-3},
    )
    assert by_name(tuning)[str(FEW)].stage == "full"
    assert tuning.index.kind == "hnsw"


def test_a_build_that_takes_long_for_little_is_left(given):
    slow = {**SAME, str(EXACT): 100.0}
    tuning = given(SAME, {**SAME, str(EXACT): 1.2e-3}, MEASURED, slow, times=3)
    assert by_name(tuning)[str(EXACT)].verdict == "would take 100 s more to build, for little that may be gained"
    faster = given(SAME, {**SAME, str(EXACT): 0.7e-3}, {**MEASURED, "exact": 0.5e-3}, slow, times=3)
    assert faster.index.kind == "exact"  # its own build is what it is compared with


def test_of_few_vectors_nothing_is_built_for_long(given):
    slow = {**SAME, str(EXACT): 100.0}
    tuning = given(SAME, {**SAME, str(EXACT): 0.5e-3}, {**MEASURED, "exact": 0.1e-3}, slow, quick=20, few=2000)
    assert by_name(tuning)[str(EXACT)].verdict == "expected to take 100 s to build, more than there is time"


def test_what_is_built_sooner_comes_first_where_it_is_predicted_about_as_fast(given):
    said = []
    given(SAME, {**SAME, str(EXACT): 0.9e-3}, MEASURED, {**SAME, str(EXACT): 10.0}, progress=said.append)
    built = [event.detail.split(", about")[0] for event in said if event.stage.startswith("Building") and event.detail]
    assert built[-1] == "exact()"


def test_a_budget_leaves_out_what_takes_too_long_to_build(given):
    slow = {str(TREES): 1e-3, str(FEW): 500.0, str(MANY): 500.0, str(EXACT): 1e-3}
    tuning = given(SAME, SAME, MEASURED, slow, budget="2m")
    verdict = by_name(tuning)[str(FEW)].verdict
    assert verdict == "expected to take 500 s to build and 4 s to measure, more than there is time"
    assert tuning.index.kind in ("trees", "exact")


def test_the_quickest_build_is_kept_whatever_the_budget(given):
    said = []
    slow = {str(TREES): 300.0, str(FEW): 500.0, str(MANY): 500.0, str(EXACT): 400.0}
    tuning = given(SAME, SAME, MEASURED, slow, budget=100, progress=said.append)
    assert tuning.index.kind == "trees"
    assert any("the quickest build is expected to take 300 s" in event.warning for event in said)


def test_a_budget_leaves_room_for_builds_that_take_longer_than_expected(given, monkeypatch):
    builds = {**SAME, str(FEW): 60.0, str(MANY): 60.0}
    faster = {**SAME, str(FEW): 0.5e-3, str(MANY): 0.5e-3}
    monkeypatch.setattr(BuildTimes, "margin", lambda self, one: 1.2)
    assert given(SAME, faster, {**MEASURED, "hnsw": 0.5e-3}, builds, budget=100).index.kind == "hnsw"
    monkeypatch.setattr(BuildTimes, "margin", lambda self, one: 2.0)  # the builds over the sample disagreed
    tuning = given(SAME, faster, {**MEASURED, "hnsw": 0.5e-3}, builds, budget=100)
    assert tuning.index.kind != "hnsw"
    assert by_name(tuning)[str(FEW)].verdict.startswith("expected to take 60 s to build")


def test_under_a_budget_the_first_build_is_chosen_again_once_the_true_neighbours_took_their_time(given, monkeypatch):
    monkeypatch.setattr(TuningTime, "spent", lambda self: 50.0 if self._data.knows_neighbours(KINDS["hnsw"]) else 0.0)
    builds = {**SAME, str(TREES): 20.0, str(FEW): 60.0, str(MANY): 60.0, str(EXACT): 20.0}
    said = []
    faster = {**SAME, str(FEW): 0.5e-3, str(MANY): 0.5e-3}
    tuning = given(SAME, faster, MEASURED, builds, budget=100, progress=said.append)
    first = next(event.detail for event in said if event.stage.startswith("Building") and event.detail)
    assert "hnsw" not in first
    assert {by_name(tuning)[str(one)].stage for one in (FEW, MANY)} == {"sample"}


def test_a_sample_of_few_queries_leaves_nothing_out_that_all_queries_may_show(given, monkeypatch):
    monkeypatch.setattr(race_data, "_SAMPLE_QUERIES", 20)  # without a miss they show 0.9867
    tuning = given(SAME, SAME, MEASURED, recall=0.99)
    assert {trial.stage for trial in tuning.trials} == {"full"}


def test_that_queries_are_too_few_to_show_a_recall_is_said(given):
    tuning = given(SAME, SAME, MEASURED, recall=0.999, k=1)
    assert tuning.index.kind == "exact"
    assert by_name(tuning)[str(FEW)].verdict == "recall 0.999 cannot be shown by 400 queries; give more"


def test_what_is_no_time_is_no_budget(given):
    with pytest.raises(InputError, match=r"the budget is 'soon'; give a time of at least 0, such as 0.5s, 10s or 2m"):
        given(SAME, SAME, MEASURED, budget="soon")


def test_fewer_queries_are_asked_where_their_neighbours_would_take_too_long(given, monkeypatch):
    monkeypatch.setattr(tuning_time, "_FEWEST_QUERIES", 60)
    assert given({**SAME, str(EXACT): 1.0}, SAME, MEASURED, times=3.0).index.tuned["queries"] == 60
    assert given({**SAME, str(EXACT): 1e-2}, SAME, MEASURED).index.tuned["queries"] == 400


def test_queries_that_are_not_asked_are_indexed():
    vectors = generated_vectors(3000, 16, per_identity=5)[0]
    data = RaceData(vectors, None, "cosine", 10)
    assert data.asked == 300
    data.limit_queries(40)
    data.limit_queries(1000)  # never more again
    assert data.asked == len(data.held_out) == 40
    indexed = data.in_full(KINDS["hnsw"], None)
    assert len(indexed.vectors) == 2960
    assert sorted([*indexed.ids.tolist(), *data.held_out.tolist()]) == list(range(3000))
    assert (indexed.asked.queries == vectors[data.held_out]).all()
