"""What answers: model, gallery, thresholds and what they promise; and, for operators, how the service does now."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

from nicegui import ui

from lookalike import __version__
from lookalike.counted_nouns import how_many
from lookalike.service.console.frame import Console, Visitor
from lookalike.service.console.live_charts import LiveCharts
from lookalike.service.console.live_numbers import LiveNumbers, Reading, live_numbers
from lookalike.service.gallery_state import gallery_state, thresholds

__all__ = ["add"]

_COUNTED = {"people": ("person", "people"), "landmarks": ("place", "places")}
#: Seconds between looks, and those over which rates and times are taken.
_PACE, _WINDOW = 3.0, 60.0


def _facts(visitor: Visitor) -> dict[str, str]:
    recognizer = visitor.recognition.recognizer
    state, limits = gallery_state(recognizer), thresholds(recognizer)
    held = how_many(state.identities, *_COUNTED[state.kind or "people"])
    decides = "each place has its own" if limits.identify is None else f"{limits.identify:.4f}"
    return {
        "Version": __version__,
        "Model": f"{recognizer.embedder.name}, {recognizer.embedder.dimension} dimensions",
        "Gallery": f"{held}, {how_many(state.templates, 'template')}",
        "Identify": f"{decides}: {limits.identify_source}",
        "Verify": f"{limits.verify or 0:.4f}: {limits.verify_source}",
    }


def _reading(visitor: Visitor) -> Reading:
    return Reading(visitor.app.state.measures.samples(), time.monotonic())


def _words(found: LiveNumbers, threads: int) -> dict[str, str]:
    kinds = ", ".join(f"{kind} {rate:.1f}" for kind, rate in sorted(found.per_second.items()) if rate)
    refused = ", ".join(f"{code.replace('_', ' ')} {count:,}" for code, count in found.refused.items())
    return {
        "Requests a second": f"{sum(found.per_second.values()):.1f}" + (f" ({kinds})" if kinds else ""),
        "Answered within": "nothing was asked"
        if found.median is None or found.slowest is None
        else f"{found.median * 1000:,.0f} ms (half of them), {found.slowest * 1000:,.0f} ms (99 of 100)",
        "Refused since the start": refused or "none",
        "Threads at work": f"{found.busy} of {threads}",
        "Requests that wait": f"{found.waiting}",
        "Pictures in a batch": "none passed the network" if found.batch is None else f"{found.batch:.1f}",
        "Decoders": f"{found.decoders} run, {found.died} died",
        "Memory": "not known" if found.memory is None else f"{found.memory / 2**20:,.0f} MiB",
    }


class _Facts:
    """Names with values, which change in place."""

    def __init__(self) -> None:
        self._box = ui.element("div").classes("facts")
        self._values: dict[str, ui.label] = {}

    def show(self, facts: dict[str, str]) -> None:
        for name, value in facts.items():
            if name not in self._values:
                with self._box:
                    ui.label(name).classes("muted")
                    self._values[name] = ui.label()
            self._values[name].text = value


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/state")
    async def state() -> None:
        visitor = console.visitor("reader")
        if visitor is None:
            return
        with console.page("State", visitor):
            with ui.element("section").classes("panel"):
                facts = _Facts()
            if visitor.may("operator"):  # as for `/metrics`
                _live(replace(visitor, role="operator"), console.app.state.settings.threads)

        async def refresh() -> None:
            facts.show(await visitor.look(_facts, visitor) or {})

        await refresh()
        ui.timer(5.0, refresh)


def _live(visitor: Visitor, threads: int) -> None:
    """Numbers and charts, refreshed for as long as the page is open."""
    readings: deque[Reading] = deque()
    with ui.element("section").classes("panel"):
        ui.html("Now", tag="h2", sanitize=False)
        ui.label("Of the last minute; requests that came by HTTP.").classes("muted")
        numbers = _Facts()
        charts = LiveCharts()

    async def refresh() -> None:
        reading = await visitor.look(_reading, visitor)
        if reading is None:
            return
        readings.append(reading)
        while readings[0].at < reading.at - _WINDOW:
            readings.popleft()
        found = live_numbers(readings[0], reading, threads)
        numbers.show(_words(found, threads))
        if len(readings) > 1:
            charts.add(reading.at, live_numbers(readings[-2], reading, threads))

    ui.timer(_PACE, refresh)
