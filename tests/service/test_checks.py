"""What the doctor says of a service's keys, address and processes."""

import http.server
import threading

import pytest

from lookalike.service import ServiceSettings, checks
from lookalike.service.api_keys import ApiKeys
from lookalike.service.checks import looked_at, service_checks


@pytest.fixture
def settings(tmp_path):
    return ServiceSettings(gallery=str(tmp_path / "people.gallery"), port=0)


def found(settings):
    return {one.check: one for _, look in service_checks(settings) for one in look()}


def test_keys(settings):
    assert found(settings)["keys"].verdict == "warning"  # none yet
    keys = ApiKeys(settings.keys_file)
    keys.add("desk", "reader")
    assert "nobody may see the audit log" in found(settings)["keys"].said
    keys.add("boss", "admin")
    assert (found(settings)["keys"].verdict, found(settings)["keys"].said) == ("ok", "2 keys: 1 admin, 1 reader")
    settings.keys_file.chmod(0o644)
    assert "644" in found(settings)["keys"].said
    settings.keys_file.write_text("{")
    assert found(settings)["keys"].verdict == "fault"


def test_an_address_that_is_free_ours_or_of_another_program(shared_service, settings):
    assert found(settings)["address"].verdict == "ok"
    port = int(shared_service.address.rpartition(":")[2])
    ours = found(settings.model_copy(update={"port": port}))["address"]
    assert (ours.verdict, "answers" in ours.said) == ("ok", True)
    other = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    try:
        theirs = found(settings.model_copy(update={"port": other.server_port}))["address"]
    finally:
        other.shutdown()
        thread.join()
        other.server_close()
    assert (theirs.verdict, "another program" in theirs.said) == ("fault", True)


def test_an_address_that_others_reach_is_told(settings):
    open_to_all = found(settings.model_copy(update={"host": "0.0.0.0"}))["address"]
    assert open_to_all.verdict == "warning"
    assert "TLS" in open_to_all.advice


def test_processes_that_do_not_fit_are_told(settings, monkeypatch):
    monkeypatch.setattr(checks, "memory_available", lambda: 64 * 2**30)
    assert found(settings)["processes"].verdict == "ok"
    monkeypatch.setattr(checks, "memory_available", lambda: 5 * 2**30)
    assert found(settings.model_copy(update={"decoders": 8}))["processes"].verdict == "warning"
    monkeypatch.setattr(checks, "memory_available", lambda: 2**20)
    assert found(settings)["processes"].verdict == "fault"


def test_the_doctor_looks_at_what_the_service_would_use(settings):
    of_service = looked_at(settings.model_copy(update={"fpir": 0.01, "model": "model"}), whole=False)
    assert (of_service.model, of_service.fpir, of_service.whole) == ("model", 0.01, False)
    assert (of_service.gallery, of_service.state) == (settings.gallery, settings.state_folder)
