"""What frames every request: ids, headers, hosts, slow bodies, faults of ours."""

import socket
import time

import httpx2
import pytest
from tests.service_server import running_service

pytestmark = pytest.mark.network


def test_ids_and_security_headers(shared_service):
    answer = httpx2.get(f"{shared_service.address}/health/live", headers={"X-Request-ID": "abc-1"})
    assert answer.headers["X-Request-ID"] == "abc-1"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "server" not in answer.headers
    other = httpx2.get(f"{shared_service.address}/health/live", headers={"X-Request-ID": "a b"})
    assert other.headers["X-Request-ID"] != "a b"
    assert len(other.headers["X-Request-ID"]) == 16


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_another_host_is_refused(shared_service, host):
    answer = httpx2.get(f"{shared_service.address}/health/live", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "unknown_host")


@pytest.mark.parametrize(
    ("host", "origin"), [("evil.example", "http://evil.example"), ("127.0.0.1", "http://evil.example")]
)
def test_no_page_elsewhere_opens_a_socket(shared_service, host, origin):
    name, port = shared_service.address.removeprefix("http://").split(":")
    with socket.create_connection((name, int(port)), timeout=20) as connection:
        connection.sendall(
            f"GET /console/_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Origin: {origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert connection.recv(10_000).startswith(b"HTTP/1.1 403")


def test_a_body_that_does_not_arrive_is_not_waited_for(tiny_model, tmp_path):
    with running_service(tmp_path, model=str(tiny_model), upload_seconds=0.5) as service:
        host, port = service.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            head = f"POST /v1/embed HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {service.keys['reader']}\r\n"
            connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{".encode())
            began = time.monotonic()
            answer = connection.recv(10_000).decode()
            assert time.monotonic() - began < 10
        assert answer.startswith("HTTP/1.1 408")
        assert "slow_request" in answer


def test_a_fault_of_ours_is_told_in_the_same_form(service, client, faces, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(service.app.state.recognition, "embed", broken)
    answer = httpx2.post(
        f"{service.address}/v1/embed",
        headers=service.headers(),
        files=[("pictures", ("a", faces["s01"][0].read_bytes()))],
    )
    assert answer.status_code == 500
    told = answer.json()["error"]
    assert told["code"] == "internal"
    assert "secret" not in answer.text
    assert told["request_id"] in caplog.text
    assert "a secret of ours" in caplog.text
    assert client.ready()


def test_measures_tell_routes_and_decisions(service, faces):
    with service.client("operator") as client:
        client.enroll("Ada", faces["s01"][:2])
        client.identify(faces["s01"][3])
    text = httpx2.get(f"{service.address}/metrics", headers=service.headers("operator")).text
    assert 'lookalike_requests_total{method="POST",route="/v1/identify",status="200"} 1.0' in text
    assert 'lookalike_decisions_total{decision="match",question="identify"} 1.0' in text
    assert 'lookalike_pictures_total{outcome="decoded"} 3.0' in text
    assert "lookalike_templates 2.0" in text
    assert "Ada" not in text
