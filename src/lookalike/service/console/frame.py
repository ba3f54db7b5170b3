"""What all pages share: who is signed in, the frame with its menu, and how a page asks the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from nicegui import app as nicegui_app
from nicegui import ui

from lookalike.errors import LookalikeError
from lookalike.gallery.actor import acting_as
from lookalike.service.api_keys import ApiKey, Role, allows
from lookalike.service.callers import Caller
from lookalike.service.console.sessions import Sessions
from lookalike.service.problems import Refused, refusal

if TYPE_CHECKING:
    from lookalike.service.recognition import Recognition

__all__ = ["MENU", "Console", "Visitor"]

P = ParamSpec("P")
T = TypeVar("T")

#: Address, word of the menu, and who may open it. The map is of galleries of places only.
MENU: tuple[tuple[str, str, Role], ...] = (
    ("/", "Identify", "reader"),
    ("/verify", "Verify", "reader"),
    ("/enroll", "Enroll", "operator"),
    ("/people", "People", "operator"),
    ("/map", "Map", "operator"),
    ("/jobs", "Jobs", "operator"),
    ("/state", "State", "reader"),
)

_STYLE = """
:root { --ink: #1d2127; --muted: #59626c; --line: #cdd4dc; --card: #ffffff; --page: #f4f6f8; --accent: #005a94; }
:root { --sea: #dbe6ee; --land: #fbfaf6; --coast: #8d99a5; --spot: #b3400a; }
.body--dark { --sea: #141b22; --land: #333d47; --coast: #66727e; --spot: #ffab73; }
.body--dark { --ink: #e7eaee; --muted: #a6b0bb; --line: #3a424c; --card: #1e2329; --page: #14171b; --accent: #7cc0f0; }
body { background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; font-weight: 700; line-height: 1.3; margin: 0; }
h2 { font-size: 1.2rem; font-weight: 650; line-height: 1.3; margin: 0; }
a { color: var(--accent); }
a:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.nicegui-content { padding: 0; align-items: stretch; }
.page { display: flex; flex-direction: column; width: 100%; max-width: 1060px; margin: 0 auto; gap: 16px; }
.page { padding: 20px 16px 60px; }
.bar { background: var(--card); color: var(--ink); border-bottom: 1px solid var(--line); padding: 6px 16px; }
.menu { display: flex; flex-wrap: wrap; align-items: center; gap: 2px; }
.menu a { color: var(--ink); text-decoration: none; padding: 8px 10px; border-radius: 6px; }
.menu a[aria-current] { background: var(--page); font-weight: 650; }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; width: 100%; }
.panel { display: flex; flex-direction: column; gap: 10px; }
.panel > .q-btn { align-self: flex-start; }
.muted { color: var(--muted); }
.verdict { font-size: 1.5rem; font-weight: 650; }
.shown { align-self: flex-start; max-width: 100%; max-height: 70vh; height: auto; width: auto; border-radius: 8px; }
.rows { display: flex; flex-direction: column; gap: 16px; width: 100%; }
.facts { display: grid; grid-template-columns: minmax(120px, auto) 1fr; gap: 8px 18px; }
.facts > * { min-width: 0; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 16px; }
.charts .nicegui-echart { height: 190px; width: 100%; }
.charts text { fill: var(--muted) !important; }
.pairs { display: flex; flex-wrap: wrap; gap: 12px 32px; }
.pair { display: flex; gap: 10px; }
.pair figure { margin: 0; width: 132px; }
.pair figcaption { font-size: 0.85rem; line-height: 1.3; color: var(--muted); overflow-wrap: anywhere; }
.map { position: relative; z-index: 0; width: 100%; border: 1px solid var(--line); border-radius: 8px; }
.map.leaflet-container { background: var(--sea); font: inherit; }
.map .land { fill: var(--land); fill-opacity: 1; stroke: var(--coast); stroke-width: 0.8; }
.map .border { stroke: var(--coast); stroke-width: 0.8; stroke-dasharray: 2 3; }
.map .spot { fill: var(--spot); fill-opacity: 0.85; stroke: var(--card); stroke-width: 2; }
.map .leaflet-bar a, .map .leaflet-bar a:hover, .map .leaflet-popup-content-wrapper, .map .leaflet-popup-tip
  { background: var(--card); color: var(--ink); border-color: var(--line); }
.map .leaflet-bar a.leaflet-disabled { background: var(--page); color: var(--muted); }
.map a.leaflet-popup-close-button { color: var(--ink); }
.spots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 2px 14px; }
.spots .q-btn { text-align: left; overflow-wrap: anywhere; }
.crop { width: 132px; border-radius: 8px; border: 1px solid var(--line); }
.q-uploader { width: 100%; max-height: none; background: var(--page); border: 2px dashed var(--muted); }
.q-uploader__header { background: transparent; color: var(--ink); }
.q-uploader__list { display: none; }
.drop { position: relative; padding: 12px; }
.q-table { color: var(--ink); background: transparent; }
.q-table th, .q-table td { font-size: 0.95rem !important; white-space: normal; }
.body--dark .q-btn--outline, .body--dark .q-btn--flat { --q-primary: var(--accent); }
.q-field__label, .q-field__native { color: var(--ink) !important; }
@media (max-width: 600px) { .bar { position: static; } .page { padding: 12px 10px 60px; } }
"""


#: Quasar names neither checkboxes of a table, nor the hidden input behind an uploader's button, nor its loading bar.
_NAMES = """<script>
new MutationObserver(() => {
  document.querySelectorAll('.q-uploader__input:not([aria-hidden])').forEach(
    input => input.setAttribute('aria-hidden', 'true'));
  document.querySelectorAll('.q-loading-bar:not([aria-label])').forEach(
    bar => bar.setAttribute('aria-label', 'Loading'));
  document.querySelectorAll('.q-table .q-checkbox:not([aria-label])').forEach(box => {
    const cell = box.closest('tr').querySelectorAll('td')[1];
    box.setAttribute('aria-label', cell ? cell.innerText : 'All on this page');
  });
}).observe(document.documentElement, {childList: true, subtree: true});
</script>"""


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page, and what the page asks in their name.

    Attributes:
        key: as it was when the page was opened.
        role: that the page needs.
        browser: the browser's id.
        console: the page's.
    """

    key: ApiKey
    role: Role
    browser: str
    console: Console

    @property
    def app(self) -> FastAPI:
        """The service's application."""
        return self.console.app

    @property
    def recognition(self) -> Recognition:
        """What answers."""
        found: Recognition = self.app.state.recognition
        return found

    @property
    def of_places(self) -> bool:
        """Whether the gallery holds places."""
        try:
            return self.recognition.recognizer.gallery.kind == "landmarks"
        except LookalikeError:  # it cannot be read now; what is asked of it says so
            return False

    def may(self, role: Role) -> bool:
        """Whether the key may do what this role may."""
        return allows(self.key.role, role)

    async def ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call a function in a thread, once there is room; None where it was refused, which the page then says."""
        key = self._key_now()
        if key is None:
            return None
        try:
            with acting_as(Caller(key).actor):
                found: T = await self.app.state.admission.run(call, *args, **kwargs)
        except Exception as error:
            _tell_expected(error)
            return None
        return found

    async def look(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """As `ask`, without waiting for room: for what has to be seen when the service is full."""
        if self._key_now() is None:
            return None
        try:
            return await run_in_threadpool(call, *args, **kwargs)
        except Exception as error:
            _tell_expected(error)
            return None

    def _key_now(self) -> ApiKey | None:
        """The key, as it is now; a page may stay open for hours, and keys are revoked."""
        key = self.console.sessions.key_of(self.browser)
        if key is None or not allows(key.role, self.role):
            ui.navigate.to("/login")
            return None
        return key


def _tell_expected(error: Exception) -> None:
    told = refusal(error)
    if told.status_code == 500:
        raise error
    tell(told)


def tell(refused: Refused) -> None:
    """Say on the page why something was refused."""
    ui.notify(refused.message, type="negative", multi_line=True, timeout=15_000, close_button="Close")


class Console:
    """The pages' frame.

    Args:
        app: the service's application.
        sessions: who is signed in.
    """

    def __init__(self, app: FastAPI, sessions: Sessions) -> None:
        self.app, self.sessions = app, sessions

    @property
    def browser(self) -> str:
        """The id of the browser that asks."""
        return str(nicegui_app.storage.browser["id"])

    def visitor(self, role: Role) -> Visitor | None:
        """Who is signed in; None where nobody is, or the role may not, and the page then says so."""
        key = self.sessions.key_of(self.browser)
        if key is None:
            ui.navigate.to("/login")
            return None
        visitor = Visitor(key, role, self.browser, self)
        if not visitor.may(role):
            with self.page("Not allowed", visitor):
                ui.label(f"This page needs a key of the role {role}; yours is of {key.role}.")
            return None
        return visitor

    @contextmanager
    def page(self, title: str, visitor: Visitor | None) -> Iterator[None]:
        """The frame of a page: menu, title, and what the block adds."""
        ui.add_css(_STYLE)
        ui.add_body_html(_NAMES)
        ui.colors(primary="#005a94", negative="#a8071a", positive="#13692f", warning="#8a5a00")
        ui.page_title(f"{title} · Lookalike")
        dark = ui.dark_mode(None)
        with ui.element("header").classes("bar row items-center justify-between w-full"):
            with ui.element("nav").classes("menu").props('aria-label="Pages"'):
                ui.label("Lookalike").style("font-weight: 700; margin-right: 12px")
                for path, word, role in MENU if visitor else ():
                    if visitor and visitor.may(role) and (path != "/map" or visitor.of_places):
                        link = ui.link(word, path)
                        if word == title:
                            link.props('aria-current="page"')
            with ui.row().classes("items-center gap-2"):
                ui.button("Light or dark", on_click=lambda: self._turn(dark)).props("flat no-caps dense color=inherit")
                if visitor:
                    ui.label(f"{visitor.key.name}, {visitor.key.role}").classes("muted")
                    ui.button("Sign out", on_click=self._sign_out).props("flat no-caps dense color=inherit")
        with ui.element("main").classes("page"):
            ui.html(escape(title), tag="h1", sanitize=False)
            yield

    @staticmethod
    async def _turn(dark: ui.dark_mode) -> None:
        if dark.value is None:  # as the system is
            dark.value = bool(await ui.run_javascript("document.body.classList.contains('body--dark')"))
        dark.toggle()

    def _sign_out(self) -> None:
        self.sessions.end(self.browser)
        ui.navigate.to("/login")
