"""Sign in with an API key."""

from __future__ import annotations

from nicegui import ui

from lookalike.service.callers import Doors
from lookalike.service.console.frame import Console, tell
from lookalike.service.problems import Refused

__all__ = ["add"]


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/login")
    def login() -> None:
        doors: Doors = console.app.state.doors
        browser, address = console.browser, ui.context.client.ip or ""

        async def sign_in() -> None:
            try:
                caller = await doors.caller((given.value or "").strip() or None, address, "reader")
            except Refused as refused:
                tell(refused)
                return
            console.sessions.begin(browser, caller.key)
            given.value = ""
            ui.navigate.to("/")

        with console.page("Sign in", None), ui.element("div").classes("panel"):
            ui.label("Give your API key, as lookalike keys add printed it.")
            given = ui.input("API key", password=True).props('outlined autocomplete="off"').classes("w-full")
            given.on("keydown.enter", sign_in)
            ui.button("Sign in", on_click=sign_in).props("no-caps")
