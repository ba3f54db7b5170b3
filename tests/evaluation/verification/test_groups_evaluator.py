"""Groups at the common threshold: the section shows what was measured."""

import pytest

from lookalike.evaluation.verification.groups import compare_groups
from lookalike.evaluation.verification.groups_evaluator import Groups, group_section


def test_groups(sixty_result, rows_of, page_of):
    rates = compare_groups(
        sixty_result, ["young" if c < 30 else "old" for c in sixty_result.codes], threshold=3.0, replicates=50
    )
    section = group_section(rates)
    rows = rows_of(section)
    assert set(rows) == {"old", "young"}
    assert float(rows["young"][0].rstrip(" †%")) == pytest.approx(100 * rates.fmr["young", "young"].rate, rel=0.01)
    assert rows_of(section, 1)["old"][0] == rows_of(section)["old"][0]
    assert "young" in page_of(section)


def test_they_are_read_from_the_csv_and_judged_at_the_models_threshold(context_of, sixty_people, tmp_path):
    assert Groups().measure(context_of(*sixty_people)) is None
    table = tmp_path / "groups.csv"
    table.write_text("identity,group\n" + "".join(f"p{n:02d},{'ab'[n % 2]}\n" for n in range(60)))
    metrics = Groups().measure(context_of(*sixty_people, groups=table, threshold=3.0)).metrics["groups"]
    assert metrics["threshold"] == 3.0
    assert metrics["groups"]["a"]["fmr"].pairs == 30 * 29 / 2 * 16
    assert metrics["groups"]["a"]["fmr_with"]["b"] == metrics["groups"]["b"]["fmr_with"]["a"]
