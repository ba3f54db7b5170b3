import numpy as np
import pytest

from lookalike.decisions.promise import Promise
from lookalike.evaluation.data_checks import check_data
from lookalike.evaluation.identification.distractors import rank_among_distractors
from lookalike.evaluation.report import report_sections as sections
from lookalike.evaluation.report.page import Report, render
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.evaluation.verification.groups import compare_groups
from lookalike.evaluation.verification.model_comparison import compare_verification
from lookalike.evaluation.verification.pair_counts import count_all_pairs
from lookalike.evaluation.verification.ten_folds import accuracy_over_folds


def table(section, number=0):
    found = [block for block in section.blocks if block.kind == "table"][number]
    return {row[0].text: [cell.text for cell in row[1:]] for row in found.cells}


def shown(section):
    return render(Report("t", sections=(section,)))


def test_a_promise_at_every_size_is_what_the_calibration_says(sixty_calibration):
    promise = Promise("fpir", 0.001)
    section = sections.promise_section(sixty_calibration, promise, 3.0)
    rows = table(section)
    assert list(rows) == [f"{size:,}" for size in sections.PROMISED_SIZES]
    assert rows["100"][0] == f"{sixty_calibration.promised(promise, 100).threshold:.4g}"
    assert rows["10,000,000"][:5] == ["–", "–", "–", "–", "no: beyond these data"]
    assert float(rows["10,000,000"][5].rstrip("%")) > 99
    assert shown(section).count("<svg") == 2


def test_a_promise_per_comparison_has_one_row_and_no_curves(sixty_calibration):
    section = sections.promise_section(sixty_calibration, Promise("fmr", 0.01), 3.0)
    assert list(table(section)) == ["any"]
    assert "<svg" not in shown(section)


def test_without_a_tail_nothing_is_promised(sixty_calibration):
    bare = sixty_calibration.model_copy(update={"tail": None})
    section = sections.promise_section(bare, Promise("fpir", 0.01), 3.0)
    assert "too few to promise" in section.prose[0]
    assert not section.blocks


def test_distractors(sixty_people):
    vectors, labels = sixty_people
    ranks = rank_among_distractors(vectors[:80], labels[:80], vectors[80:], "euclidean", sizes=[10, 160])
    section = sections.distractor_section({"m": ranks}, {}, "others")
    assert table(section)["160"][0] == f"{100 * ranks.rank_k(1)[1]:.1f}%"
    assert "240 searches" in section.prose[0]
    two = sections.distractor_section({"m": ranks, "other": ranks}, {}, "others")
    assert "other, 160" in table(two)


def test_groups(sixty_result):
    rates = compare_groups(
        sixty_result, ["young" if c < 30 else "old" for c in sixty_result.codes], threshold=3.0, replicates=50
    )
    section = sections.group_section(rates)
    rows = table(section)
    assert set(rows) == {"old", "young"}
    assert float(rows["young"][0].rstrip(" †%")) == pytest.approx(100 * rates.fmr["young", "young"].rate, rel=0.01)
    assert table(section, 1)["old"][0] == table(section)["old"][0]
    assert "young" in shown(section)


def test_a_rival(sixty_result, sixty_people):
    vectors, labels = sixty_people
    worse = verify_all_pairs(vectors + np.random.default_rng(1).normal(size=vectors.shape), labels, "euclidean")
    found = compare_verification(sixty_result, worse, targets=(0.01,), replicates=50)
    rows = table(sections.comparison_section("ours", "theirs", found))
    assert rows["EER"][:2] == [f"{100 * sixty_result.eer:.2f}%", f"{100 * worse.eer:.2f}%"]
    assert rows["AUC"][4] == "yes"


def test_folds_count_from_1():
    rng = np.random.default_rng(0)
    genuine = rng.random(200) < 0.5
    found = accuracy_over_folds(rng.normal(size=200) + ~genuine, genuine, np.arange(200) % 10)
    section = sections.folds_section(found, "200 pairs")
    assert list(table(section)) == [str(fold) for fold in range(1, 11)]
    assert f"{found.mean:.4f} ± {found.standard_error:.4f}" in section.prose[0]


def test_findings():
    good = sections.findings_section([])
    assert not good.blocks
    assert "is not known" in good.prose[0]
    assert "nobody of the training data" in sections.findings_section([], training_known=True).prose[0]
    found = check_data([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 2.0]], ["ada", "eve", "eve", "ada"])
    section = sections.findings_section(found)
    assert "duplicate across identities" in shown(section)


def test_all_pairs(sixty_people, sixty_result):
    counts = count_all_pairs(*sixty_people, "euclidean")
    points = [counts.tar_at_far(target) for target in (0.01, 1e-4)]
    section = sections.all_pairs_section(counts, points, 240, 100)
    rows = table(section)
    assert rows["0.01"][0] == f"{100 * sixty_result.tar_at_far(0.01).tar:.2f}%"
    assert rows["0.0001"][3] == "no: fewer than 10 errors allowed"
    assert "360 genuine" in section.prose[0]
