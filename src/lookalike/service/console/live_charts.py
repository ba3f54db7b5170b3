"""Two small charts of the last minutes: requests a second, and the time to answer."""

from __future__ import annotations

from collections import deque
from typing import Any

from nicegui import ui

from lookalike.service.console.live_numbers import LiveNumbers

__all__ = ["LiveCharts"]

#: Seconds that are shown.
_SHOWN = 600.0
_BLUE, _ORANGE = "#0072b2", "#d55e00"


class LiveCharts:
    """Charts to which a point is added at every look."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float, float | None, float | None]] = deque()
        with ui.element("div").classes("charts w-full"):
            self._rate = _chart("Requests a second", [("requests", _BLUE)])
            self._times = _chart("Milliseconds to answer", [("half of them", _BLUE), ("99 of 100", _ORANGE)])

    def add(self, at: float, found: LiveNumbers) -> None:
        """Add a point; those older than ten minutes go."""
        self._points.append((at, sum(found.per_second.values()), found.median, found.slowest))
        while self._points[0][0] < at - _SHOWN:
            self._points.popleft()
        ago = [round((one[0] - at) / 60, 3) for one in self._points]
        rates, halves, slowest = ([one[place] for one in self._points] for place in (1, 2, 3))
        for chart, number, values, factor in (
            (self._rate, 0, rates, 1),
            (self._times, 0, halves, 1000),
            (self._times, 1, slowest, 1000),
        ):
            told = [None if value is None else round(value * factor, 2) for value in values]
            chart.options["series"][number]["data"] = list(zip(ago, told, strict=True))
        self._rate.update()
        self._times.update()


def _chart(title: str, lines: list[tuple[str, str]]) -> ui.echart:
    faint = {"lineStyle": {"color": "rgba(128, 128, 128, 0.35)"}}
    options: dict[str, Any] = {
        "animation": False,
        "title": {"text": title, "textStyle": {"fontSize": 14, "fontWeight": 600}, "left": 0, "top": 0},
        "legend": {"show": len(lines) > 1, "top": 20, "left": 0, "itemHeight": 4, "icon": "rect"},
        "grid": {"left": 44, "right": 16, "top": 54, "bottom": 28},
        "xAxis": {
            "type": "value",
            "min": -_SHOWN / 60,
            "max": 0,
            "splitLine": {"show": False},
            "axisLine": faint,
            "axisLabel": {":formatter": "value => value ? `${value} min` : 'now'"},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "minInterval": 1,
            "splitNumber": 3,
            "splitLine": faint,
            "axisLine": {"show": False, "onZero": False},
        },
        "series": [
            {"name": name, "type": "line", "showSymbol": False, "data": [], "color": colour, "lineStyle": {"width": 2}}
            for name, colour in lines
        ],
    }
    made = ui.echart(options, renderer="svg").props('role="img"')
    made.props["aria-label"] = f"{title}, over the last ten minutes"
    return made
