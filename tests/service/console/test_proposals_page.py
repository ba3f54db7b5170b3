"""What the doctor proposes, carried out in the browser: confirmed, kept, taken back; what has changed is refused."""

import time

import pytest
from tests.service.console.browsing import LOOKS, MARKS, new_key, serious_faults, signed_in
from tests.service_server import Serving

from lookalike import Embedder, Recognizer
from lookalike.client import Client

pytestmark = MARKS


@pytest.fixture(scope="module")
def service(tiny_model, people_folder, tmp_path_factory):
    """People of whom one has two names, and one a template of another; their pictures can be read."""
    gallery = tmp_path_factory.mktemp("doctor") / "people.gallery"
    with Recognizer(Embedder.load(tiny_model), str(gallery)) as recognizer:
        for name, pictures in {
            "Ada": ["s01/0", "s01/1", "s01/2"],
            "Ada L": ["s01/3", "s01/4"],
            "Bob": ["s02/0", "s02/1", "s02/2"],
            "<i>Eve</i>": ["s03/0", "s03/1", "s03/2", "s02/4"],
        }.items():
            recognizer.enroll(name, [people_folder / f"{one}.png" for one in pictures])
    with Serving("--model", tiny_model, "--gallery", gallery) as running:
        yield running


@pytest.fixture(scope="module")
def client(service):
    with Client(service.address, service.key) as made:
        yield made


@pytest.fixture(scope="module")
def job(client):
    """A diagnosis that has ended."""
    made = client.start_job("doctor")
    until = time.monotonic() + 60
    while (found := client.job(made.id)).state != "done":
        assert found.state in ("queued", "running"), found.error
        assert time.monotonic() < until
        time.sleep(0.1)
    return made.id


@pytest.fixture(autouse=True)
def taken_back(client):
    """What a test has done to people is undone, for the next one."""
    yield
    for act in client.acts().acts:
        if not act.undone:
            client.undo(act.id)


def names(client):
    return {one.name: one.templates for one in client.people()}


def article(page, text):
    return page.get_by_role("article").filter(has_text=text)


def confirm(page, word):
    page.get_by_role("dialog").get_by_role("button", name=word).click()


MERGE, MOVE = "Merge Ada L into Ada", "Move 1 template of <i>Eve</i> to Bob"
BEFORE = {"Ada": 3, "Ada L": 2, "Bob": 3, "<i>Eve</i>": 4}


def test_a_proposal_is_confirmed_carried_out_kept_and_taken_back(page, service, client, job):
    page.goto(f"{service.address}/console/jobs")
    page.get_by_role("link", name="Findings, and what can be done").click()
    page.get_by_role("heading", name="Findings of the doctor").wait_for()
    page.get_by_role("heading", name="One person or look-alikes").wait_for()
    merging = article(page, "Ada · Ada L")
    merging.get_by_role("button", name=MERGE).wait_for()
    pictures = merging.get_by_role("img")
    assert pictures.count() >= 2
    assert all(pictures.nth(one).evaluate("image => image.naturalWidth") > 50 for one in range(pictures.count()))

    merging.get_by_role("button", name=MERGE).click()
    page.get_by_role("dialog").get_by_text(f"{MERGE}? It can be taken back.").wait_for()
    confirm(page, "Cancel")
    assert names(client) == BEFORE
    merging.get_by_role("button", name=MERGE).click()
    confirm(page, "Merge")
    merging.get_by_text("Done: Ada L is Ada now (by first key").wait_for()
    assert names(client) == {"Ada": 5, "Bob": 3, "<i>Eve</i>": 4}
    entry = list(client.audit())[-1]
    assert (entry.act, entry.actor.split(" (")[0]) == ("merge", "first key")

    page.reload()
    merging.get_by_text("Done: Ada L is Ada now").wait_for()
    merging.get_by_role("button", name="Undo").click()
    merging.get_by_role("button", name=MERGE).wait_for()
    assert names(client) == BEFORE


def test_an_operator_carries_out_one_after_the_other_and_names_are_text(browser, service, client, job):
    context = signed_in(browser, service, key=new_key(service, "operator"))
    page = context.new_page()
    page.goto(f"{service.address}/console/proposals/{job}")
    for word, button in (("Move", MOVE), ("Merge", MERGE)):
        page.get_by_role("button", name=button).click()
        confirm(page, word)
        page.get_by_role("button", name=button).wait_for(state="detached")
    article(page, "Done: 1 template moved from <i>Eve</i> to Bob (by operator").wait_for()
    assert names(client) == {"Ada": 5, "Bob": 4, "<i>Eve</i>": 3}
    assert [entry.actor.split(" (")[0] for entry in client.audit()][-2:] == ["operator", "operator"]
    context.close()


def test_a_reader_may_not_see_them_and_a_job_that_there_is_not_is_told(browser, page, service, job):
    context = signed_in(browser, service, key=new_key(service, "reader"))
    reader = context.new_page()
    reader.goto(f"{service.address}/console/proposals/{job}")
    reader.get_by_text("needs a key of the role operator").wait_for()
    context.close()
    page.goto(f"{service.address}/console/proposals/nothing")
    page.get_by_text("there is no job 'nothing'").wait_for()


def test_the_page_has_no_serious_fault_of_accessibility(context, service, browser, job):
    found = []
    for width, scheme in LOOKS[::3]:
        own = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, storage_state=context.storage_state()
        )
        page = own.new_page()
        page.goto(f"{service.address}/console/proposals/{job}")
        page.get_by_role("button", name=MERGE).wait_for()
        found += serious_faults(page, width)
        page.get_by_role("button", name=MERGE).click()
        page.get_by_role("dialog").wait_for()
        # axe takes the dimmed page for the background of what lies above it.
        found += serious_faults(page, width, leave_out=("color-contrast",))
        own.close()
    assert found == [], "\n".join(map(str, found))


def test_what_somebody_has_changed_is_refused_in_one_line(page, service, client, job):
    page.goto(f"{service.address}/console/proposals/{job}")
    client.rename("Bob", "Robert")
    client.rename("Ada L", "Ada Lovelace")
    held, acts = names(client), client.acts().acts
    for word, button, whose in (("Move", MOVE, "Bob"), ("Merge", MERGE, "Ada L")):
        page.get_by_role("button", name=button).click()
        confirm(page, word)
        line = page.get_by_text(f"nothing was done: the templates of {whose} have changed since the diagnosis")
        line.wait_for()
        assert "\n" not in line.inner_text()
        page.get_by_role("button", name=button).wait_for()
    assert (names(client), client.acts().acts) == (held, acts)
