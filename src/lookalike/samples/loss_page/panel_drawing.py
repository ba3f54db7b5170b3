"""A trained panel as inline SVG: the plane, or the unit circle where lengths mean nothing.

Written by hand and not by matplotlib: dots are small, so that ten panels of 599 weigh 200 KB, and every colour is a
class that the page's style sheet sets, in dark and in light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from lookalike.samples.digits import CLASSES
from lookalike.samples.loss_page.plane_training import Floats, TrainedPanel, unit

__all__ = ["draw"]

#: Units of the drawing; a phone shows them about one to one.
_SIDE = 320
_MIDDLE = _SIDE / 2
#: Half the width that dots may take; what is left is for the labels around.
_REACH = 128.0
_RADIUS = 122.0
#: From the outermost dots of a class to its label.
_GAP = 13.0
#: Labels nearer than this would cover each other, and are written as one.
_APART = 12.0
_INSET = 62.0


@dataclass(frozen=True)
class _Label:
    x: float
    y: float
    digits: tuple[int, ...]


def draw(trained: TrainedPanel, alternative: str) -> str:
    """An `<svg>` element that names no address; `alternative` says in words what it shows."""
    parts = _circle(trained) if trained.panel.on_circle else _plane(trained)
    body = "".join(parts)
    return f'<svg viewBox="0 0 {_SIDE} {_SIDE}" role="img" aria-label="{escape(alternative, quote=True)}">{body}</svg>'


def _plane(trained: TrainedPanel) -> Iterator[str]:
    """Dots where the network puts them, around the origin; centers as crosses; a bar for the scale."""
    shown = [trained.embeddings]
    if trained.panel.family == "center" and trained.centers is not None:
        shown.append(trained.centers)
    scale = _REACH / max(float(np.abs(np.concatenate(shown)).max()), 1e-300)
    places = _screen(trained.embeddings * scale)
    yield f'<path class="axis" d="M{_MIDDLE} 8V{_SIDE - 8}M8 {_MIDDLE}H{_SIDE - 8}"/>'
    yield from _dots(places, trained)
    if trained.panel.family == "center" and trained.centers is not None:
        marks = "".join(f"M{x - 4:.1f} {y:.1f}h8M{x:.1f} {y - 4:.1f}v8" for x, y in _screen(trained.centers * scale))
        yield f'<path class="cross-halo" d="{marks}"/><path class="cross" d="{marks}"/>'
    yield from _labels(_outside(places, trained))
    length = _round_length(70 / scale)
    yield (
        f'<path class="bar" d="M12 {_SIDE - 14}v4h{length * scale:.1f}v-4"/>'
        f'<text class="scale" x="12" y="{_SIDE - 20}">{length:g}</text>'
    )


def _circle(trained: TrainedPanel) -> Iterator[str]:
    """Dots on the unit circle; the classes' learned directions as rays; a magnifying glass where all is one point."""
    yield f'<circle class="axis" cx="{_MIDDLE}" cy="{_MIDDLE}" r="{_RADIUS}"/>'
    if trained.centers is not None:
        for digit, (x, y) in enumerate(_screen(unit(trained.centers) * (_RADIUS - 7))):
            yield f'<path class="ray s{digit}" d="M{_MIDDLE} {_MIDDLE}L{x:.1f} {y:.1f}"/>'
    units = unit(trained.embeddings)
    places = _screen(units * _RADIUS)
    yield from _dots(places, trained)
    if trained.measures.collapsed:
        yield from _magnified(units, trained)
    else:
        yield from _labels(_outside(places, trained))


def _magnified(units: Floats, trained: TrainedPanel) -> Iterator[str]:
    """The one point, and in the middle what a magnifying glass would show of it along the circle."""
    mean = unit(units.mean(axis=0, keepdims=True))[0]
    # Small angles from the mean direction; the sine is exact enough and keeps its sign.
    angles = units @ np.array([-mean[1], mean[0]])
    span = max(float(np.abs(angles).max()), 1e-12)
    ((px, py),) = _screen(mean[None] * _RADIUS)
    ((ex, ey),) = _screen(mean[None] * (_INSET + 4))
    yield f'<circle class="ring" cx="{px:.1f}" cy="{py:.1f}" r="7"/>'
    yield f'<path class="beam" d="M{px - 7 * mean[0]:.1f} {py + 7 * mean[1]:.1f}L{ex:.1f} {ey:.1f}"/>'
    yield f'<circle class="glass" cx="{_MIDDLE}" cy="{_MIDDLE}" r="{_INSET + 4}"/>'
    # Fanned out by digit from bottom to top: were the digits apart, the rows would not overlap from left to right.
    heights = (trained.labels - (CLASSES - 1) / 2) * (_INSET * 1.25 / CLASSES)
    times = _round_length((_INSET - 12) / (span * _RADIUS))
    spots = np.stack([_MIDDLE + angles * _RADIUS * times, _MIDDLE - heights], axis=1)
    yield from _dots(spots, trained, radius=1.5)
    yield (
        f'<text class="scale middle" x="{_MIDDLE}" y="{_MIDDLE + _INSET + 20:.0f}">'
        f"×{times:,.0f}: a row per digit</text>"
    )


def _dots(places: Floats, trained: TrainedPanel, radius: float = 2.2) -> Iterator[str]:
    for digit in range(CLASSES):
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in places[trained.labels == digit])
        yield f'<g class="f{digit}">{dots}</g>'


def _outside(places: Floats, trained: TrainedPanel) -> list[_Label]:
    """A label beyond each class's outermost dots, in the direction of its mean; those too near each other as one."""
    labels: list[_Label] = []
    for digit in range(CLASSES):
        mine = places[trained.labels == digit] - _MIDDLE
        (direction,) = unit(mine.mean(axis=0, keepdims=True))
        # Not the very outermost: one stray dot would drag the label away from its class.
        reach = float(np.quantile(mine @ direction, 0.97)) + _GAP
        inside = (_MIDDLE - 8) / max(float(np.abs(direction).max()), 1e-300)
        x, y = _MIDDLE + direction * min(reach, inside)
        near = next((i for i, at in enumerate(labels) if abs(at.x - x) < _APART and abs(at.y - y) < _APART), None)
        if near is None:
            labels.append(_Label(float(x), float(y), (digit,)))
        else:
            labels[near] = _Label(labels[near].x, labels[near].y, (*labels[near].digits, digit))
    return labels


def _labels(labels: list[_Label]) -> Iterator[str]:
    for label in labels:
        text = " ".join(str(digit) for digit in label.digits)
        anchor = "middle" if len(label.digits) < 3 else ("end" if label.x > _MIDDLE else "start")
        colour = f" f{label.digits[0]}" if len(label.digits) == 1 else ""
        yield f'<text class="digit {anchor}{colour}" x="{label.x:.1f}" y="{label.y + 5:.1f}">{text}</text>'


def _screen(points: Floats) -> Floats:
    """Drawing units around the origin to places on the drawing, whose y points down."""
    places: Floats = points * np.array([1.0, -1.0]) + _MIDDLE
    return places


def _round_length(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten up to a positive value."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step * power for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))
