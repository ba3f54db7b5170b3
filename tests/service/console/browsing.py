"""What tests of the console do in a browser."""

import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MARKS = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
#: Widths of the screen and colour schemes in which pages are looked at.
LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


def sign_in(page, service, key):
    page.goto(f"{service.address}/console/")
    page.wait_for_url("**/console/login")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def signed_in(browser, service, key=None, **options):
    """A context of a browser whose pages are signed in as admin."""
    made = browser.new_context(**options)
    page = made.new_page()
    sign_in(page, service, key or service.key)
    page.get_by_role("heading", name="Identify").wait_for()
    page.close()
    return made


def new_key(service, role):
    """A key that is made while the service runs, named as its role."""
    keys = service.wait_for(r"keys: (\S+)\)")
    command = [str(service.command), "keys", "add", role, "--role", role, "--keys", keys]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


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


def serious_faults(page, width, *, leave_out=()):
    """What axe finds of a page as it is now, but for some rules, and whether it is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.wait_for_timeout(500)  # colours fade in
    found = [
        (page.url, fault["id"], [node["html"][:160] for node in fault["nodes"]][:3])
        for fault in axe.Axe().run(page).response["violations"]
        if fault["impact"] in ("serious", "critical") and fault["id"] not in leave_out
    ]
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
        found.append((page.url, f"{wide} pixels wide", []))
    return found
