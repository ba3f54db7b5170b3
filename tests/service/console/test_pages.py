"""The console in a real Chromium: every page and flow, wrong keys, roles, a dead decoder, and axe's rules."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.service.console.browsing import LOOKS, MARKS, enroll, give, person, serious_faults, sign_in

from lookalike.client import Client
from lookalike.service.api_keys import ApiKeys

pytestmark = MARKS
PAGES = {
    "/": "Identify",
    "/verify": "Verify",
    "/enroll": "Enroll",
    "/people": "People",
    "/jobs": "Jobs",
    "/state": "State",
}


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


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_no_serious_fault_of_accessibility_and_nothing_wider_than_the_screen(context, service, browser, scheme, width):
    own = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, storage_state=context.storage_state()
    )
    page = own.new_page()
    found = []
    for path, title in {**PAGES, "/login": "Sign in"}.items():
        page.goto(f"{service.address}/console{path}")
        page.get_by_role("heading", name=title).wait_for()
        found += serious_faults(page, width)
    own.close()
    assert found == [], "\n".join(map(str, found))
