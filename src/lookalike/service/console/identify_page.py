"""Who is in a picture: every face with its box and its candidates, or nobody."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from lookalike.answers import Identified, PlaceCandidate
from lookalike.gallery import Candidate
from lookalike.service.console.frame import Console, Visitor
from lookalike.service.console.maps import PlaceMap, Spot
from lookalike.service.console.pictures import Shown, drop_zone, marked, webcam
from lookalike.workflows.answer_marks import answer_label, answer_marks, answered_face_marks

__all__ = ["add"]


@dataclass(frozen=True)
class _Found:
    shown: Shown
    answers: list[Identified]


def _identified(visitor: Visitor, content: bytes) -> _Found:
    """Every face, or of a model or gallery without faces the whole picture."""
    recognizer = visitor.recognition.recognizer
    (rgb,) = visitor.recognition.decoded([content])
    if recognizer.embedder.finds_faces and recognizer.gallery.kind != "landmarks":
        faces = recognizer.identify_all(rgb)
        answers = [one.answer for one in faces]
        marks = answered_face_marks(faces)
    else:
        answers = [recognizer.identify(rgb)]
        marks = answer_marks(answers[0])
    words = "The picture, with " + (", ".join(answer_label(one) for one in answers) or "no face")
    return _Found(marked(rgb, marks, words), answers)


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/")
    def identify() -> None:
        visitor = console.visitor("reader")
        if visitor is None:
            return

        async def use(content: bytes) -> None:
            results.clear()
            with results:
                ui.spinner(size="lg").props('aria-label="Looking"')
            found = await visitor.ask(_identified, visitor, content)
            results.clear()
            if found is not None:
                with results:
                    _show(found, console.app.state.settings.map_tiles)

        with console.page("Identify", visitor):
            with ui.element("section").classes("panel"):
                what = (
                    "it is compared with all places" if visitor.of_places else "every face is compared with everybody"
                )
                ui.label(f"Drop a picture: {what} in the gallery.")
                drop_zone("Choose a picture, or drop it here", use, console.app.state.settings.max_body)
                webcam(use)
            results = (
                ui.element("section")
                .classes("w-full")
                .style("display: flex; flex-direction: column; gap: 16px")
                .props('aria-live="polite"')
            )


def _name(candidate: Candidate) -> str:
    """A person's name; of a place the name for readers, and its id where that is another."""
    if not isinstance(candidate, PlaceCandidate) or candidate.name in ("", candidate.identity):
        return candidate.identity
    return f"{candidate.name} ({candidate.identity})"


def _show(found: _Found, tiles: str | None) -> None:
    with ui.element("div").classes("panel"):
        ui.element("img").props(f'src="{found.shown.address}"').classes("shown").props["alt"] = found.shown.words
        if not found.answers:
            ui.label("No face was found in the picture.")
    for number, answer in enumerate(found.answers, 1):
        with ui.element("article").classes("panel"):
            title = answer_label(answer)
            ui.label(title if len(found.answers) == 1 else f"{number}. {title}").classes("verdict")
            ui.label(answer.threshold_source).classes("muted")
            rows = [
                {"name": _name(one), "distance": f"{one.distance:.3f}", "id": one.template_id}
                for one in answer.candidates
            ]
            columns = [
                {"name": "name", "label": "Candidate", "field": "name", "align": "left"},
                {"name": "distance", "label": f"Distance (match up to {answer.threshold:.3f})", "field": "distance"},
            ]
            if rows:
                ui.table(rows=rows, columns=columns, row_key="id").props("flat dense").classes("w-full")
            else:
                ui.label("The gallery is empty.")
            if answer.probability is not None:
                ui.label(f"Probability that the first candidate is right: {answer.probability:.1%}")
            place = answer.best
            if place is not None and place.latitude is not None and place.longitude is not None:
                where = Spot(place.name, place.latitude, place.longitude)
                ui.label(f"{place.name} is at {where.position}.")
                PlaceMap([where], tiles, words=f"Map with {place.name}", height="240px", nearest=4, wheel=False)
            for note in (*answer.notes, *([answer.weakness] if answer.weakness else [])):
                ui.label(note).classes("muted")
