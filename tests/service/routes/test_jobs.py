"""Jobs over HTTP: real verbs in processes of their own, followed, cancelled, and their reports read."""

import os
import signal
import subprocess
import time

import httpx2
import pytest
from tests.service_server import running_service

from lookalike.client import ServiceError
from lookalike.service.jobs.job_store import ENDED

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def service(tiny_model, people_folder, tmp_path_factory):
    settings = {"data": {"eight": str(people_folder), "gone": "/nowhere"}, "model": str(tiny_model)}
    with running_service(tmp_path_factory.mktemp("service"), **settings) as running:
        with running.client() as client:
            for person in sorted(people_folder.iterdir())[:4]:
                client.enroll(person.name, sorted(person.iterdir())[:3])
        yield running


@pytest.fixture
def client(service):
    with service.client() as made:
        yield made
        for job in made.jobs().jobs:  # what a test that failed left would keep the next one waiting
            if job.state not in ENDED:
                made.cancel_job(job.id)
                ended(made, job.id)


def ended(client, job_id, seconds=120):
    until = time.monotonic() + seconds
    while (job := client.job(job_id)).state not in ENDED:
        assert time.monotonic() < until, job
        time.sleep(0.1)
    return job


def test_a_job_that_is_asked_for_twice_under_a_key_is_started_once(client):
    first = client.start_job("doctor", key="once")
    assert client.start_job("doctor", key="once").id == first.id
    assert client.start_job("doctor", key="twice").id != first.id
    assert ended(client, first.id).state == "done"


def test_an_evaluation_is_followed_and_its_report_read(client, service):
    job = client.start_job("evaluate", data="eight")
    assert (job.state, job.kind, job.caller.split(" (")[0]) == ("queued", "evaluate", "admin")
    events = list(client.job_events(job.id))
    assert [one.state for one in events if one.state] == ["running", "done"]
    assert [one.n for one in events] == list(range(1, len(events) + 1))
    assert any(one.stage and one.total for one in events)
    assert list(client.job_events(job.id, after=events[-2].n)) == events[-1:]
    done = client.job(job.id)
    assert (done.state, done.error) == ("done", "")
    assert done.started_at <= done.ended_at
    assert isinstance(done.result, dict)
    files = client.job_files(job.id).files
    assert files["report.html"] > 1000
    report = client.job_file(job.id, "report.html")
    assert len(report) == files["report.html"]
    answer = httpx2.get(f"{service.address}/v1/jobs/{job.id}/files/report.html", headers=service.headers())
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert client.jobs().jobs[0].id == job.id
    for name in ("../job.json", "..%2Fjob.json", "/etc/passwd", "none"):
        with pytest.raises(ServiceError) as unknown:
            client.job_file(job.id, name)
        assert unknown.value.status == 404


def test_an_operator_asks_for_the_doctor_and_for_nothing_else(service):
    with service.client("operator") as operator:
        job = operator.start_job("doctor")
        done = ended(operator, job.id)
        assert done.state == "done", done.error
        assert "findings.json" in operator.job_files(job.id).files
        for kind, options in (("evaluate", {"data": "eight"}), ("train", {"data": "eight"})):
            with pytest.raises(ServiceError, match="role admin"):
                operator.start_job(kind, **options)


def test_what_fails_says_why(client):
    job = ended(client, client.start_job("evaluate", data="gone").id)
    assert job.state == "failed"
    assert "/nowhere" in job.error
    assert "Traceback" not in job.error


def test_names_are_of_the_settings_and_never_paths(client, people_folder):
    for data in (str(people_folder), "other", ""):
        with pytest.raises(ServiceError) as refused:
            client.start_job("evaluate", data=data)
        assert refused.value.status == 422
    with pytest.raises(ServiceError) as refused:
        client.start_job("evaluate", data="eight", output="/tmp/x")
    assert refused.value.status == 422
    with pytest.raises(ServiceError) as refused:
        client.start_job("format-disk")
    assert refused.value.status == 422


def test_a_job_is_cancelled_while_it_runs_and_while_it_waits(client):
    running = client.start_job("train", data="eight", epochs=10_000)
    waiting = client.start_job("train", data="eight")
    for event in client.job_events(running.id):
        if event.state == "running":
            break
    assert client.cancel_job(waiting.id).state == "queued"
    assert client.cancel_job(running.id).state == "running"
    assert ended(client, running.id).state == "cancelled"
    assert ended(client, waiting.id).state == "cancelled"
    assert client.cancel_job(waiting.id).state == "cancelled"


def test_a_job_that_dies_is_told(client):
    job = client.start_job("train", data="eight", epochs=10_000)
    for event in client.job_events(job.id):
        if event.state == "running":
            break
    asked, pids = ["pgrep", "-P", str(os.getpid()), "-f", "lookalike train"], []
    while not pids:  # its state is told before the process is started
        pids = subprocess.run(asked, capture_output=True, text=True).stdout.split()
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    done = ended(client, job.id)
    assert done.state == "failed"
    assert done.error


def test_a_service_that_ends_interrupts_its_job(tiny_model, people_folder, tmp_path):
    settings = {"data": {"eight": str(people_folder)}, "model": str(tiny_model)}
    with running_service(tmp_path, **settings) as first, first.client() as client:
        job = client.start_job("train", data="eight", epochs=10_000)
        for event in client.job_events(job.id):
            if event.state == "running":
                break
    with running_service(tmp_path, **settings) as second, second.client() as client:
        found = client.job(job.id)
        assert (found.state, found.error) == ("interrupted", "the service ended meanwhile")


def test_unknown_jobs(client):
    for job_id in ("20260101000000000000-00000000", "..", "x"):
        with pytest.raises(ServiceError) as unknown:
            client.job(job_id) if job_id != ".." else client.job_files("x")
        assert unknown.value.status == 404
