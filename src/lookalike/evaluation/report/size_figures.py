"""Figures over the size of a gallery: what a hundred people cannot show, and a million will.

Every function returns a `matplotlib.figure.Figure`; `figure_style.inline_svg` and `png` turn it into text or bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lookalike.decisions.misses import MissCurve
from lookalike.decisions.promise import Promise
from lookalike.decisions.tail import ImpostorTail
from lookalike.errors import InputError
from lookalike.evaluation.identification.distractors import DistractorRanks
from lookalike.evaluation.report.figure_style import (
    BLUE,
    MUTED,
    VERMILION,
    add_legend,
    method_styles,
    new_axes,
    percent,
    styled,
)

__all__ = ["distractor_curve", "false_alarm_curve", "miss_curve"]


def distractor_curve(
    results: Mapping[str, DistractorRanks],
    colours: Mapping[str, str] | None = None,
    star: str | None = None,
    seed: int = 0,
) -> Figure:
    """Rank-1 identification rate over the number of distractors (logarithmic), with 95% bands over identities.

    Args:
        results: by method.
        colours: `#rrggbb` of some of the methods.
        star: the method drawn bold.
        seed: of the bootstrap.
    """
    with styled():
        figure, axes = new_axes("distractors", "rank-1 identification rate")
        styles = method_styles(list(results), colours, star)
        lowest = 1.0
        for name, result in results.items():
            rates, bands = result.rank_k(1), result.intervals(1, seed=seed)
            low, high = [band.low for band in bands], [band.high for band in bands]
            axes.fill_between(result.sizes, low, high, color=styles[name].colour, alpha=0.15, linewidth=0)
            axes.plot(result.sizes, rates, marker="o", markersize=3, **styles[name].line)
            lowest = min(lowest, *low)
        axes.set_ylim(max(0.0, np.floor((lowest - 0.05) * 10) / 10), 1.01)
        _over_sizes(axes)
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
        add_legend(figure, styles)
    return figure


def false_alarm_curve(tail: ImpostorTail, promise: Promise, fixed: float, sizes: Sequence[int]) -> Figure:
    """Strangers named anybody, over the templates enrolled: one fixed threshold, and one that follows the gallery.

    Args:
        tail: of the impostor distances.
        promise: a false positive identification rate.
        fixed: a distance that does not follow.
        sizes: numbers of templates; those for which the promise cannot be given are left out of its line.

    Raises:
        InputError: the promise is not one about searches.
    """
    _check_searches(promise)
    kept = [(size, threshold[0]) for size in sizes if (threshold := _threshold(tail, promise, size)) is not None]
    with styled():
        figure, axes = new_axes("templates in the gallery", "strangers named")
        expected = [max(tail.fpir(fixed, size), 1e-9) for size in sizes]
        axes.plot(sizes, expected, color=VERMILION, label=f"threshold fixed at {fixed:.3g}")
        if kept:
            axes.plot(
                [size for size, _ in kept],
                [max(tail.fpir(threshold, size), 1e-9) for size, threshold in kept],
                color=BLUE,
                linewidth=2.6,
                label="threshold follows the gallery",
            )
        axes.axhline(promise.rate, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), label=f"promised, {promise.rate:g}")
        axes.set_yscale("log")
        axes.set_ylim(promise.rate / 30, 1.3)
        _over_sizes(axes)
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
        figure.legend(loc="outside lower center", ncols=2, handlelength=2.4, columnspacing=1.4)
    return figure


def miss_curve(tail: ImpostorTail, misses: MissCurve, promise: Promise, sizes: Sequence[int]) -> Figure:
    """What keeping the promise costs: pictures of enrolled people that are missed, over the templates enrolled.

    Arguments and errors as `false_alarm_curve`; the band is the 95% interval over identities.
    """
    _check_searches(promise)
    found = [
        (size, *misses.at(threshold[0])) for size in sizes if (threshold := _threshold(tail, promise, size)) is not None
    ]
    with styled():
        figure, axes = new_axes("templates in the gallery", "genuine pairs missed")
        if found:
            at, rates, low, high = zip(*found, strict=True)
            axes.fill_between(at, low, high, color=BLUE, alpha=0.15, linewidth=0)
            axes.plot(at, rates, color=BLUE, linewidth=2.6)
        axes.set_xlim(sizes[0], sizes[-1])
        axes.set_ylim(0, 1.02)
        _over_sizes(axes)
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
    return figure


def _check_searches(promise: Promise) -> None:
    if promise.kind != "fpir":
        raise InputError(f"{promise} is a promise per comparison, which no gallery changes; give one of fpir")


def _threshold(tail: ImpostorTail, promise: Promise, size: int) -> tuple[float, float] | None:
    """None where the promise is too far beyond the data."""
    if promise.comparison_rate(size) < tail.smallest_rate:
        return None
    return tail.threshold_for(promise, size)


def _size(value: float, _position: int | None = None) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _over_sizes(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10))
    axes.xaxis.set_major_formatter(FuncFormatter(_size))
    axes.xaxis.set_minor_formatter(NullFormatter())
