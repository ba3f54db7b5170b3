"""Two pictures: the same identity? With what the network saw, the distance, and what the threshold promises."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from nicegui import ui

from lookalike.answers import Verified
from lookalike.service.console.distance_figure import distance_figure
from lookalike.service.console.frame import Console, Visitor
from lookalike.service.console.pictures import Shown, crop, drop_zone, marked

__all__ = ["add"]

_VERDICTS = {"match": "The same", "ambiguous": "It cannot be told", "unknown": "Different"}


@dataclass(frozen=True)
class _Compared:
    answer: Verified
    crops: list[Shown | None]
    figure: str


def _compared(visitor: Visitor, contents: list[bytes]) -> _Compared:
    recognizer = visitor.recognition.recognizer
    pictures = visitor.recognition.decoded(contents)
    answer = recognizer.verify(*pictures)
    sides = ("first", "second")
    crops = [
        crop(recognizer.embedder, rgb, f"What was compared of the {side} picture")
        for rgb, side in zip(pictures, sides, strict=True)
    ]
    return _Compared(answer, crops, distance_figure(answer, recognizer.calibration))


def _preview(visitor: Visitor, content: bytes) -> Shown:
    (rgb,) = visitor.recognition.decoded([content])
    return marked(rgb, [], "The picture as it was given")


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/verify")
    def verify() -> None:
        visitor = console.visitor("reader")
        if visitor is None:
            return
        given: dict[int, bytes] = {}

        async def use(side: int, content: bytes) -> None:
            shown = await visitor.ask(_preview, visitor, content)
            previews[side].clear()
            given.pop(side, None)
            result.clear()
            if shown is None:
                return
            given[side] = content
            with previews[side]:
                ui.element("img").props(f'src="{shown.address}"').classes("shown").props["alt"] = shown.words
            if len(given) == 2:
                found = await visitor.ask(_compared, visitor, [given[0], given[1]])
                if found is not None:
                    with result:
                        _show(found)

        most = console.app.state.settings.max_body
        with console.page("Verify", visitor):
            previews = []
            with ui.element("section").classes("row w-full gap-4").style("flex-wrap: wrap"):
                for side, words in enumerate(("First picture", "Second picture")):
                    with ui.element("div").classes("panel").style("flex: 1 1 300px; width: auto; min-width: 0"):
                        drop_zone(words, partial(use, side), most)
                        previews.append(ui.element("div").classes("w-full"))
            result = ui.element("section").classes("w-full").props('aria-live="polite"')


def _show(found: _Compared) -> None:
    answer = found.answer
    with ui.element("div").classes("panel"):
        ui.label(_VERDICTS[answer.decision]).classes("verdict")
        with ui.row():
            for one in found.crops:
                if one is not None:
                    ui.element("img").props(f'src="{one.address}"').classes("crop").props["alt"] = one.words
        ui.html(found.figure, sanitize=False).classes("w-full")
        sign = "at most" if answer.match else "more than"
        ui.label(f"Distance {answer.distance:.4f}, {sign} the threshold of {answer.threshold:.4f}.")
        ui.label(f"The threshold: {answer.threshold_source}.").classes("muted")
        if answer.probability is not None:
            ui.label(f"Probability of one identity, at even odds beforehand: {answer.probability:.1%}")
        for note in (*answer.notes, *([answer.weakness] if answer.weakness else [])):
            ui.label(note).classes("muted")
