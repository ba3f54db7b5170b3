"""Places on a map: markers and a list, nothing asked from outside, tiles only where the settings name them."""

import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image
from tests.service.console.browsing import LOOKS, MARKS, give, serious_faults, signed_in
from tests.service_server import Serving

from lookalike import Embedder, LandmarkRecognizer
from lookalike.client import Client
from lookalike.landmarks.place_facts import read_places

pytestmark = MARKS

FACTS = """identity,name,latitude,longitude
s01,Sacré-Cœur,48.8867,2.3431
s02,<b>Sydney</b> Opera House,-33.8568,151.2153
s03,Machu Picchu,-13.1631,-72.545
s04,Somewhere,,
"""


@pytest.fixture(scope="module")
def places(tiny_model, people_folder, orl, tmp_path_factory):
    """A gallery of four places, of which one has no position."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "places.csv").write_text(FACTS, encoding="utf-8")
    names = ("s01", "s02", "s03", "s04")
    photos = [people_folder / name / f"{number}.png" for name in names for number in range(4)]
    others = orl.of(orl.names[9:29]).paths[::2][:100]
    with LandmarkRecognizer(Embedder.load(tiny_model), str(folder / "places.gallery")) as recognizer:
        recognizer.enroll(
            photos,
            [path.parent.name for path in photos],
            others,
            promise_fpr=0.1,
            facts=read_places(folder / "places.csv"),
        )
    return folder / "places.gallery"


@pytest.fixture(scope="module")
def service(tiny_model, places):
    with Serving("--model", tiny_model, "--gallery", places) as running:
        yield running


@pytest.fixture
def asked(context):
    """Every address that the browser asks, sockets included."""
    found = []
    context.on("request", lambda request: found.append(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: found.append(socket.url)))
    return found


def outside(asked, address):
    host = address.partition("://")[2]
    own = (f"http://{host}/", f"ws://{host}/", "data:", "blob:")
    return [url for url in asked if not url.startswith(own)]


def popup(page):
    return page.locator(".leaflet-popup-content")


def test_places_are_on_the_map_and_in_the_list_and_nobody_else_is_asked(asked, context, faults, service):
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"{service.address}/console/")
    page.get_by_role("link", name="Map").click()
    page.get_by_role("heading", name="Map").wait_for()
    page.get_by_text("3 places with a position.").wait_for()
    page.get_by_text("1 place has no position, and is not shown").wait_for()
    spots = page.locator(".map path.spot")
    spots.nth(2).wait_for()
    assert spots.count() == 3
    assert page.locator(".map path.land").count() == page.locator(".map path.border").count() == 1
    assert page.locator("img.leaflet-tile").count() == 0

    spots.nth(1).click()  # by name, after "<b>Sydney"
    popup(page).get_by_text("Machu Picchu (s03)", exact=True).wait_for()
    button = page.get_by_role("button", name="Sydney")
    button.focus()
    page.keyboard.press("Enter")
    popup(page).get_by_text("<b>Sydney</b> Opera House (s02)", exact=True).wait_for()
    page.get_by_text("33.8568° S, 151.2153° E").wait_for()

    page.get_by_label("Name contains").fill("sacr")
    button.wait_for(state="detached")
    page.get_by_role("button", name="Sacré-Cœur (s01)").wait_for()
    assert asked
    assert outside(asked, service.address) == []


def test_an_answer_about_a_place_has_a_map(asked, page, service, people_folder):
    page.goto(f"{service.address}/console/")
    page.get_by_text("it is compared with all places").wait_for()
    give(page, people_folder / "s02" / "4.png")
    page.get_by_text("<b>Sydney</b> Opera House is at 33.8568° S, 151.2153° E.").wait_for()
    page.get_by_role("cell", name="<b>Sydney</b> Opera House (s02)").wait_for()
    page.locator("article .map path.spot").wait_for()
    assert page.locator("article .map path.spot").count() == 1
    page.get_by_role("region", name="Map with <b>Sydney</b> Opera House").wait_for()
    give(page, people_folder / "s04" / "4.png")
    page.get_by_role("article").get_by_text("Somewhere", exact=True).first.wait_for()
    assert page.locator("article .map").count() == 0
    assert outside(asked, service.address) == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS[::3])
def test_maps_have_no_serious_fault_of_accessibility(context, service, browser, people_folder, width, scheme):
    own = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, storage_state=context.storage_state()
    )
    page = own.new_page()
    page.goto(f"{service.address}/console/map")
    page.locator(".map path.spot").first.wait_for()
    page.get_by_role("button", name="Machu Picchu").click()
    popup(page).wait_for()
    found = serious_faults(page, width)
    page.goto(f"{service.address}/console/")
    give(page, people_folder / "s02" / "4.png")
    page.locator("article .map path.spot").wait_for()
    found += serious_faults(page, width)
    own.close()
    assert found == [], "\n".join(map(str, found))


class _Tiles(BaseHTTPRequestHandler):
    """Answers every request with one small picture."""

    def do_GET(self):
        file = io.BytesIO()
        Image.new("RGB", (256, 256), (200, 220, 240)).save(file, "PNG")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(file.getvalue())

    def log_message(self, *_):
        pass


@pytest.fixture
def tiles():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tiles)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_tiles_of_the_settings_are_shown_and_pages_may_ask_their_host_alone(
    browser, service, places, tiny_model, tiles, faults
):
    named = {"LOOKALIKE_SERVICE_MAP_TILES": f"{tiles}/{{z}}/{{x}}/{{y}}.png"}
    other = Serving("--model", tiny_model, "--gallery", places, **named)
    try:
        until = time.monotonic() + 60
        with Client(other.address, service.key) as client:
            while not client.ready():
                assert time.monotonic() < until, other.said
                time.sleep(0.05)
        context = signed_in(browser, other, key=service.key)
        asked = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        answer = page.goto(f"{other.address}/console/map")
        assert f"img-src 'self' data: blob: {tiles};" in answer.headers["content-security-policy"]
        page.wait_for_function(
            "[...document.querySelectorAll('img.leaflet-tile')].some(tile => tile.complete && tile.naturalWidth == 256)"
        )
        page.get_by_text(f"Map tiles: {tiles.removeprefix('http://')}").wait_for()
        assert page.locator(".map path.land, .map path.border").count() == 0
        page.locator(".map path.spot").nth(2).wait_for()
        assert outside(asked, other.address) != []
        assert [url for url in outside(asked, other.address) if not url.startswith(f"{tiles}/")] == []
        context.close()
    finally:
        assert other.end() == 0, other.said
