"""The console in a real Chromium: every page and flow, wrong keys, roles, a dead decoder, and axe's rules."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from tests.service_server import Serving

from lookalike.client import Client
from lookalike.service.api_keys import ApiKeys

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
PAGES = {
    "/": "Identify",
    "/verify": "Verify",
    "/enroll": "Enroll",
    "/people": "People",
    "/jobs": "Jobs",
    "/state": "State",
}


@pytest.fixture(scope="module")
def faces(people_folder):
    return {person.name: sorted(person.iterdir()) for person in sorted(people_folder.iterdir())}


@pytest.fixture(scope="module")
def service(tiny_model, people_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    data = json.dumps({"eight": str(people_folder)})
    running = Serving("--model", tiny_model, "--gallery", folder / "people.gallery", LOOKALIKE_SERVICE_DATA=data)
    try:
        running.client().close()
        yield running
    finally:
        assert running.end() == 0, running.said
        assert "Traceback" not in running.said, running.said


@pytest.fixture(scope="module")
def browser():
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
def context(browser, service, faults):
    """A browser that is signed in as admin."""
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    page = made.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    sign_in(page, service, service.key)
    page.get_by_role("heading", name="Identify").wait_for()
    page.close()
    yield made
    made.close()


def sign_in(page, service, key):
    page.goto(f"{service.address}/console/")
    page.wait_for_url("**/console/login")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def page(context, faults):
    made = context.new_page()
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    return made


def give(page, picture, place=0):
    page.locator("input[type=file]").nth(place).set_input_files(str(picture))


def person(page, name):
    """The checkbox of somebody on the page of people."""
    return page.get_by_role("checkbox", name=name, exact=True)


def enroll(page, service, name, pictures):
    page.goto(f"{service.address}/console/enroll")
    page.get_by_label("Name").fill(name)
    for number, picture in enumerate(pictures):
        give(page, picture)
        page.locator("figure").nth(number).wait_for()
    page.get_by_role("button", name="Enroll").click()
    page.get_by_text(f"Enrolled {name}").wait_for()


def test_a_wrong_key_is_refused_and_nothing_is_shown_without_one(browser, service):
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, service, "lk-000000000000-0")
    page.get_by_text("the API key is wrong").wait_for()
    for path in PAGES:
        page.goto(f"{service.address}/console{path}")
        page.wait_for_url("**/console/login")
    assert page.request.get(f"{service.address}/console/reports/x").status == 403
    context.close()


def test_people_are_enrolled_identified_renamed_merged_and_forgotten(page, service, faces):
    enroll(page, service, "Ada", faces["s01"][:2])
    enroll(page, service, "Bob", faces["s02"][:1])
    enroll(page, service, "Bobby", faces["s02"][1:2])
    page.goto(f"{service.address}/console/")
    give(page, faces["s01"][4])
    page.get_by_role("article").get_by_text("Ada", exact=True).first.wait_for()
    give(page, faces["s08"][0])
    page.get_by_role("article").get_by_text("nobody", exact=True).wait_for()

    page.goto(f"{service.address}/console/people")
    for name in ("Bob", "Bobby"):
        person(page, name).click()
    page.get_by_role("button", name="Merge").click()
    page.get_by_label("Into the name").fill("Bob")
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    page.get_by_text("Merged into Bob").wait_for()
    person(page, "Bobby").wait_for(state="detached")
    page.get_by_role("button", name="Undo merge").click()
    page.get_by_text("Taken back.", exact=True).wait_for()
    person(page, "Bobby").wait_for()

    page.get_by_label("Name begins with").fill("Ad")
    person(page, "Bob").wait_for(state="detached")
    person(page, "Ada").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("Ada Lovelace")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    page.get_by_text("Renamed to Ada Lovelace").wait_for()
    person(page, "Ada Lovelace").click()
    page.get_by_role("button", name="Forget").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    page.get_by_text("Forgot Ada Lovelace").wait_for()
    with Client(service.address, service.key) as client:
        assert [one.name for one in client.people()] == ["Bob", "Bobby"]
        assert {entry.actor.split(" (")[0] for entry in client.audit()} == {"first key"}


def test_a_page_of_a_key_that_was_revoked_does_nothing_more(browser, service, faces):
    keys = ApiKeys(Path(service.wait_for(r"keys: (\S+)\)")))
    text, key = keys.add("leaver", "operator")
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, service, text)
    page.get_by_role("heading", name="Identify").wait_for()
    page.goto(f"{service.address}/console/enroll")
    page.get_by_label("Name").wait_for()
    keys.revoke(key.id)
    give(page, faces["s01"][0])
    page.wait_for_url("**/console/login")
    context.close()


def test_a_name_is_text_wherever_it_is_shown(page, service, faces):
    name = "<img src=x onerror='window.done=1'>"
    enroll(page, service, name, faces["s04"][:1])
    page.goto(f"{service.address}/console/people")
    person(page, name).click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_text(name).wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.goto(f"{service.address}/console/")
    give(page, faces["s04"][2])
    page.get_by_role("article").get_by_text(name).first.wait_for()
    assert page.evaluate("window.done") is None
    with Client(service.address, service.key) as client:
        client.forget(name)


def test_two_pictures_are_compared(page, service, faces):
    page.goto(f"{service.address}/console/verify")
    give(page, faces["s01"][0], 0)
    page.get_by_alt_text("The picture as it was given").wait_for()
    give(page, faces["s01"][3], 1)
    page.get_by_text("The same", exact=True).wait_for()
    assert page.get_by_role("img", name="Distance").count() == 1
    assert page.get_by_alt_text("What was compared").count() == 2
    page.get_by_text("impostor pairs match").first.wait_for()  # what the threshold rests on
    give(page, faces["s05"][0], 1)
    page.get_by_text("Different", exact=True).wait_for()


def test_what_is_no_picture_is_told_and_the_page_goes_on(page, service, faces, tmp_path):
    (tmp_path / "no.png").write_bytes(b"hello")
    page.goto(f"{service.address}/console/")
    give(page, tmp_path / "no.png")
    page.get_by_text("is not a picture Lookalike reads").wait_for()
    for pid in subprocess.run(
        ["pgrep", "-P", str(service.process.pid), "-f", "decoding_worker"], capture_output=True, text=True
    ).stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    give(page, faces["s01"][0])
    page.get_by_role("article").first.wait_for()


def test_a_picture_is_taken_by_the_camera(page, context, service):
    context.grant_permissions(["camera"], origin=service.address)
    page.goto(f"{service.address}/console/")
    page.get_by_role("button", name="Take a picture").click()
    page.get_by_role("article").first.wait_for()


def test_the_doctor_is_started_and_its_report_opened(page, context, service, faces):
    enroll(page, service, "Eve", faces["s03"][:2])
    page.goto(f"{service.address}/console/jobs")
    page.get_by_role("button", name="Start the doctor").click()
    link = page.get_by_role("link", name="Report").first
    link.wait_for(timeout=60_000)
    with context.expect_page() as opened:
        link.click()
    opened.value.get_by_role("heading").first.wait_for()


def test_a_reader_sees_no_pages_of_operators(browser, service):
    with Client(service.address, service.key) as client:
        assert client.service().role == "admin"
    keys = service.wait_for(r"keys: (\S+)\)")
    made = subprocess.run(
        [str(service.command), "keys", "add", "front desk", "--role", "reader", "--keys", keys],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, service, made)
    page.get_by_text("front desk, reader").wait_for()
    assert [link.inner_text() for link in page.get_by_role("navigation").get_by_role("link").all()] == [
        "Identify",
        "Verify",
        "State",
    ]
    page.goto(f"{service.address}/console/people")
    page.get_by_text("needs a key of the role operator").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/login")
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_no_serious_fault_of_accessibility_and_nothing_wider_than_the_screen(context, service, browser, scheme, width):
    own = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, storage_state=context.storage_state()
    )
    page = own.new_page()
    found = []
    for path, title in {**PAGES, "/login": "Sign in"}.items():
        page.goto(f"{service.address}/console{path}")
        page.get_by_role("heading", name=title).wait_for()
        page.wait_for_timeout(300)  # colours fade in
        found += [
            (path, fault["id"], [node["html"][:160] for node in fault["nodes"]][:3])
            for fault in axe.Axe().run(page).response["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    own.close()
    assert found == [], "\n".join(map(str, found))
