"""Both clients against a real service; retries and refusals against a transport that answers as told."""

import asyncio
import inspect

import httpx2
import numpy as np
import pytest
from tests.service_server import running_service

from lookalike.client import AsyncClient, Client, ServiceError
from lookalike.errors import ImageError, InputError


@pytest.fixture(scope="module")
def service(tiny_model, tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("service"), model=str(tiny_model)) as running:
        yield running


@pytest.fixture(scope="module")
def faces(people_folder):
    return {person.name: sorted(person.iterdir()) for person in sorted(people_folder.iterdir())}


def test_both_clients_have_the_same_methods():
    def public(kind):
        return {name: one for name, one in vars(kind).items() if not name.startswith("_")}

    one, other = public(Client), public(AsyncClient)
    assert one.keys() == other.keys()
    for name in one:
        assert inspect.signature(one[name]).parameters == inspect.signature(other[name]).parameters, name
        assert inspect.iscoroutinefunction(other[name]) or inspect.isasyncgenfunction(other[name]), name
        assert one[name].__doc__ == other[name].__doc__, name


def test_the_asynchronous_client_answers_as_the_other(service, faces):
    async def ask():
        async with AsyncClient(service.address, service.keys["admin"]) as client:
            await client.enroll("Ada", faces["s01"][:2], tags={"site": "Berlin"})
            await client.enroll("Bob", faces["s02"][:2])
            found = await asyncio.gather(*(client.identify(faces[name][4]) for name in ("s01", "s02", "s05")))
            people = [one.name async for one in client.people()]
            entries = [one.act async for one in client.audit()]
            vectors = np.array([one.vector for one in (await client.embed(faces["s01"][0])).pictures])
            by_vector = await client.identify_vectors(vectors)
            return found, people, entries, by_vector, await client.thresholds(), await client.ready()

    found, people, entries, by_vector, thresholds, ready = asyncio.run(ask())
    assert [one.pictures[0].answers[0].identity for one in found] == ["Ada", "Bob", None]
    assert people == ["Ada", "Bob"]
    assert entries[:2] == ["enroll", "enroll"]
    assert by_vector.pictures[0].answers[0].identity == "Ada"
    assert ready
    with service.client() as client:
        assert client.thresholds() == thresholds
        assert [one.name for one in client.people(where={"site": "Berlin"})] == ["Ada"]
        assert client.evaluation().identities == 3
        assert client.service().role == "admin"


def answering(*answers):
    """A transport that gives these answers, and the requests that it got."""
    got = []

    def answer(request):
        got.append(request)
        return answers[min(len(got), len(answers)) - 1]

    return httpx2.MockTransport(answer), got


def test_a_busy_service_is_asked_again_with_the_same_key(faces):
    busy = httpx2.Response(503, headers={"Retry-After": "0"}, json={"error": {"code": "overloaded", "message": "busy"}})
    done = httpx2.Response(200, json={"identity": "Ada", "template_ids": [1]})
    transport, got = answering(busy, busy, done)
    with Client("http://service", "lk-1-2", transport=transport) as client:
        assert client.enroll("Ada", faces["s01"][0]).template_ids == [1]
    assert len({request.headers["Idempotency-Key"] for request in got}) == 1
    assert len({request.content.split(b"\r\n", 1)[1] for request in got}) <= 3
    transport, got = answering(busy)
    busy_for_long = Client("http://service", "k", transport=transport, retries=1)
    with busy_for_long as client, pytest.raises(ServiceError, match="busy") as refused:
        client.gallery()
    assert (refused.value.status, refused.value.code, len(got)) == (503, "overloaded", 2)


def test_a_lost_connection_is_tried_again_with_the_same_key_and_a_timeout_is_not(monkeypatch):
    monkeypatch.setattr("lookalike.client.client.LOST_WAIT", 0)
    done = httpx2.Response(200, json={"templates": 3, "identities": 1})
    got = []

    def lost(request):
        got.append(request)
        if len(got) < 3:
            raise httpx2.ReadError("lost")
        return done

    with Client("http://service", "k", transport=httpx2.MockTransport(lost)) as client:
        assert client.forget("Ada").templates == 3
    assert len({request.headers["Idempotency-Key"] for request in got}) == 1
    got.clear()

    def late(request):
        got.append(request)
        raise httpx2.ReadTimeout("late")

    slow = Client("http://service", "k", transport=httpx2.MockTransport(late))
    with slow as client, pytest.raises(ServiceError, match="cannot be reached"):
        client.rename("Ada", "Bob")
    assert len(got) == 1


def test_what_is_no_service_is_told():
    page = httpx2.Response(502, text="<html>Bad gateway</html>")
    with Client("http://service", "k", transport=answering(page)[0]) as client:
        with pytest.raises(ServiceError, match="502 Bad Gateway"):
            client.gallery()
        assert not client.ready()
    other = Client("http://service", "k", transport=answering(httpx2.Response(200, text="hello"))[0])
    with other as client, pytest.raises(ServiceError, match="something else"):
        client.gallery()
    with Client("http://127.0.0.1:9", "k", retries=0) as client:
        with pytest.raises(ServiceError, match="cannot be reached") as refused:
            client.gallery()
        assert (refused.value.status, refused.value.code) == (0, "unreachable")


def test_unusable_arguments_are_refused_before_anything_is_sent(tmp_path):
    transport, got = answering(httpx2.Response(200))
    with Client("http://service", "k", transport=transport) as client:
        with pytest.raises(ImageError, match=r"none\.jpg"):
            client.embed(tmp_path / "none.jpg")
        with pytest.raises(InputError, match="at least one"):
            client.identify([])
        with pytest.raises(InputError, match="int is no picture"):
            client.verify(1, b"a")
        with pytest.raises(InputError, match="rename"):
            client.forget("..")
    with pytest.raises(InputError, match="no address"):
        Client("service:8765", "k")
    assert got == []


def test_the_client_imports_nothing_heavy():
    import subprocess
    import sys

    program = (
        "import sys; from lookalike.client import Client, AsyncClient; "
        "heavy = ('torch', 'faiss', 'numpy', 'PIL', 'fastapi', 'lookalike.gallery'); "
        "print([one for one in heavy if one in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
