"""Stated probabilities beside what was right, as blocks of a report: a reliability diagram and tables."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lookalike.evaluation.calibration.reliability import Reliability
from lookalike.evaluation.report import figure_style
from lookalike.evaluation.report.figure_style import MUTED, PALETTE, add_legend, method_styles, new_axes, styled
from lookalike.evaluation.report.page import Block, Cell, Drawing, Drawings, Table
from lookalike.evaluation.report.rate_text import percent, percent_range

__all__ = ["reliability_blocks", "reliability_diagram"]

#: What is drawn of different sets is moved apart by so much, so that intervals do not cover each other.
APART = 0.006


def reliability_diagram(results: Mapping[str, Reliability]) -> Figure:
    """Share that was right over the stated probability, with 95% intervals; on the diagonal, they agree.

    Args:
        results: by name of the set that was asked.
    """
    colours = dict(zip(results, PALETTE, strict=False))
    with styled():
        figure, axes = new_axes("probability stated", "share that was right", height=3.8)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
        styles = method_styles(list(results), colours, next(iter(results)))
        for number, (name, found) in enumerate(results.items()):
            x = [one.stated + APART * number for one in found.bins]
            y = [one.right for one in found.bins]
            ends = [
                [max(0.0, one.right - one.interval.low) for one in found.bins],
                [max(0.0, one.interval.high - one.right) for one in found.bins],
            ]
            axes.errorbar(x, y, yerr=ends, fmt="o", markersize=4, capsize=2, elinewidth=1, **styles[name].line)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(figure_style.percent))
        add_legend(figure, styles)
    return figure


def reliability_blocks(results: Mapping[str, Reliability], what: str) -> tuple[Block, ...]:
    """The diagram, a table of all figures, and a table of the bins.

    Args:
        results: by name of the set that was asked, at least one.
        what: is counted, such as "photos".
    """
    drawing = Drawing(
        figure_style.inline_svg(reliability_diagram(results)),
        "Probability stated, and share that was right",
        "Above the dashed line answers are right more often than stated, below it less often. Bars: 95% intervals "
        f"(Wilson) for the number of {what} in each bin.",
        "reliability diagram",
    )
    rows = tuple(
        (
            Cell(name),
            f"{found.answers:,}",
            percent(found.stated),
            percent(found.right),
            f"{found.error:.3f}",
            f"{found.brier:.3f}",
            f"{found.log_loss:.3f}",
        )
        for name, found in results.items()
    )
    short = Table(
        ("asked", what, "stated, mean", "right", "calibration error", "Brier score", "log loss"),
        rows,
        "Calibration error: mean difference between stated and right over the bins. Of all three, smaller is better.",
    )
    return (short, Drawings((drawing,)), _bins(results, what))


def _bins(results: Mapping[str, Reliability], what: str) -> Table:
    edges = sorted({(one.low, one.high) for found in results.values() for one in found.bins})
    columns = ["stated"]
    for name in results:
        columns += [f"{name}: {what}", "stated, mean", "right"]
    rows = []
    for low, high in edges:
        row: list[Cell | str] = [f"{100 * low:.0f}% – {100 * high:.0f}%"]
        for found in results.values():
            mine = next((one for one in found.bins if one.low == low), None)
            if mine is None:
                row += ["–", "–", "–"]
            else:
                row += [
                    f"{mine.answers:,}",
                    percent(mine.stated),
                    Cell(percent(mine.right), percent_range(mine.interval)),
                ]
        rows.append(tuple(row))
    return Table(tuple(columns), tuple(rows), "Below a share its 95% interval.")
