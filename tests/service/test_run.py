"""`lookalike serve` as a process: the first key, several workers, SIGTERM and SIGKILL under load, clear refusals."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from tests.service_server import Serving, command

from lookalike import open_gallery
from lookalike.client import Client, ServiceError

pytestmark = pytest.mark.network


def test_it_makes_a_key_answers_and_ends_well(serving, tiny_model, faces, tmp_path):
    service = serving("--model", tiny_model, "--gallery", tmp_path / "people.gallery", "--log-format", "json")
    with service.client() as client:
        client.enroll("Rumpelstiltskin", faces["s01"][:2])
        assert client.identify(faces["s01"][3]).pictures[0].answers[0].identity == "Rumpelstiltskin"
        client.person("Rumpelstiltskin")
    assert service.end() == 0
    assert "Traceback" not in service.said
    assert "Rumpelstiltskin" not in service.said
    assert service.said.count(service.key) == 1  # only when it was made
    assert '"route": "/v1/people/{name:path}"' in service.said
    # Started again, it knows the key, and makes none.
    again = serving("--model", tiny_model, "--gallery", tmp_path / "people.gallery")
    with Client(again.address, service.key) as client:
        while not client.ready():
            time.sleep(0.05)
        assert client.gallery().templates == 2
    assert "no API key" not in again.said


@pytest.mark.slow
def test_several_workers_are_one_service(serving, tiny_model, faces, tmp_path):
    service = serving("--model", tiny_model, "--gallery", tmp_path / "people.gallery", "--workers", "2")
    service.wait_for(r"(ready(.|\n)*ready)")
    with service.client() as client:
        client.enroll("Ada", faces["s01"][0])
    for _ in range(12):  # connections of their own, to either worker
        with Client(service.address, service.key) as client:
            assert client.identify(faces["s01"][1]).pictures[0].answers[0].identity == "Ada"
    import httpx2

    text = httpx2.get(f"{service.address}/metrics", headers={"Authorization": f"Bearer {service.key}"}).text
    counted = re.search(r'lookalike_requests_total\{method="POST",route="/v1/identify",status="200"\} ([0-9.]+)', text)
    assert float(counted[1]) == 12  # of both workers together
    assert service.end() == 0


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_acknowledged_enrolment_is_lost(serving, tiny_model, faces, tmp_path, how):
    service = serving("--model", tiny_model, "--gallery", tmp_path / "people.gallery")
    service.client().close()
    acknowledged, lock, refused = [], threading.Lock(), []

    def enroll(start):
        pictures = [path for own in faces.values() for path in own]
        with Client(service.address, service.key, retries=0) as client:
            for number in range(start, 100_000, 4):
                try:
                    client.enroll(f"person {number}", pictures[number % len(pictures)])
                except ServiceError as error:
                    refused.append(error)
                    return
                with lock:
                    acknowledged.append(f"person {number}")

    threads = [threading.Thread(target=enroll, args=(start,)) for start in range(4)]
    for one in threads:
        one.start()
    until = time.monotonic() + 60
    while len(acknowledged) < 40 and time.monotonic() < until:
        time.sleep(0.01)
    code = service.end(how)
    for one in threads:
        one.join(60)
    assert len(acknowledged) >= 40
    assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)
    with open_gallery(tmp_path / "people.gallery", create=False) as gallery:
        assert set(acknowledged) <= set(gallery.names())
        assert len(gallery) <= len(acknowledged) + len(threads)  # those on their way
    if how is signal.SIGTERM:  # what was accepted was answered
        assert {error.code for error in refused} <= {"unreachable", "overloaded"}


@pytest.mark.slow
def test_a_stream_of_events_does_not_hold_up_the_end(tiny_model, people_folder, tmp_path):
    data = json.dumps({"eight": str(people_folder)})
    service = Serving(
        "--model", tiny_model, "--gallery", tmp_path / "people.gallery", LOOKALIKE_SERVICE_DATA=data
    )  # fmt: skip
    try:
        with service.client() as client:
            job = client.start_job("train", data="eight", epochs=10_000)
            events = client.job_events(job.id)
            while next(events).state != "running":
                pass
            began = time.monotonic()
            os.killpg(service.process.pid, signal.SIGTERM)
            list(events)
        assert service.end() == 0
        assert time.monotonic() - began < 25  # 30 s is how long the server waits for what does not end
    finally:
        service.end(signal.SIGKILL)


def refusal(*arguments):
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=90)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def test_what_cannot_start_says_so_in_a_line(tiny_model, tmp_path):
    gallery = tmp_path / "people.gallery"
    assert str(tmp_path / "none") in refusal("--model", tmp_path / "none", "--gallery", gallery)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal("--model", tiny_model, "--gallery", gallery, "--port", port)
        assert f"port {port} cannot be listened on" in said
    file = tmp_path / "service.toml"
    file.write_text("prot = 1")
    assert "no setting 'prot'" in refusal("--config", file)
    with open_gallery(tmp_path / "other.gallery") as other:
        other.bind("0" * 16, "another", "cosine", 32)
    assert "another" in refusal("--model", tiny_model, "--gallery", tmp_path / "other.gallery")
