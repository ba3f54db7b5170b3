"""Figures of a diagnosis: where its findings lie among the gallery's distances, and what a distance says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lookalike.decisions.odds import MatchOdds
    from lookalike.gallery.doctor import Finding
    from lookalike.gallery.doctor.diagnosis import Distances

__all__ = ["distance_figure", "odds_figure"]

#: Points of a curve.
_POINTS = 200


def distance_figure(own: Distances, other: Distances, threshold: float, findings: Sequence[Finding]) -> Figure:
    """Two histograms, of templates to their own others and to other people, with the findings as marks below.

    Args:
        own: distances of templates to the nearest other of their identity.
        other: to the nearest other identity.
        threshold: drawn as a line.
        findings: each a mark at its distance.
    """
    from lookalike.evaluation.report.figure_style import GENUINE, IMPOSTOR, new_axes, styled

    with styled():
        figure, axes = new_axes("distance", "templates, share")
        for distances, colour, label in (
            (own, GENUINE, "nearest of its own"),
            (other, IMPOSTOR, "nearest other person"),
        ):
            if distances.counts:
                total = sum(distances.counts)
                shares = [count / total for count in distances.counts]
                axes.stairs(shares, distances.edges, fill=True, color=colour, alpha=0.45, label=label)
        _add_threshold(axes, threshold)
        _add_marks(axes, findings)
        axes.set_ylim(bottom=0)
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def odds_figure(odds: MatchOdds, threshold: float, findings: Sequence[Finding]) -> Figure:
    """How many times likelier a distance is of one person than of two, with the findings as marks below."""
    import numpy as np

    from lookalike.evaluation.report.figure_style import INK, MUTED, new_axes, styled

    with styled():
        figure, axes = new_axes("distance", "times likelier of one person")
        marked = [one.telling for one in findings if np.isfinite(one.telling)]
        low = min([odds.distances[0], *marked])
        high = max([odds.distances[-1], threshold, *marked])
        at = np.linspace(low, high, _POINTS)
        axes.plot(at, [odds.log_ratio(float(one)) / np.log(10) for one in at], color=INK)
        axes.axhline(0, color=MUTED, linewidth=0.7)
        axes.yaxis.set_major_formatter(lambda value, _position: f"$10^{{{value:g}}}$" if value else "1")
        for label in axes.get_yticklabels():
            label.set_parse_math(True)
        _add_threshold(axes, threshold)
        _add_marks(axes, findings)
    return figure


def _add_threshold(axes: Axes, threshold: float) -> None:
    from lookalike.evaluation.report.figure_style import INK

    axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 2)), label="threshold")


def _add_marks(axes: Axes, findings: Sequence[Finding]) -> None:
    import numpy as np

    from lookalike.evaluation.report.figure_style import INK

    marked = [one.telling for one in findings if np.isfinite(one.telling)]
    at_bottom = axes.get_xaxis_transform()
    axes.plot(marked, [0.02] * len(marked), "|", color=INK, markersize=9, transform=at_bottom, label="findings")
