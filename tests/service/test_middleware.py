"""What frames every request: ids, headers, hosts, slow bodies, faults of ours."""

import asyncio
import socket
import time

import httpx2
import pytest
from tests.service_server import running_service

from lookalike.service.measures import Measures
from lookalike.service.middleware import RequestFrame

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
    assert httpx2.get(f"{shared_service.address}/health/live", headers={"Host": host}).status_code == 200
    answer = httpx2.get(f"{shared_service.address}/v1/service", headers={"Host": host} | shared_service.headers())
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


def asked(frame, path, received):
    """A request of an application, as a server makes it; its status is what is returned."""
    statuses = []

    async def send(message):
        statuses.append(message.get("status"))

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"host", b"here")], "query_string": b""}

    async def ask():
        await frame(scope, received, send)
        return statuses[0]

    return ask()


def test_what_is_too_much_is_refused_before_a_route_sees_it_and_slow_bodies_are_not_counted():
    async def scenario():
        go, body, seen = asyncio.Event(), asyncio.Event(), []

        async def route(scope, receive, send):
            await receive()
            seen.append(scope["path"])
            await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        frame = RequestFrame(route, hosts=["here"], max_body=100, upload_seconds=60, most=2, measures=Measures())

        async def at_once():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def late():
            await body.wait()
            return await at_once()

        arriving = [asyncio.create_task(asked(frame, "/slow", late)) for _ in range(5)]
        await asyncio.sleep(0.01)
        working = [asyncio.create_task(asked(frame, "/v1/x", at_once)) for _ in range(2)]
        await asyncio.sleep(0.01)
        assert seen == ["/v1/x", "/v1/x"]
        assert await asked(frame, "/v1/y", at_once) == 503
        alive = asyncio.create_task(asked(frame, "/health/live", at_once))
        await asyncio.sleep(0.01)
        assert seen == ["/v1/x", "/v1/x", "/health/live"]
        body.set()
        go.set()
        assert await asyncio.gather(*working, *arriving, alive) == [200] * 8
        assert await asked(frame, "/v1/y", at_once) == 200

    asyncio.run(scenario())


def test_followers_of_events_leave_room_for_questions():
    async def scenario():
        go = asyncio.Event()

        async def route(scope, receive, send):
            await receive()
            kind = b"text/event-stream" if scope["path"] == "/events" else b"text/plain"
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            if scope["path"] == "/events":
                gone = asyncio.ensure_future(receive())  # as Starlette does
                await go.wait()
                gone.cancel()
            await send({"type": "http.response.body", "body": b""})

        frame = RequestFrame(route, hosts=["here"], max_body=100, upload_seconds=60, most=1, measures=Measures())

        async def whole():
            return {"type": "http.request", "body": b"", "more_body": False}

        following = []
        for _ in range(5):
            following.append(asyncio.create_task(asked(frame, "/events", whole)))
            await asyncio.sleep(0.01)
        assert [await asked(frame, "/v1/x", whole) for _ in range(3)] == [200] * 3
        go.set()
        assert await asyncio.gather(*following) == [200] * 5
        assert frame._inside == 0

    asyncio.run(scenario())
