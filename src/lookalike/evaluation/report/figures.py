"""Figures of an evaluation: histograms, ROC, DET, CMC, open-set curves and 2-D maps.

Every function returns a `matplotlib.figure.Figure`; `figure_style.inline_svg` and `png` turn it into text or bytes. DET
axes: ISO/IEC 19795-1 and Martin et al. (1997).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lookalike.counted_nouns import how_many
from lookalike.errors import VectorError
from lookalike.evaluation.calibration.operating_point import TRIALS_PER_ERROR
from lookalike.evaluation.identification.enrolment_trials import IdentificationResult
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.evaluation.report.figure_style import (
    GENUINE,
    IMPOSTOR,
    INK,
    LINE,
    MUTED,
    PALETTE,
    PAPER,
    WIDTH,
    add_legend,
    method_styles,
    new_axes,
    percent,
    styled,
)
from lookalike.evaluation.verification.all_pairs import VerificationResult

__all__ = ["Band", "cmc", "det", "embedding_map", "open_set", "roc", "score_histogram"]

Floats = npt.NDArray[np.float64]

#: Identities on a map: the palette and three more that keep apart from it; then the markers change.
IDENTITY_COLOURS = (*PALETTE, "#b5a642", "#8c564b", "#1fa3a3")
MARKERS = "os^Dv<>pP*X"
#: Points of a curve that a figure this wide can show.
CURVE_POINTS = 300
#: Points at which a band of intervals is computed.
BAND_POINTS = 25
#: Pictures a map shows at most: beyond, t-SNE takes minutes and the points cover each other.
MAP_PICTURES = 1500


def score_histogram(result: VerificationResult, threshold: float | None = None) -> Figure:
    """Distances of genuine and impostor pairs, as densities, with the threshold.

    Args:
        result: a verification.
        threshold: drawn as a line; without, the threshold of the equal error rate.
    """
    with styled():
        figure, axes = new_axes("distance", "density of pairs", height=2.7)
        low, high = min(result.genuine[0], result.impostor[0]), max(result.genuine[-1], result.impostor[-1])
        edges = np.linspace(low, high if high > low else low + 1, 46)
        for values, colour, name in ((result.impostor, IMPOSTOR, "impostor"), (result.genuine, GENUINE, "genuine")):
            density, _ = np.histogram(values, edges, density=True)
            axes.stairs(density, edges, fill=True, color=colour, alpha=0.28, linewidth=0)
            axes.stairs(density, edges, color=colour, linewidth=1.4, label=f"{name} ({len(values):,})")
        at = result.eer_threshold if threshold is None else threshold
        axes.axvline(at, color=INK, linewidth=1, linestyle=(0, (4, 2)), label=f"threshold {at:.3g}")
        axes.set_yticks([])
        axes.margins(x=0.01)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        figure.legend(loc="outside upper left", ncols=3, handlelength=1.4, columnspacing=1.4)
    return figure


def _step(x: Floats, y: Floats, grid: Floats) -> Floats:
    """The best `y` whose `x` is at most each point of the grid: reads a curve as conservatively as a table."""
    return y[np.searchsorted(x, grid * (1 + 1e-12), side="right") - 1]


def _too_few(axes: Axes, below: float) -> None:
    """Shade rates that too few trials were made for."""
    left = axes.get_xlim()[0]
    if below > left:
        axes.axvspan(left, min(below, 1), color=LINE, alpha=0.45, linewidth=0, zorder=0)
        axes.text(
            left, 1.0, f" fewer than {TRIALS_PER_ERROR} errors", color=MUTED, fontsize=7, va="bottom",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Band:
    """An interval of TAR around a curve: `(t,)` false accept rates, ascending, and its `low` and `high` end at each."""

    far: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, result: VerificationResult, seed: int = 0, replicates: int = 200) -> Band | None:
        """95% over identities, where the result knows them; None where only scores were given."""
        if result.codes is None:
            return None
        grid = np.geomspace(max(1 / len(result.impostor), 1e-9), 1, BAND_POINTS)
        found = result.intervals(tuple(grid.tolist()), replicates=replicates, seed=seed).tar_at_far.values()
        return cls(grid, np.array([one.low for one in found]), np.array([one.high for one in found]))


def roc(
    results: Mapping[str, VerificationResult],
    colours: Mapping[str, str] | None = None,
    star: str | None = None,
    bands: Mapping[str, Band] | None = None,
) -> Figure:
    """True accept rate over false accept rate (logarithmic), the methods overlaid.

    Args:
        results: by name of the method.
        colours: `#rrggbb` of some methods; the others get the next of `PALETTE`.
        star: the method drawn bold.
        bands: intervals of some methods, shaded.
    """
    with styled():
        figure, axes = new_axes("false accept rate", "true accept rate")
        styles = method_styles(list(results), colours, star)
        most = max(len(result.impostor) for result in results.values())
        grid = np.geomspace(1 / most, 1, CURVE_POINTS)
        for name, result in results.items():
            curve = result.roc()
            axes.plot(grid, _step(curve.fmr, curve.tar, grid), drawstyle="steps-post", **styles[name].line)
            if bands and name in bands:
                band = bands[name]
                axes.fill_between(band.far, band.low, band.high, color=styles[name].colour, alpha=0.15, linewidth=0)
        axes.set_xscale("log")
        axes.set_xlim(1 / most, 1)
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_formatter(FuncFormatter(percent))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
        _too_few(axes, TRIALS_PER_ERROR / most)
        add_legend(figure, styles)
    return figure


def det(
    results: Mapping[str, VerificationResult],
    colours: Mapping[str, str] | None = None,
    star: str | None = None,
    bands: Mapping[str, Band] | None = None,
) -> Figure:
    """Detection error trade-off: both error rates on normal-deviate axes, where Gaussian scores draw lines.

    Arguments as `roc`.
    """
    from scipy.special import ndtri

    with styled():
        figure, axes = new_axes("false match rate", "false non-match rate")
        styles = method_styles(list(results), colours, star)
        ticks = np.array([0.0001, 0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8])
        low = max(min(0.005, 1 / max(len(result.impostor) for result in results.values())), 1e-5)
        high = 0.6
        axes.plot(ndtri([low, high]), ndtri([low, high]), color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)))
        for name, result in results.items():
            curve = result.det()
            grid = np.geomspace(low, high, CURVE_POINTS)
            fnmr = np.clip(_step(curve.fmr, curve.fnmr, grid), low, 1 - 1e-9)
            axes.plot(ndtri(grid), ndtri(fnmr), **styles[name].line)
            if bands and name in bands:
                band = bands[name]
                inside = (band.far >= low) & (band.far < 1)
                ends = [ndtri(np.clip(1 - end[inside], low, 1 - 1e-9)) for end in (band.low, band.high)]
                axes.fill_between(ndtri(band.far[inside]), *ends, color=styles[name].colour, alpha=0.15, linewidth=0)
            if low < result.eer < high:
                axes.plot(*ndtri([[result.eer], [result.eer]]), "o", color=styles[name].colour, markersize=4.5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator(list(ndtri(ticks[(ticks >= low) & (ticks <= high)]))))
            axis.set_major_formatter(FuncFormatter(_probit_percent))
        axes.set_xlim(ndtri(low), ndtri(high))
        axes.set_ylim(ndtri(low), ndtri(high))
        add_legend(figure, styles)
    return figure


def _probit_percent(value: float, _position: int | None = None) -> str:
    from scipy.special import ndtr

    return f"{100 * float(ndtr(value)):.3g}%"


def cmc(
    results: Mapping[str, IdentificationResult],
    colours: Mapping[str, str] | None = None,
    star: str | None = None,
    ranks: int = 20,
) -> Figure:
    """Cumulative match characteristic: how often the mate is among the nearest 1, 2, … identities.

    Arguments as `roc`; at most `ranks` are drawn.
    """
    with styled():
        figure, axes = new_axes("rank", "identification rate")
        styles = method_styles(list(results), colours, star)
        for name, result in results.items():
            rates = result.cmc[:ranks]
            axes.plot(np.arange(1, len(rates) + 1), rates, marker="o", markersize=3, **styles[name].line)
        worst = min(float(result.cmc[0]) for result in results.values())
        axes.set_ylim(max(0.0, np.floor((worst - 0.05) * 10) / 10), 1.01)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
        add_legend(figure, styles)
    return figure


def open_set(
    results: Mapping[str, IdentificationResult], colours: Mapping[str, str] | None = None, star: str | None = None
) -> Figure:
    """Misses over false alarms of open-set searches: FNIR against FPIR (logarithmic), mean over trials.

    Arguments as `roc`.
    """
    with styled():
        figure, axes = new_axes("false positive identification rate", "false negative identification rate")
        styles = method_styles(list(results), colours, star)
        for name, result in results.items():
            axes.plot(result.fpir, result.fnir, drawstyle="steps-post", **styles[name].line)
        axes.set_xscale("log")
        axes.set_xlim(min(float(result.fpir[0]) for result in results.values()), 1)
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_locator(FixedLocator([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(percent))
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
        _too_few(axes, TRIALS_PER_ERROR / max(result.non_mated for result in results.values()))
        add_legend(figure, styles)
    return figure


def embedding_map(
    embeddings: npt.ArrayLike,
    labels: Any,
    *,
    thumbnails: Sequence[npt.NDArray[np.uint8]] | None = None,
    seed: int = 0,
) -> Figure:
    """A 2-D map by t-SNE, started from the principal components: neighbours stay neighbours, distances do not.

    Args:
        embeddings: `(n, d)` vectors, at least 3; beyond `MAP_PICTURES`, a seeded sample of them is drawn.
        labels: `(n,)` identities, one colour and marker each.
        thumbnails: `(h, w)` or `(h, w, 3)` uint8 pictures, drawn instead of markers.
        seed: the same seed draws the same map.

    Source: van der Maaten & Hinton (2008); Kobak & Berens (2019) for the start.
    """
    vectors = checked_vectors(embeddings)
    codes, _ = identity_codes(labels, len(vectors))
    if len(vectors) < 3:
        raise VectorError(f"a map of {how_many(len(vectors), 'picture')} was asked for; it needs at least 3")
    if thumbnails is not None and len(thumbnails) != len(vectors):
        raise VectorError(f"{len(thumbnails)} thumbnails were given for {len(vectors)} embeddings")
    chosen = np.arange(len(vectors))
    if len(vectors) > MAP_PICTURES:
        chosen = np.sort(np.random.default_rng(seed).choice(len(vectors), MAP_PICTURES, replace=False))
    places = _tsne(vectors[chosen], seed)
    with styled():
        figure, axes = new_axes("", "", height=WIDTH)
        for code in np.unique(codes[chosen]):
            mine = codes[chosen] == code
            colour = IDENTITY_COLOURS[code % len(IDENTITY_COLOURS)]
            marker = MARKERS[code // len(IDENTITY_COLOURS) % len(MARKERS)]
            axes.plot(*places[mine].T, marker, color=colour, markersize=5, markeredgecolor=PAPER, markeredgewidth=0.5)
            for picture, place in zip(chosen[mine], places[mine], strict=True):
                if thumbnails is not None:
                    axes.add_artist(_thumbnail(thumbnails[picture], place, colour))
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.margins(0.06)
    return figure


def _tsne(vectors: npt.NDArray[Any], seed: int) -> Floats:
    from sklearn.manifold import TSNE

    # One dimension has no second principal component to start from.
    wide = np.hstack([vectors, np.zeros((len(vectors), 1))]) if vectors.shape[1] == 1 else vectors
    if not np.ptp(wide, axis=0).any():
        return np.zeros((len(wide), 2))
    perplexity = min(30.0, max(2.0, (len(wide) - 1) / 4))
    places = TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(wide.astype(np.float32))
    return np.asarray(places, np.float64)


def _thumbnail(picture: npt.NDArray[np.uint8], place: Floats, colour: str) -> AnnotationBbox:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture)).convert("RGB")
    image.thumbnail((48, 48))
    box = OffsetImage(np.asarray(image), zoom=20 / max(image.size))
    return AnnotationBbox(
        box, (float(place[0]), float(place[1])), pad=0.12,
        bboxprops={"edgecolor": colour, "facecolor": colour, "linewidth": 0.8, "boxstyle": "round,pad=0.08"},
    )  # fmt: skip
