"""Pictures that are too much: more bytes or pixels than the service takes give one line, and the page lives on."""

import re

import pytest
from PIL import Image
from tests.service.console.browsing import MARKS, give
from tests.service_server import Serving

pytestmark = MARKS

BYTES, PIXELS = 60_000, 200_000


@pytest.fixture(scope="module")
def service(tiny_model, tmp_path_factory):
    gallery = tmp_path_factory.mktemp("limits") / "people.gallery"
    limits = {"LOOKALIKE_SERVICE_MAX_BODY": str(BYTES), "LOOKALIKE_SERVICE_MAX_PIXELS": str(PIXELS)}
    with Serving("--model", tiny_model, "--gallery", gallery, **limits) as running:
        yield running


@pytest.fixture
def too_much(people_folder, tmp_path):
    """Files: of more bytes, of all but as many bytes (with the form around it it is too much), of more pixels."""
    content = (people_folder / "s01" / "0.png").read_bytes()
    for name, size in (("bytes", BYTES + 1), ("form", BYTES - 20)):
        (tmp_path / f"{name}.png").write_bytes(content + bytes(size - len(content)))
    Image.new("L", (1000, 400)).save(tmp_path / "pixels.png")
    (tmp_path / "text.txt").write_text("no picture")
    return tmp_path


def told(page):
    """The line of the only message on the page, which is then closed."""
    page.locator(".q-notification").first.wait_for()
    assert page.locator(".q-notification").count() == 1
    line = page.locator(".q-notification__message").inner_text()
    if (close := page.get_by_role("button", name="Close")).count():
        close.click()
    page.locator(".q-notification").wait_for(state="detached", timeout=20_000)
    return line


WRONG = {
    "bytes.png": r"The picture is larger than 60,000 bytes; give a smaller one\.",
    "form.png": r"The picture did not arrive: the service takes at most 60,000 bytes",
    "pixels.png": r"the picture has 1000×400 pixels; at most 200,000 are read, make it smaller",
    "text.txt": r"This is no picture; give a JPEG, PNG or other picture file\.",
}


@pytest.mark.parametrize("name", list(WRONG))
def test_too_much_gives_one_line_where_somebody_is_identified(context, service, too_much, faces, name):
    page = context.new_page()
    page.goto(f"{service.address}/console/")
    give(page, too_much / name)
    assert re.search(WRONG[name], told(page))
    give(page, faces["s01"][0])
    page.get_by_role("article").get_by_text("nobody", exact=True).wait_for()


def test_too_much_gives_one_line_where_somebody_is_enrolled(context, service, too_much, faces):
    page = context.new_page()
    page.goto(f"{service.address}/console/enroll")
    for name, message in WRONG.items():
        give(page, too_much / name)
        assert re.search(message, told(page))
        assert page.locator("figure").count() == 0
    page.get_by_label("Name").fill("Ada")
    give(page, faces["s01"][0])
    page.locator("figure").wait_for()
    page.get_by_role("button", name="Enroll").click()
    page.get_by_text("Enrolled Ada, 1 pictures").wait_for()
