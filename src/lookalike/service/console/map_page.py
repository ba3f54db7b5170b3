"""The places of a gallery on a map of the world, and beside it as a list."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from lookalike.counted_nouns import how_many
from lookalike.recognizer import Recognizer
from lookalike.service.console.frame import Console
from lookalike.service.console.maps import PlaceMap, Spot
from lookalike.service.console.pager import Pager

__all__ = ["add"]

#: Places on the map, and on a page of the list.
_DRAWN, _LISTED = 5_000, 30


@dataclass(frozen=True)
class _Places:
    spots: tuple[Spot, ...]
    without: int


def _places(recognizer: Recognizer) -> _Places | None:
    """The places by name, and how many have no position; None of a gallery of people."""
    recognition = recognizer.place_recognition()
    if recognition is None:
        return None
    atlas = recognition.atlas
    found = [atlas.place(place) for place in atlas.places]
    spots = [
        Spot(one.name if one.name == one.id else f"{one.name} ({one.id})", one.latitude, one.longitude)
        for one in found
        if one.latitude is not None and one.longitude is not None
    ]
    return _Places(tuple(sorted(spots, key=lambda one: one.name)), len(found) - len(spots))


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/map")
    async def world() -> None:
        visitor = console.visitor("operator")
        if visitor is None:
            return
        if not visitor.of_places:
            with console.page("Map", visitor):
                ui.label("This gallery holds no places, so there is nothing to show on a map.")
            return
        with console.page("Map", visitor):
            panel = ui.element("section").classes("panel")
        found = await visitor.ask(_places, visitor.recognition.recognizer)
        if found is not None:
            with panel:
                _show(found, console.app.state.settings.map_tiles)


def _show(found: _Places, tiles: str | None) -> None:
    ui.label(f"{how_many(len(found.spots), 'place')} with a position.")
    if found.without:
        without = how_many(found.without, "place has", "places have")
        ui.label(
            f"{without} no position, and {'is' if found.without == 1 else 'are'} not shown: enroll again with a CSV of "
            "identity,name,latitude,longitude."
        )
    if not found.spots:
        return
    if len(found.spots) > _DRAWN:
        ui.label(f"The first {_DRAWN:,} of them by name are on the map.")
    drawn = found.spots[:_DRAWN]
    map_ = PlaceMap(drawn, tiles, words="Map of all places", height="min(56vh, 560px)", nearest=5, wheel=True)
    _List(drawn, map_)


class _List:
    """The places as buttons, which show them on the map."""

    def __init__(self, spots: tuple[Spot, ...], map_: PlaceMap) -> None:
        self._spots, self._map = spots, map_
        self._text = ui.input("Name contains", on_change=lambda: self._fill(0)).props("outlined clearable")
        self._text.classes("w-full")
        self._box = ui.element("div").classes("spots w-full")
        self._pager = Pager(_LISTED, self._fill)
        self._fill(0)

    def _fill(self, first: int) -> None:
        wanted = (self._text.value or "").casefold()
        found = [number for number, one in enumerate(self._spots) if wanted in one.name.casefold()]
        self._box.clear()
        with self._box:
            if not found:
                ui.label("No place has such a name.")
            for number in found[first : first + _LISTED]:
                self._entry(number)
        self._pager.at(first, len(found))

    def _entry(self, number: int) -> None:
        spot = self._spots[number]
        with ui.element("div").classes("column"):
            ui.button(spot.name, on_click=lambda: self._map.show(number)).props(
                "flat no-caps dense align=left color=inherit"
            )
            ui.label(spot.position).classes("muted").style("padding-left: 4px; margin-top: -4px")
