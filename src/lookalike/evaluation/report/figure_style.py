"""How the figures of a report look: type, colours and lines; figures as SVG inside a page, or as PNG.

Figures belong to nobody (pyplot's global state is never touched). Inline SVG refers to its colours and its font by CSS
variables, so that a page sets it in its own type and in dark or light.

Colours: Okabe & Ito, *Color Universal Design* (2008), told apart under all common colour vision
deficiencies; line styles tell methods apart a second time.
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
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lookalike.errors import InputError

__all__ = [
    "PALETTE",
    "THEME",
    "MethodStyle",
    "add_legend",
    "css_colour",
    "inline_svg",
    "method_colours",
    "method_styles",
    "new_axes",
    "percent",
    "png",
    "styled",
]

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
def styled() -> Iterator[None]:
    """Figures drawn inside have the style of a report."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # Names in scripts DejaVu lacks are drawn by the browser, in its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_axes(x: str, y: str, width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, and these labels; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


@dataclass(frozen=True)
class MethodStyle:
    """Colour, line style and line width of a method."""

    colour: str
    style: Any
    width: float = 1.6

    @property
    def line(self) -> dict[str, Any]:
        """As keywords of `Axes.plot`."""
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


def css_colour(colour: str) -> str:
    """A colour for a page: a CSS variable that follows the reader's theme, where it is one of the palette's."""
    variable = THEME.get(colour.lower())
    return f"var({variable}, {colour})" if variable else colour


def method_styles(names: Sequence[str], colours: Mapping[str, str] | None, star: str | None) -> dict[str, MethodStyle]:
    """How each method is drawn; `star` bold, in a solid line."""
    given = method_colours(names, colours)
    rest = [name for name in names if name != star]
    styles = {
        name: MethodStyle(given[name], STYLES[(i + (star in names)) % len(STYLES)]) for i, name in enumerate(rest)
    }
    return {name: styles.get(name) or MethodStyle(given[name], "-", 2.6) for name in names}


def add_legend(figure: Figure, styles: Mapping[str, MethodStyle]) -> None:
    """Name the methods below the figure, where there are several."""
    if len(styles) < 2:
        return
    lines = [Line2D([], [], **look.line) for look in styles.values()]
    longest = max(len(name) for name in styles)
    # A name that starts with _ means "hide me" to matplotlib; a word joiner in front does not show.
    names = [f"\u2060{name}" if name.startswith("_") else name for name in styles]
    figure.legend(
        lines, names, loc="outside lower center", ncols=3 if longest < 18 else 2, handlelength=2.4, columnspacing=1.4
    )


def percent(value: float, _position: int | None = None) -> str:
    """A rate as text, for labels of axes."""
    return f"{100 * value:.4g}%"


def png(figure: Figure, dpi: int = 160) -> bytes:
    """A figure as PNG."""
    content = io.BytesIO()
    with styled():
        figure.savefig(content, format="png", dpi=dpi)
    return content.getvalue()


def inline_svg(figure: Figure) -> str:
    """A figure as an `<svg>` element for a page that defines the variables of `THEME` and `--sans`.

    It names no address, has no fixed size, and its colours fall back to the light ones.
    """
    content = io.StringIO()
    with styled():
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
