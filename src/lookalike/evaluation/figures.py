"""Figures of an evaluation: histograms, ROC, DET, CMC, open-set curves and 2-D maps.

Every function returns a `matplotlib.figure.Figure` that belongs to nobody (pyplot's global state is never
touched); `inline_svg` and `png` turn it into bytes or text. Inline SVG refers to its colours and its font
by CSS variables, so that a page sets it in its own type and in dark or light.

Colours: Okabe & Ito, *Color Universal Design* (2008), told apart under all common colour vision
deficiencies; line styles tell methods apart a second time. DET axes: ISO/IEC 19795-1 and Martin et al. (1997).
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.enrolment import IdentificationResult
from lookalike.evaluation.labels import checked_vectors, identity_codes
from lookalike.evaluation.operating_point import TRIALS_PER_ERROR
from lookalike.evaluation.verification import VerificationResult

__all__ = [
    "PALETTE",
    "THEME",
    "cmc",
    "det",
    "embedding_map",
    "inline_svg",
    "method_colours",
    "open_set",
    "png",
    "roc",
    "score_histogram",
]

Floats = npt.NDArray[np.float64]

INK, MUTED, LINE, PAPER = "#1d2127", "#69727d", "#dde2e8", "#fefefe"
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f868e",
)  # fmt: skip
GENUINE, IMPOSTOR = BLUE, VERMILION

#: Colours of methods, in the order in which they are given out.
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY)
#: CSS variable of every colour that follows the page's theme.
THEME: Mapping[str, str] = {
    INK: "--ink", MUTED: "--muted", LINE: "--line", PAPER: "--card",
    BLUE: "--blue", VERMILION: "--vermilion", GREEN: "--green", PURPLE: "--purple",
    ORANGE: "--orange", SKY: "--sky", GREY: "--grey",
}  # fmt: skip
#: Identities on a map: the palette and three more that keep apart from it; then the markers change.
IDENTITY_COLOURS = (*PALETTE, "#b5a642", "#8c564b", "#1fa3a3")
MARKERS = "os^Dv<>pP*X"
STYLES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1.2)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (8, 3)),
)

#: Inches; at 72 units an inch a phone shows a figure about one to one.
WIDTH, HEIGHT = 4.7, 3.25
#: Points of a curve that a figure this wide can show.
CURVE_POINTS = 300
#: Pictures a map shows at most: beyond, t-SNE takes minutes and the points cover each other.
MAP_PICTURES = 1500

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so that a PNG is the same everywhere
    "font.size": 9,
    "text.parse_math": False,  # a person may be called $x$
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": PAPER,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.7,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "lookalike",  # equal figures give equal bytes
}


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # Names in scripts DejaVu lacks are drawn by the browser, in its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _axes(x: str, y: str, width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


@dataclass(frozen=True)
class _Look:
    colour: str
    style: Any
    width: float = 1.6

    @property
    def line(self) -> dict[str, Any]:
        return {"color": self.colour, "linestyle": self.style, "linewidth": self.width}


def method_colours(names: Sequence[str], chosen: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Give every method a colour: the one chosen for it, or the next of `PALETTE` nobody has."""
    taken = {name: colour.lower() for name in names if (colour := (chosen or {}).get(name))}
    for name, colour in taken.items():
        if not re.fullmatch("#[0-9a-f]{6}", colour):
            raise InputError(f"the colour of {name!r} is {colour!r}; expected #rrggbb, for example {PALETTE[0]}")
    free = [colour for colour in PALETTE if colour not in taken.values()] or list(PALETTE)
    rest = [name for name in names if name not in taken]
    return taken | {name: free[i % len(free)] for i, name in enumerate(rest)}


def _looks(names: Sequence[str], colours: Mapping[str, str] | None, star: str | None) -> dict[str, _Look]:
    given = method_colours(names, colours)
    rest = [name for name in names if name != star]
    looks = {name: _Look(given[name], STYLES[(i + (star in names)) % len(STYLES)]) for i, name in enumerate(rest)}
    return {name: looks.get(name) or _Look(given[name], "-", 2.6) for name in names}


def _legend(figure: Figure, looks: Mapping[str, _Look]) -> None:
    if len(looks) < 2:
        return
    lines = [Line2D([], [], **look.line) for look in looks.values()]
    longest = max(len(name) for name in looks)
    # A name that starts with _ means "hide me" to matplotlib; a word joiner in front does not show.
    names = [f"\u2060{name}" if name.startswith("_") else name for name in looks]
    figure.legend(
        lines, names, loc="outside lower center", ncols=3 if longest < 18 else 2, handlelength=2.4, columnspacing=1.4
    )


def _percent(value: float, _position: int | None = None) -> str:
    return f"{100 * value:.4g}%"


def score_histogram(result: VerificationResult, threshold: float | None = None) -> Figure:
    """Distances of genuine and impostor pairs, as densities, with the threshold.

    Args:
        result: a verification.
        threshold: drawn as a line; without, the threshold of the equal error rate.
    """
    with _style():
        figure, axes = _axes("distance", "density of pairs", height=2.7)
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


def roc(
    results: Mapping[str, VerificationResult], colours: Mapping[str, str] | None = None, star: str | None = None
) -> Figure:
    """True accept rate over false accept rate (logarithmic), the methods overlaid.

    Args:
        results: by name of the method.
        colours: `#rrggbb` of some methods; the others get the next of `PALETTE`.
        star: the method drawn bold.
    """
    with _style():
        figure, axes = _axes("false accept rate", "true accept rate")
        looks = _looks(list(results), colours, star)
        most = max(len(result.impostor) for result in results.values())
        grid = np.geomspace(1 / most, 1, CURVE_POINTS)
        for name, result in results.items():
            curve = result.roc()
            axes.plot(grid, _step(curve.fmr, curve.tar, grid), drawstyle="steps-post", **looks[name].line)
        axes.set_xscale("log")
        axes.set_xlim(1 / most, 1)
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        _too_few(axes, TRIALS_PER_ERROR / most)
        _legend(figure, looks)
    return figure


def det(
    results: Mapping[str, VerificationResult], colours: Mapping[str, str] | None = None, star: str | None = None
) -> Figure:
    """Detection error trade-off: both error rates on normal-deviate axes, where Gaussian scores draw lines.

    Arguments as `roc`.
    """
    from scipy.special import ndtri

    with _style():
        figure, axes = _axes("false match rate", "false non-match rate")
        looks = _looks(list(results), colours, star)
        ticks = np.array([0.0001, 0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8])
        low = max(min(0.005, 1 / max(len(result.impostor) for result in results.values())), 1e-5)
        high = 0.6
        axes.plot(ndtri([low, high]), ndtri([low, high]), color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)))
        for name, result in results.items():
            curve = result.det()
            grid = np.geomspace(low, high, CURVE_POINTS)
            fnmr = np.clip(_step(curve.fmr, curve.fnmr, grid), low, 1 - 1e-9)
            axes.plot(ndtri(grid), ndtri(fnmr), **looks[name].line)
            if low < result.eer < high:
                axes.plot(*ndtri([[result.eer], [result.eer]]), "o", color=looks[name].colour, markersize=4.5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator(list(ndtri(ticks[(ticks >= low) & (ticks <= high)]))))
            axis.set_major_formatter(FuncFormatter(_probit_percent))
        axes.set_xlim(ndtri(low), ndtri(high))
        axes.set_ylim(ndtri(low), ndtri(high))
        _legend(figure, looks)
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
    with _style():
        figure, axes = _axes("rank", "identification rate")
        looks = _looks(list(results), colours, star)
        for name, result in results.items():
            rates = result.cmc[:ranks]
            axes.plot(np.arange(1, len(rates) + 1), rates, marker="o", markersize=3, **looks[name].line)
        worst = min(float(result.cmc[0]) for result in results.values())
        axes.set_ylim(max(0.0, np.floor((worst - 0.05) * 10) / 10), 1.01)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        _legend(figure, looks)
    return figure


def open_set(
    results: Mapping[str, IdentificationResult], colours: Mapping[str, str] | None = None, star: str | None = None
) -> Figure:
    """Misses over false alarms of open-set searches: FNIR against FPIR (logarithmic), mean over trials.

    Arguments as `roc`.
    """
    with _style():
        figure, axes = _axes("false positive identification rate", "false negative identification rate")
        looks = _looks(list(results), colours, star)
        for name, result in results.items():
            axes.plot(result.fpir, result.fnir, drawstyle="steps-post", **looks[name].line)
        axes.set_xscale("log")
        axes.set_xlim(min(float(result.fpir[0]) for result in results.values()), 1)
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_locator(FixedLocator([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        _too_few(axes, TRIALS_PER_ERROR / max(result.non_mated for result in results.values()))
        _legend(figure, looks)
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
        raise VectorError(f"a map of {len(vectors)} picture(s) was asked for; it needs at least 3")
    if thumbnails is not None and len(thumbnails) != len(vectors):
        raise VectorError(f"{len(thumbnails)} thumbnails were given for {len(vectors)} embeddings")
    chosen = np.arange(len(vectors))
    if len(vectors) > MAP_PICTURES:
        chosen = np.sort(np.random.default_rng(seed).choice(len(vectors), MAP_PICTURES, replace=False))
    places = _tsne(vectors[chosen], seed)
    with _style():
        figure, axes = _axes("", "", height=WIDTH)
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


def png(figure: Figure, dpi: int = 160) -> bytes:
    """A figure as PNG."""
    content = io.BytesIO()
    with _style():
        figure.savefig(content, format="png", dpi=dpi)
    return content.getvalue()


def inline_svg(figure: Figure) -> str:
    """A figure as an `<svg>` element for a page that defines the variables of `THEME` and `--sans`.

    It names no address, has no fixed size, and its colours fall back to the light ones.
    """
    content = io.StringIO()
    with _style():
        figure.savefig(content, format="svg", metadata={"Date": None})
    svg = content.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # An HTML parser knows the namespaces of <svg>; addresses of schemas are noise in a page that has no link.
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'(<svg[^>]*?)\s(width|height)="[^"]*"', r"\1", svg)
    svg = re.sub(r'(<svg[^>]*?)\s(width|height)="[^"]*"', r"\1", svg)
    # matplotlib's own rule for `*` would reach the whole page.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = svg.replace("<svg", '<svg stroke-linejoin="round"', 1)
    used = set(re.findall(r"#([\w.-]+)[\")]", svg))
    svg = re.sub(r'\sid="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "var(--sans, sans-serif)", svg)
    for colour, variable in THEME.items():
        svg = svg.replace(f": {colour}", f": var({variable}, {colour})")
    return svg
