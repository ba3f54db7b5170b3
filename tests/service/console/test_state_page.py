"""How the service does, on the page of its state: the numbers of `/metrics`, for operators, as they change."""

import os
import re
import signal
import subprocess

import httpx2
import pytest
from tests.service.console.browsing import LOOKS, MARKS, new_key, serious_faults, sign_in

from lookalike.client import Client, ServiceError

pytestmark = MARKS


def value(page, name):
    """What stands beside a name."""
    return page.get_by_text(name, exact=True).locator("xpath=following-sibling::*[1]")


def test_numbers_follow_what_is_asked_and_are_those_of_metrics(page, service, faces):
    page.goto(f"{service.address}/console/state")
    value(page, "Threads at work").wait_for()
    assert value(page, "Answered within").inner_text() == "nothing was asked"
    assert page.get_by_role("img", name="over the last ten minutes").count() == 2
    with Client(service.address, service.key) as client:
        client.enroll("Ada", faces["s01"][:2])
        for _ in range(20):
            client.identify(faces["s01"][2])
        for broken in (b"no picture", b"nor this"):
            with pytest.raises(ServiceError):
                client.identify(broken)
    assert httpx2.get(f"{service.address}/v1/service").status_code == 401
    page.get_by_text(re.compile(r"\d+\.\d \(enroll \d\.\d, identify \d+\.\d, other \d\.\d\)")).wait_for()
    page.get_by_text(re.compile(r"\d+ ms \(half of them\), \d+ ms \(99 of 100\)")).wait_for()
    page.get_by_text("unauthenticated 1, unusable picture 2").wait_for()
    page.get_by_text("2 run, 0 died").or_(page.get_by_text("1 run, 0 died")).wait_for()
    assert float(value(page, "Pictures in a batch").inner_text()) >= 1
    assert int(value(page, "Memory").inner_text().split()[0].replace(",", "")) > 50
    assert page.locator(".charts svg path").count() > 0
    children = ["pgrep", "-P", str(service.process.pid), "-f", "decoding_worker"]
    for pid in subprocess.run(children, capture_output=True, text=True, check=True).stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    page.get_by_text("0 run, 0 died").wait_for()
    with Client(service.address, service.key) as client:
        client.identify(faces["s01"][2])
    page.get_by_text("1 run, 1 died").wait_for()
    metrics = httpx2.get(f"{service.address}/metrics", headers={"Authorization": f"Bearer {service.key}"}).text
    assert 'lookalike_refusals_total{code="unusable_picture"} 2.0' in metrics
    assert "process_resident_memory_bytes" in metrics


def test_a_reader_sees_what_answers_and_no_numbers(browser, service):
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, service, new_key(service, "reader"))
    page.get_by_role("link", name="State").click()
    value(page, "Version").wait_for()
    assert page.get_by_text("Threads at work").count() == 0
    context.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS[::3])
def test_numbers_and_charts_have_no_serious_fault_of_accessibility(context, service, browser, width, scheme):
    own = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, storage_state=context.storage_state()
    )
    page = own.new_page()
    page.goto(f"{service.address}/console/state")
    value(page, "Memory").wait_for()
    page.locator(".charts svg").nth(1).wait_for()
    found = serious_faults(page, width)
    own.close()
    assert found == [], "\n".join(map(str, found))
