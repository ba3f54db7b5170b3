"""Enroll somebody: pictures with their quality before anything is stored."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from lookalike.face_drawing import Mark
from lookalike.service.console.frame import Console, Visitor
from lookalike.service.console.pictures import Shown, drop_zone, marked

__all__ = ["add"]

#: Quality below which the page advises another picture.
_POOR = 0.4


@dataclass(frozen=True)
class _Looked:
    shown: Shown
    quality: float | None
    remarks: tuple[str, ...]


def _looked(visitor: Visitor, content: bytes) -> _Looked:
    (rgb,) = visitor.recognition.decoded([content])
    prepared = visitor.recognition.recognizer.embedder.prepare(rgb)
    first = prepared.faces[0] if prepared.faces else None
    quality = None if first is None or first.quality is None else first.quality.score
    words = "The picture to be enrolled" if quality is None else f"The picture to be enrolled, quality {quality:.2f}"
    marks = [] if first is None else [Mark(first.box, "", "match")]
    return _Looked(marked(rgb, marks, words), quality, prepared.notes)


def _enroll(visitor: Visitor, name: str, contents: list[bytes]) -> int:
    recognizer = visitor.recognition.recognizer
    return len(recognizer.enroll(name, visitor.recognition.decoded(contents)).template_ids)


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/enroll")
    def enroll() -> None:
        visitor = console.visitor("operator")
        if visitor is None:
            return
        contents: list[bytes] = []

        async def use(content: bytes) -> None:
            looked = await visitor.ask(_looked, visitor, content)
            if looked is None:
                return
            contents.append(content)
            with shown, ui.element("figure").classes("column").style("width: 190px; margin: 0"):
                image = ui.element("img").props(f'src="{looked.shown.address}"').classes("shown")
                image.props["alt"] = looked.shown.words
                if looked.quality is not None:
                    advice = "" if looked.quality >= _POOR else ": better take another"
                    ui.label(f"Quality {looked.quality:.2f}{advice}")
                for remark in looked.remarks:
                    ui.label(remark).classes("muted")

        async def store() -> None:
            if not contents:
                ui.notify("Give at least one picture.", type="warning")
                return
            stored = await visitor.ask(_enroll, visitor, name.value or "", contents)
            if stored is not None:
                ui.notify(f"Enrolled {name.value}, {stored} pictures.", type="positive")
                contents.clear()
                shown.clear()
                name.value = ""

        with console.page("Enroll", visitor), ui.element("section").classes("panel"):
            name = ui.input("Name").props("outlined").classes("w-full")
            drop_zone("Pictures of this person", use, console.app.state.settings.max_body, multiple=True)
            shown = ui.row().classes("w-full").props('aria-live="polite"')
            ui.button("Enroll", on_click=store).props("no-caps")
