"""People of the gallery: search, rename, merge, forget, and take acts back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from lookalike.service.console.dialogs import asked_text, confirmed
from lookalike.service.console.frame import Console
from lookalike.service.people import People

__all__ = ["add"]

_PAGE = 50


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/people")
    async def people() -> None:
        visitor = console.visitor("operator")
        if visitor is None:
            return
        held = People(visitor.recognition.recognizer.gallery)
        place = {"after": "", "next": ""}

        async def refresh(after: str = "") -> None:
            place["after"] = after
            page = await visitor.ask(held.page, _PAGE, after, prefix.value or "", None)
            if page is None:
                return
            table.rows = [
                {
                    "name": one.name,
                    "templates": one.templates,
                    "since": one.created_at[:10],
                    "tags": ", ".join(f"{key}: {value}" for key, value in one.tags.items()),
                }
                for one in page.people
            ]
            table.selected.clear()
            table.update()
            following.set_visibility(page.next is not None)
            place["next"] = page.next or ""
            found = await visitor.ask(held.acts, 10)
            acts.clear()
            with acts:
                for act in found.acts if found else ():
                    _act(act, undo)

        async def undo(act_id: int) -> None:
            if await visitor.ask(held.undo, act_id) is not None:
                ui.notify("Taken back.", type="positive")
            await refresh(place["after"])

        def chosen() -> list[str]:
            return [row["name"] for row in table.selected]

        async def rename() -> None:
            names = chosen()
            if len(names) != 1:
                ui.notify("Choose one person.", type="warning")
                return
            new = await asked_text(f"Rename {names[0]}", "New name", "Rename")
            if new and await visitor.ask(held.rename, names[0], new) is not None:
                ui.notify(f"Renamed to {new}.", type="positive")
                await refresh(place["after"])

        async def merge() -> None:
            names = chosen()
            if len(names) < 2:
                ui.notify("Choose at least two people.", type="warning")
                return
            into = await asked_text(f"Merge {', '.join(names)}", "Into the name", "Merge", names[0])
            if into and await visitor.ask(held.merge, [n for n in names if n != into], into) is not None:
                ui.notify(f"Merged into {into}.", type="positive")
                await refresh(place["after"])

        async def forget() -> None:
            names = chosen()
            if not names:
                ui.notify("Choose whom to forget.", type="warning")
                return
            if not await confirmed(f"Forget {', '.join(names)}? Their vectors are deleted for good.", "Forget"):
                return
            for name in names:
                if await visitor.ask(held.forget, name) is not None:
                    ui.notify(f"Forgot {name}.", type="positive")
            await refresh(place["after"])

        with console.page("People", visitor):
            with ui.element("section").classes("panel"):
                prefix = ui.input("Name begins with", on_change=lambda: refresh()).props("outlined clearable")
                prefix.classes("w-full")
                with ui.row():
                    for word, act in (("Rename", rename), ("Merge", merge), ("Forget", forget)):
                        ui.button(word, on_click=act).props("outline no-caps")
                columns = [
                    {"name": name, "label": label, "field": name, "align": "left"}
                    for name, label in (
                        ("name", "Name"),
                        ("templates", "Templates"),
                        ("since", "Since"),
                        ("tags", "Tags"),
                    )
                ]
                table = ui.table(rows=[], columns=columns, row_key="name", selection="multiple")
                table.props('flat aria-label="People"').classes("w-full")
                following = ui.button("Next page", on_click=lambda: refresh(place["next"])).props("flat no-caps")
            with ui.element("section").classes("panel"):
                ui.label("Last acts").style("font-weight: 650")
                acts = ui.column().classes("w-full")
        await refresh()


def _act(act: Any, undo: Callable[[int], Any]) -> None:
    changed = ", ".join(f"{before} → {after}" for before, after in act.identities.items() if before != after)
    with ui.row().classes("items-center w-full"):
        ui.label(f"{act.at[:19].replace('T', ' ')} {act.kind}: {changed}{' (taken back)' if act.undone else ''}")
        if not act.undone:
            button = ui.button("Undo", on_click=lambda: undo(act.id)).props("flat no-caps dense")
            button.props["aria-label"] = f"Undo {act.kind} {changed}"
