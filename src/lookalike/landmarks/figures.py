"""Figures of landmark recognition: precision by recall, scores, and centroids by viewing angle.

Every function returns a `matplotlib.figure.Figure`; `figure_style.inline_svg` and `png` turn it into text or bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.report.figure_style import (
    GENUINE,
    IMPOSTOR,
    INK,
    LINE,
    MUTED,
    ORANGE,
    PALETTE,
    VERMILION,
    add_legend,
    method_styles,
    new_axes,
    percent,
    styled,
)
from lookalike.evaluation.statistics.intervals import Rate
from lookalike.landmarks.measurement import Measured

__all__ = [
    "Viewpoints",
    "angle_between",
    "by_angle",
    "centroid_angles",
    "centroid_pairs",
    "precision_by_recall",
    "scores",
    "viewpoints",
]

Floats = npt.NDArray[np.float64]

#: Maps of a figure, side by side and below each other.
ACROSS, DOWN = 3, 4
#: Colours of centroids on a map; after the last they start again.
CENTROID_COLOURS = (*PALETTE[:1], *PALETTE[2:6], "#8c564b", "#b5a642", "#7a5cc4")
#: Degrees between an unseen viewpoint and the nearest enrolled one.
ANGLE_BINS = (12, 18, 25, 40, 180)


@dataclass(frozen=True, eq=False)
class Viewpoints:
    """One place, seen from where.

    Attributes:
        name: for readers.
        enrolled: `(n,)` degrees clockwise from north at which the enrolled photos were taken, seen from the place.
        centroids: `(n,)` the centroid each went into, counted from 0; -1 for none.
        asked: `(m,)` degrees of the photos asked about.
        outcomes: `(m,)` `right`, `wrong place` or `missed`.
        guessed: `(m,)` whether the first candidate is the place, accepted or not.
    """

    name: str
    enrolled: Floats
    centroids: npt.NDArray[np.int64]
    asked: Floats
    outcomes: Sequence[str]
    guessed: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        asked = (len(self.outcomes),)
        if self.enrolled.shape != self.centroids.shape or self.asked.shape != asked or self.guessed.shape != asked:
            raise VectorError(
                f"{self.name}: {self.enrolled.shape} angles for {self.centroids.shape} centroids, {self.asked.shape} "
                f"for {asked} outcomes and {self.guessed.shape} guesses; expected one each"
            )

    @property
    def gaps(self) -> Floats:
        """`(m,)` degrees from each photo asked about to the nearest enrolled one."""
        return np.asarray(angle_between(self.asked[:, None], self.enrolled[None]).min(axis=1))


def angle_between(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Degrees between directions, 0 to 180.

    Example:
        >>> angle_between(350, 20).item()
        30.0
    """
    turn = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)) % 360
    return np.asarray(np.minimum(turn, 360 - turn))


def precision_by_recall(
    methods: Mapping[str, Measured], colours: Mapping[str, str] | None = None, star: str | None = None
) -> Figure:
    """Precision over recall, all photos sorted by confidence: the area below is GAP.

    Args:
        methods: by name, on the same photos.
        colours: `#rrggbb` of some.
        star: drawn bold.
    """
    with styled():
        figure, axes = new_axes("recall: landmark photos guessed right", "precision: guesses that are right")
        styles = method_styles(list(methods), colours, star)
        for name, measured in methods.items():
            recall, precision = measured.precision_by_recall()
            axes.plot(recall, precision, **styles[name].line)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(percent))
        add_legend(figure, styles)
    return figure


def scores(measured: Measured) -> Figure:
    """How far photos are beyond their thresholds: landmarks guessed right, guessed wrong, and photos of none."""
    with styled():
        figure, axes = new_axes("distance beyond its threshold", "photos", height=2.9)
        finite = measured.beyond[np.isfinite(measured.beyond)]
        low, high = (finite.min(), finite.max()) if len(finite) else (-1.0, 1.0)
        edges = np.linspace(low, high if high > low else low + 1, 46)
        shows = np.array([place is not None for place in measured.truth], bool)
        for chosen, colour, name in (
            (~shows, IMPOSTOR, "no landmark"),
            (shows & measured.guessed, GENUINE, "landmark, guessed right"),
            (shows & ~measured.guessed, ORANGE, "landmark, guessed wrong"),
        ):
            count, _ = np.histogram(measured.beyond[chosen], edges)
            axes.stairs(count, edges, fill=True, color=colour, alpha=0.28, linewidth=0)
            axes.stairs(count, edges, color=colour, linewidth=1.4, label=f"{name} ({int(chosen.sum()):,})")
        axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (4, 2)))
        for text, side, shift in (("accepted", "right", -5), ("refused", "left", 5)):
            axes.annotate(
                text, (0, 1.0), (shift, 1), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
                ha=side, va="bottom", color=MUTED, fontsize=8,
            )  # fmt: skip
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.margins(x=0.01)
        axes.grid(axis="x", visible=False)
        figure.legend(loc="outside lower center", ncols=2, handlelength=1.4, columnspacing=1.4)
    return figure


def viewpoints(places: Sequence[Viewpoints]) -> Figure:
    """Maps of places from above: enrolled photos by the angle they were taken from, coloured by their centroid.

    Photos asked about stand on the outer ring: a dot for right, a cross for another place, a hollow one for missed.

    Args:
        places: 1 to 12 of them.

    Raises:
        InputError: none, or more.
    """
    if not 0 < len(places) <= ACROSS * DOWN:
        raise InputError(f"{len(places)} places were given for one figure; expected 1 to {ACROSS * DOWN}")
    rows = -(-len(places) // ACROSS)
    with styled():
        figure = Figure(figsize=(5.4, 1.95 * rows + 0.35), layout="constrained")
        for number, place in enumerate(places, 1):
            axes: Any = figure.add_subplot(rows, ACROSS, number, projection="polar")
            axes.set_theta_zero_location("N")
            axes.set_theta_direction(-1)
            axes.set_ylim(0, 1.28)
            axes.set_yticks([])
            axes.set_xticks(np.radians([0, 90, 180, 270]), ["N", "E", "S", "W"], fontsize=6.5)
            axes.tick_params(pad=-4)
            axes.spines["polar"].set_color(LINE)
            axes.set_title(place.name, fontsize=7.5, pad=5)
            _draw_map(axes, place)
        handles = [
            Line2D([], [], marker="o", linestyle="", markersize=5, color=PALETTE[0], label="enrolled, by centroid"),
            Line2D([], [], marker="o", linestyle="", markersize=3.5, color=MUTED, mfc="none", label="in none"),
            Line2D([], [], marker="o", linestyle="", markersize=3, color=INK, label="unseen: right"),
            Line2D([], [], marker="x", linestyle="", markersize=5, color=VERMILION, label="wrong place"),
            Line2D([], [], marker="o", linestyle="", markersize=4.5, color=VERMILION, mfc="none", label="missed"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=7, handletextpad=0.1,
                      columnspacing=1.0)  # fmt: skip
    return figure


def _draw_map(axes: Any, place: Viewpoints) -> None:
    angles = np.radians(place.enrolled)
    for centroid in np.unique(place.centroids).tolist():
        mine = place.centroids == centroid
        if centroid < 0:
            axes.scatter(angles[mine], np.full(mine.sum(), 0.42), s=14, facecolors="none", edgecolors=MUTED, lw=0.9)
            continue
        colour = CENTROID_COLOURS[centroid % len(CENTROID_COLOURS)]
        # Every centroid on a circle of its own: photos from one angle do not cover each other.
        radius = 0.95 - 0.13 * (centroid % 5)
        axes.scatter(angles[mine], np.full(mine.sum(), radius), s=19, color=colour, linewidth=0, zorder=3)
        for angle in angles[mine]:
            axes.plot([angle, angle], [0, radius], color=colour, linewidth=0.6, alpha=0.45)
    ring = 1.13
    for angle, outcome in zip(np.radians(place.asked), place.outcomes, strict=True):
        if outcome == "right":
            axes.scatter([angle], [ring], s=9, color=INK, linewidth=0, zorder=4)
        elif outcome == "missed":
            axes.scatter([angle], [ring], s=20, facecolors="none", edgecolors=VERMILION, lw=1.1, zorder=4)
        else:
            axes.scatter([angle], [ring], s=24, color=VERMILION, marker="x", lw=1.3, zorder=4)


def by_angle(
    methods: Mapping[str, Sequence[Viewpoints]], colours: Mapping[str, str] | None = None, star: str | None = None
) -> Figure:
    """Right guesses by how far the viewpoint lies from the nearest enrolled one, with 95% intervals (Wilson)."""
    with styled():
        figure, axes = new_axes("degrees from the nearest enrolled viewpoint", "guessed right")
        styles = method_styles(list(methods), colours, star)
        for number, (name, places) in enumerate(methods.items()):
            gaps = np.concatenate([place.gaps for place in places])
            right = np.concatenate([place.guessed for place in places])
            edges = _bins(gaps)
            rates = [
                (bin_, Rate.of(int(right[mine].sum()), int(mine.sum())))
                for bin_ in range(len(edges) - 1)
                if (mine := (gaps >= edges[bin_]) & (gaps < edges[bin_ + 1])).any()
            ]
            at = np.array([bin_ for bin_, _ in rates]) + 0.09 * (number - (len(methods) - 1) / 2)
            value = np.array([rate.value for _, rate in rates])
            error = np.array([[rate.value - rate.low, rate.high - rate.value] for _, rate in rates]).T
            axes.errorbar(at, value, error, marker="o", markersize=4, elinewidth=1, **styles[name].line)
            axes.set_xticks(range(len(edges) - 1), _bin_names(edges))
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
        axes.grid(axis="x", visible=False)
        add_legend(figure, styles)
    return figure


def _bins(gaps: Floats) -> list[float]:
    first = ANGLE_BINS[0] if gaps.min() >= ANGLE_BINS[0] else 0
    return [first, *ANGLE_BINS[1:-1], 180.001]


def _bin_names(edges: Sequence[float]) -> list[str]:
    inner = [f"{low:g}–{high:g}°" for low, high in pairwise(edges[:-1])]
    return [*inner, f"over {edges[-2]:g}°"]


def centroid_angles(places: Sequence[Viewpoints]) -> Figure:
    """Do centroids follow the viewing angle? Angles between two enrolled photos of one place, by their centroids."""
    same, other = centroid_pairs(places)
    with styled():
        figure, axes = new_axes("degrees between two photos of one place", "density of pairs", height=2.9)
        edges = np.linspace(0, 180, 13)
        for values, colour, name in ((other, IMPOSTOR, "two centroids"), (same, GENUINE, "one centroid")):
            if not len(values):
                continue
            density, _ = np.histogram(values, edges, density=True)
            axes.stairs(density, edges, fill=True, color=colour, alpha=0.28, linewidth=0)
            axes.stairs(density, edges, color=colour, linewidth=1.4,
                        label=f"in {name} ({len(values):,} pairs)")  # fmt: skip
        axes.set_yticks([])
        axes.set_xticks(range(0, 181, 45))
        axes.spines["left"].set_visible(False)
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside lower center", ncols=2, handlelength=1.4, columnspacing=1.4)
    return figure


def centroid_counts(places: Sequence[Viewpoints]) -> Figure:
    """How many places have one centroid, two, three, and so on."""
    counts = np.array([place.centroids.max(initial=-1) + 1 for place in places])
    with styled():
        figure, axes = new_axes("centroids of a place", "places", height=2.9)
        kinds = np.arange(1, max(4, int(counts.max(initial=1))) + 1)
        bars = axes.bar(kinds, [(counts == kind).sum() for kind in kinds], width=0.62, color=GENUINE, alpha=0.75)
        axes.bar_label(bars, fontsize=8, color=MUTED)
        axes.set_xticks(kinds)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="x", visible=False)
    return figure


def centroid_pairs(places: Sequence[Viewpoints]) -> tuple[Floats, Floats]:
    """Degrees between two enrolled photos of one place, in one centroid and in two; of places that have several."""
    same, other = [np.empty(0)], [np.empty(0)]
    for place in places:
        if place.centroids.max(initial=0) < 1:
            continue
        i, j = np.triu_indices(len(place.enrolled), 1)
        of = place.centroids
        kept = (of[i] >= 0) & (of[j] >= 0)
        angle = angle_between(place.enrolled[i], place.enrolled[j])
        same.append(angle[kept & (of[i] == of[j])])
        other.append(angle[kept & (of[i] != of[j])])
    return np.concatenate(same), np.concatenate(other)
