"""All pairs of a large set give rates that no sample has."""

from lookalike.evaluation import sample as sampling
from lookalike.evaluation.verification.pair_counts import count_all_pairs
from lookalike.evaluation.verification.whole_set_evaluator import WholeSet, pair_counts, whole_set_section


def test_the_section(sixty_people, sixty_result, rows_of):
    counts = count_all_pairs(*sixty_people, "euclidean")
    points = [counts.tar_at_far(target) for target in (0.01, 1e-4)]
    section = whole_set_section(counts, points, 240, 100)
    rows = rows_of(section)
    assert rows["0.01"][0] == f"{100 * sixty_result.tar_at_far(0.01).tar:.2f}%"
    assert rows["0.0001"][3] == "no: fewer than 10 errors allowed"
    assert "360 genuine" in section.prose[0]


def test_it_measures_large_sets_down_to_one_error(context_of, sixty_people, monkeypatch):
    assert WholeSet().measure(context_of(*sixty_people)) is None
    monkeypatch.setattr(sampling, "SAMPLE", 100)
    context = context_of(*sixty_people)
    events = []
    context.report.sink = events.append
    metrics = WholeSet().measure(context).metrics["all_pairs"]
    assert (metrics["genuine_pairs"], metrics["impostor_pairs"]) == (360, 28320)
    assert [point.target for point in metrics["tar_at_far"]] == [1e-2, 1e-3, 1e-4]
    assert (events[-1].stage, events[-1].done, events[-1].total) == ("Comparing all pairs", 28680, 28680)
    assert pair_counts(context).eer == metrics["eer"]
