"""What a promise means at every size is what the calibration says."""

from lookalike.decisions.promise import Promise
from lookalike.evaluation.calibration.promises_evaluator import PROMISED_SIZES, Promises, promise_section
from lookalike.evaluation.calibration.thresholds_evaluator import calibration


def test_a_promise_at_every_size_is_what_the_calibration_says(sixty_calibration, rows_of, page_of):
    promise = Promise("fpir", 0.001)
    section = promise_section(sixty_calibration, promise, 3.0)
    rows = rows_of(section)
    assert list(rows) == [f"{size:,}" for size in PROMISED_SIZES]
    assert rows["100"][0] == f"{sixty_calibration.promised(promise, 100).threshold:.4g}"
    assert rows["10,000,000"][:5] == ["–", "–", "–", "–", "no: beyond these data"]
    assert float(rows["10,000,000"][5].rstrip("%")) > 99
    assert page_of(section).count("<svg") == 2


def test_a_promise_per_comparison_has_one_row_and_no_curves(sixty_calibration, rows_of, page_of):
    section = promise_section(sixty_calibration, Promise("fmr", 0.01), 3.0)
    assert list(rows_of(section)) == ["any"]
    assert "<svg" not in page_of(section)


def test_without_a_tail_nothing_is_promised(sixty_calibration):
    bare = sixty_calibration.model_copy(update={"tail": None})
    section = promise_section(bare, Promise("fpir", 0.01), 3.0)
    assert "too few to promise" in section.prose[0]
    assert not section.blocks


def test_the_largest_gallery_that_is_not_promised_is_told(context_of, sixty_people):
    context = context_of(*sixty_people, promise="fpir=0.001")
    metrics = Promises().measure(context).metrics["promise"]
    assert (metrics["kind"], metrics["rate"]) == ("fpir", 0.001)
    known = len(metrics["galleries"])
    assert 1 <= known < len(PROMISED_SIZES)
    assert metrics["galleries"][0] == calibration(context).promised(Promise("fpir", 0.001), 100)
    (remark,) = context.report.remarks
    assert remark.startswith(f"among {PROMISED_SIZES[known]:,}: ")


def test_without_a_promise_the_report_tells_of_one_in_a_hundred_searches(context_of, sixty_people):
    context = context_of(*sixty_people)
    metrics = Promises().measure(context).metrics["promise"]
    assert (metrics["kind"], metrics["rate"]) == ("fpir", 0.01)
    assert calibration(context).promise is None
