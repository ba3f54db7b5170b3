"""Maps of the world on pages: outlines of land that come with the program, or map tiles of the settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from nicegui import ui

__all__ = ["PlaceMap", "Spot"]

#: How near a map goes: outlines of land say nothing nearer, tiles do.
_NEAREST_LAND, _NEAREST_TILES = 7, 18
#: How near it goes by itself to show a place on tiles.
_PLACE_ON_TILES = 14

#: Names are set as text. `L` is Leaflet, which NiceGUI loads with the map.
_DRAW = """
const map = getElement(%(id)s).map, group = L.featureGroup().addTo(map);
map.spots = %(spots)s.map(([name, latitude, longitude]) => {
  const words = document.createElement('span');
  words.textContent = name;
  return L.circleMarker([latitude, longitude], {radius: 7, className: 'spot'}).bindPopup(words).addTo(group);
});
if (map.spots.length) map.fitBounds(group.getBounds(), {maxZoom: %(nearest)s, padding: [28, 28], animate: false});
"""
_SHOW = """
const map = getElement(%(id)s).map, spot = map.spots[%(number)s];
map.setView(spot.getLatLng(), Math.max(map.getZoom(), %(nearest)s), {animate: false});
spot.openPopup();
"""


@dataclass(frozen=True)
class Spot:
    """A place on a map; degrees, north and east positive."""

    name: str
    latitude: float
    longitude: float

    @property
    def position(self) -> str:
        """In words: `48.8867° N, 2.3431° E`."""
        north, east = "N" if self.latitude >= 0 else "S", "E" if self.longitude >= 0 else "W"
        return f"{abs(self.latitude):.4f}° {north}, {abs(self.longitude):.4f}° {east}"


@cache
def _world() -> dict[str, Any]:
    """Land and borders between countries, as GeoJSON."""
    found: dict[str, Any] = json.loads(resources.files(__package__).joinpath("world.json").read_bytes())
    return found


class PlaceMap:
    """A map with markers, which the browser draws once it is there.

    Args:
        spots: the places.
        tiles: address of map tiles, see `ServiceSettings.map_tiles`; None for outlines of land.
        words: what the map is, for those who do not see it.
        height: of CSS.
        nearest: how near a map of outlines goes by itself, in Leaflet's zoom levels.
        wheel: whether the mouse's wheel makes it larger, and does not move the page.
    """

    def __init__(
        self, spots: Sequence[Spot], tiles: str | None, *, words: str, height: str, nearest: int, wheel: bool
    ) -> None:
        self._spots, self._nearest = spots, nearest if tiles is None else _PLACE_ON_TILES
        options = {
            "attributionControl": False,
            "maxBounds": [[-85.06, -180], [85.06, 180]],
            "maxBoundsViscosity": 1,
            "minZoom": 0,
            "maxZoom": _NEAREST_LAND if tiles is None else _NEAREST_TILES,
            "scrollWheelZoom": wheel,
            "zoomSnap": 0.25 if tiles is None else 1,
        }
        self._map = ui.leaflet((20.0, 0.0), 1, options=options).classes("map").style(f"height: {height}")
        self._map.props('role="region"').props["aria-label"] = words
        self._map.clear_layers()  # NiceGUI's own are the tiles of OpenStreetMap
        if tiles is None:
            for part in ("land", "borders"):
                look = {"className": part.removesuffix("s"), "interactive": False, "smoothFactor": 0.5, "weight": 0.8}
                self._map.generic_layer(name="geoJSON", args=[_world()[part], look])
        else:
            self._map.tile_layer(url_template=tiles, options={"maxZoom": _NEAREST_TILES, "noWrap": True})
            ui.label(f"Map tiles: {urlsplit(tiles.replace('{s}.', '')).netloc}").classes("muted")
        self._map.on("init", self._draw)

    def _draw(self) -> None:
        spots = json.dumps([(one.name, one.latitude, one.longitude) for one in self._spots])
        ui.run_javascript(_DRAW % {"id": self._map.id, "spots": spots, "nearest": self._nearest})

    def show(self, number: int) -> None:
        """Bring a place into view, with its name."""
        ui.run_javascript(_SHOW % {"id": self._map.id, "number": int(number), "nearest": self._nearest})
