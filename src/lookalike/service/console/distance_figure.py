"""A distance on the axis of all distances, with the rates of error that were measured there, as SVG."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from lookalike.answers import Verified
from lookalike.decisions.calibration import Calibration

__all__ = ["distance_figure"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 460, 240, 46, 12, 50, 44
_POINTS = 121


def distance_figure(answer: Verified, calibration: Calibration | None) -> str:
    """The figure; without a calibration, distance and threshold alone."""
    most = max(answer.distance, answer.threshold) * 1.25 or 1.0
    curves: list[tuple[str, str, Callable[[float], float]]] = []
    if calibration is not None and calibration.misses is not None:
        misses = calibration.misses
        curves.append(("pairs of one identity that are missed", "#0072b2", lambda x: misses.at(x)[0]))
    if calibration is not None and calibration.tail is not None:
        tail = calibration.tail
        curves.append(("pairs of two identities that match", "#d55e00", tail.rate))
    words = f"Distance {answer.distance:.3f}, threshold {answer.threshold:.3f}"
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(words)}" '
        'style="width: 100%; max-width: 640px; color: var(--ink); font: 14px system-ui, sans-serif">'
    ]
    bottom = _HEIGHT - _BOTTOM

    def across(value: float) -> float:
        return _LEFT + value / most * (_WIDTH - _LEFT - _RIGHT)

    def up(share: float) -> float:
        return bottom - min(1.0, max(0.0, share)) * (bottom - _TOP)

    parts.append(f'<path d="M{_LEFT} {_TOP}V{bottom}H{_WIDTH - _RIGHT}" fill="none" stroke="currentColor"/>')
    parts += [
        f'<text x="{_LEFT - 6}" y="{up(share) + 4}" text-anchor="end" fill="currentColor">{share:.0%}</text>'
        for share in ((0.0, 0.5, 1.0) if curves else ())
    ]
    for place, (name, colour, rate) in enumerate(curves):
        steps = [most * at / (_POINTS - 1) for at in range(_POINTS)]
        line = " ".join(f"{across(x):.1f},{up(rate(x)):.1f}" for x in steps)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        top = 6 + 20 * place
        parts.append(f'<rect x="{_LEFT}" y="{top + 4}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{_LEFT + 20}" y="{top + 11}" fill="currentColor">{name}</text>')
    for value, word, dash, height in (
        (answer.threshold, f"threshold {answer.threshold:.3f}", "5 4", 16),
        (answer.distance, f"these two {answer.distance:.3f}", "", 32),
    ):
        x = across(value)
        anchor = "end" if x > _WIDTH / 2 else "start"
        parts.append(
            f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="currentColor" stroke-width="{1.5 if dash else 3}" '
            f'stroke-dasharray="{dash}"/><text x="{x:.1f}" y="{bottom + height}" text-anchor="{anchor}" '
            f'fill="currentColor">{word}</text>'
        )
    return "".join([*parts, "</svg>"])
