"""Names that are too long, typed where people are renamed, merged and enrolled: one line, and nothing in the log."""

import pytest
from tests.service.console.browsing import MARKS, enroll, give, person

from lookalike.client import Client

pytestmark = MARKS

LONG = "x" * 1_200


@pytest.fixture
def two(page, service, faces):
    with Client(service.address, service.key) as client:
        client.enroll("Ada", faces["s01"][:1])
        client.enroll("Bob", faces["s02"][:1])
    return page


def acts(service):
    with Client(service.address, service.key) as client:
        return client.acts().acts, [one.name for one in client.people()]


def test_a_name_that_is_too_long_is_told_in_a_line(two, service, faces):
    before, page = acts(service), two
    page.goto(f"{service.address}/console/people")
    person(page, "Ada").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill(LONG)
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    line = page.get_by_text("has 1200 characters; at most 200 are allowed")
    line.wait_for()
    assert "\n" not in line.inner_text()
    assert len(line.inner_text()) < 150

    page.goto(f"{service.address}/console/people")
    person(page, "Ada").click()
    person(page, "Bob").click()
    page.get_by_role("button", name="Merge").click()
    page.get_by_label("Into the name").fill(LONG)
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    line.wait_for()

    page.goto(f"{service.address}/console/enroll")
    page.get_by_label("Name").fill(LONG)
    give(page, faces["s03"][0])
    page.locator("figure").wait_for()
    page.get_by_role("button", name="Enroll").click()
    line.wait_for()
    assert acts(service) == before
    enroll(page, service, "Eve", faces["s03"][:1])
