"""What answers: model, gallery, thresholds and what they promise, and how the service does."""

from __future__ import annotations

from nicegui import ui

from lookalike import __version__
from lookalike.service.console.frame import Console, Visitor
from lookalike.service.gallery_state import gallery_state, thresholds

__all__ = ["add"]


def _facts(visitor: Visitor) -> dict[str, str]:
    recognizer = visitor.recognition.recognizer
    state, limits = gallery_state(recognizer), thresholds(recognizer)
    admission = visitor.app.state.admission
    decides = "each place has its own" if limits.identify is None else f"{limits.identify:.4f}"
    return {
        "Version": __version__,
        "Model": f"{recognizer.embedder.name}, {recognizer.embedder.dimension} dimensions",
        "Gallery": f"{state.identities:,} {state.kind or 'people'}, {state.templates:,} templates",
        "Identify": f"{decides}: {limits.identify_source}",
        "Verify": f"{limits.verify or 0:.4f}: {limits.verify_source}",
        "Other requests at work": f"{max(0, admission.working - 1)}",
        "Requests refused since the start": f"{admission.refused:,}",
    }


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/state")
    async def state() -> None:
        visitor = console.visitor("reader")
        if visitor is None:
            return
        values: dict[str, ui.label] = {}

        async def refresh() -> None:
            for name, value in (await visitor.ask(_facts, visitor) or {}).items():
                if name not in values:
                    with facts:
                        ui.label(name).classes("muted")
                        values[name] = ui.label()
                values[name].text = value

        with console.page("State", visitor), ui.element("section").classes("panel"):
            facts = ui.element("div").style(
                "display: grid; grid-template-columns: minmax(120px, auto) 1fr; gap: 8px 18px"
            )
        await refresh()
        ui.timer(5.0, refresh)
