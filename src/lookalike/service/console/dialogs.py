"""What pages ask before they act: a text, or whether it is meant."""

from __future__ import annotations

from nicegui import ui

__all__ = ["asked_text", "confirmed"]


async def asked_text(title: str, label: str, button: str, value: str = "") -> str | None:
    """A text that is asked for; None where it was not given."""
    with ui.dialog() as dialog, ui.card().classes("w-96"):
        ui.label(title).style("font-weight: 650")
        dialog.props["aria-label"] = title
        given = ui.input(label, value=value).props("outlined autofocus").classes("w-full")
        given.on("keydown.enter", lambda: dialog.submit(given.value))
        with ui.row().classes("w-full justify-end"):
            ui.button("Cancel", on_click=lambda: dialog.submit(None)).props("flat no-caps")
            ui.button(button, on_click=lambda: dialog.submit(given.value)).props("no-caps")
    answer: str | None = await dialog
    return answer


async def confirmed(question: str, button: str, colour: str = "negative") -> bool:
    """Whether somebody means it.

    Args:
        question: that is asked.
        button: the word for yes.
        colour: of its button; what cannot be taken back is `negative`.
    """
    with ui.dialog() as dialog, ui.card().classes("w-96"):
        dialog.props["aria-label"] = question
        ui.label(question)
        with ui.row().classes("w-full justify-end"):
            ui.button("Cancel", on_click=lambda: dialog.submit(False)).props("flat no-caps autofocus")
            ui.button(button, on_click=lambda: dialog.submit(True)).props(f"no-caps color={colour}")
    return bool(await dialog)
