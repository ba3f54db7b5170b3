"""A service as a process, and a Chromium that is signed in to its console."""

import json

import pytest
from tests.service.console.browsing import CHROMIUM, signed_in
from tests.service_server import Serving


@pytest.fixture(scope="module")
def service(tiny_model, people_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    data = json.dumps({"eight": str(people_folder)})
    with Serving("--model", tiny_model, "--gallery", folder / "people.gallery", LOOKALIKE_SERVICE_DATA=data) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *camera])
        yield opened
        opened.close()


@pytest.fixture
def faults():
    """What went wrong in the browser during a test."""
    found = []
    yield found
    assert found == [], "\n".join(map(str, found))


@pytest.fixture
def context(browser, service):
    """A browser that is signed in as admin."""
    made = signed_in(browser, service, viewport={"width": 1280, "height": 900})
    yield made
    made.close()


@pytest.fixture
def page(context, faults):
    made = context.new_page()
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    return made
