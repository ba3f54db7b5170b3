"""The blocks that show reliability: every set with its figures, its bins and their intervals."""

from lookalike.evaluation.calibration.reliability import measure_reliability
from lookalike.evaluation.report.figure_style import png
from lookalike.evaluation.report.page import Report, Section, render
from lookalike.evaluation.report.reliability import reliability_blocks, reliability_diagram

SETS = {
    "closed set": measure_reliability([0.95, 0.95, 0.55, 0.55], [True, True, True, False]),
    "open set": measure_reliability([0.95, 0.95, 0.05, 0.05, 0.05], [True, False, False, False, False]),
}


def test_every_figure_and_bin_is_there():
    short, drawings, bins = reliability_blocks(SETS, "photos")
    assert [[cell.text for cell in row][:4] for row in short.cells] == [
        ["closed set", "4", "75.0%", "75.0%"],
        ["open set", "5", "41.0%", "20.0%"],
    ]
    assert [row[0].text for row in bins.cells] == ["0% – 10%", "50% – 60%", "90% – 100%"]
    assert [cell.text for cell in bins.cells[0]] == ["0% – 10%", "–", "–", "–", "3", "5.0%", "0.0%"]
    assert bins.cells[2][3].note  # the interval
    page = render(Report("t", sections=(Section("s", (), (short, drawings, bins)),)))
    assert page.count("<svg") == 1
    assert "reliability diagram" in page


def test_one_set_alone_is_drawn():
    assert png(reliability_diagram({"closed set": SETS["closed set"]})).startswith(b"\x89PNG")
