"""The console put on the service's application: NiceGUI's pages below `/console`."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import FastAPI
from nicegui import ui
from starlette.formparsers import MultiPartParser

from lookalike.service.console import pages
from lookalike.service.console.frame import Console
from lookalike.service.console.sessions import Sessions
from lookalike.service.middleware import CONSOLE

__all__ = ["mount_console"]


def mount_console(app: FastAPI) -> None:
    """Put the console on an application; once in a process, for NiceGUI has one set of pages."""
    settings: Any = app.state.settings
    MultiPartParser.spool_max_size = settings.max_body + 1  # pictures are never written to the disk
    console = Console(app, Sessions(app.state.doors.keys))
    pages.add(console)
    ui.run_with(
        app,
        mount_path=CONSOLE,
        title="Lookalike",
        dark=None,
        language="en-US",
        # Sessions are of this process: a new one asks everybody to sign in again.
        storage_secret=secrets.token_hex(32),
        session_middleware_kwargs={"same_site": "strict", "max_age": 8 * 3600},
        show_welcome_message=False,
    )
