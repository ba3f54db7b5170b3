"""Addresses of galleries on Milvus, taken apart without a server."""

import pytest

from lookalike.errors import InputError
from lookalike.gallery.milvus.address import MilvusAddress


def test_parts_and_defaults(monkeypatch):
    monkeypatch.delenv("LOOKALIKE_MILVUS_TOKEN", raising=False)
    plain = MilvusAddress.parsed("milvus://db/people")
    assert (plain.uri, plain.name, plain.tenant, plain.index, plain.token) == (
        "http://db:19530", "people", "", "auto", "")  # fmt: skip
    full = MilvusAddress.parsed("milvuss://ada:p%40ss@[::1]:1234/p_2?tenant=north%20east&index=ivf")
    assert (full.uri, full.tenant, full.index, full.token) == ("https://[::1]:1234", "north east", "ivf", "ada:p@ss")
    assert str(full) == "milvuss://[::1]:1234/p_2?tenant=north%20east"
    assert MilvusAddress.parsed(str(full)).tenant_number == full.tenant_number != plain.tenant_number


def test_a_password_is_not_shown_and_a_token_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("LOOKALIKE_MILVUS_TOKEN", "from-environment")
    given = MilvusAddress.parsed("milvus://ada:secret@db/people")
    assert given.token == "ada:secret"
    assert "secret" not in f"{given} {given!r}"
    assert MilvusAddress.parsed("milvus://db/people").token == "from-environment"
    with pytest.raises(InputError) as refused:
        MilvusAddress.parsed("milvus://ada:secret@db/no-name")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("milvus:///people", "no address of a gallery"),
        ("milvus://db", "no address of a gallery"),
        ("milvus://db/2people", "no address of a gallery"),
        ("milvus://db/people/more", "no address of a gallery"),
        ("milvus://db:many/people", "Port could not be cast"),
        ("milvus://db/people?tenants=a", "'tenants' is not known"),
        ("milvus://db/people?tenant=" + "x" * 201, "up to 200 characters"),
        ("milvus://db/people?tenant=a%0Ab", "that can be seen"),
    ],
)
def test_what_is_none(text, why):
    with pytest.raises(InputError, match=why):
        MilvusAddress.parsed(text)
