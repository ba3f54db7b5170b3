"""Buttons for the pages of a long list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

__all__ = ["Pager"]


class Pager:
    """Two buttons, each shown where there is a page to go to.

    Args:
        size: entries of a page.
        show: shows the page that begins with an entry, and then tells it by `at`.
    """

    def __init__(self, size: int, show: Callable[[int], Any]) -> None:
        self._size, self._first = size, 0
        with ui.row():
            self._before = ui.button("Previous page", on_click=lambda: show(self._first - size))
            self._after = ui.button("Next page", on_click=lambda: show(self._first + size))
            for button in (self._before, self._after):
                button.props("flat no-caps")

    def at(self, first: int, total: int) -> None:
        """Which page is shown, of so many entries."""
        self._first = first
        self._before.set_visibility(first > 0)
        self._after.set_visibility(first + self._size < total)
