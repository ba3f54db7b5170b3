"""What docs/service.md tells operators to do, done: a backup served and restored, several hosts on one Milvus."""

import json
import os
import shutil
import subprocess

import pytest
from tests.service_server import command

from lookalike.client import Client

pytestmark = [pytest.mark.network, pytest.mark.slow]


def verb(*arguments):
    """A verb of the command line, as an operator runs it."""
    serve = command()
    run = [*serve[: serve.index("serve")], *map(str, arguments)]
    return subprocess.run(run, capture_output=True, text=True, timeout=120, env=os.environ)


def who(client, picture):
    return client.identify(picture).pictures[0].answers[0].identity


def test_a_backup_is_made_beside_writers_served_beside_them_and_restored(serving, tiny_model, faces, tmp_path):
    gallery, backup = tmp_path / "people.gallery", tmp_path / "backups" / "today.gallery"
    keys = tmp_path / "people.service" / "api-keys.json"
    service = serving("--model", tiny_model, "--gallery", gallery)
    with service.client() as client:
        for name in ("s01", "s02"):
            client.enroll(name, faces[name][:3])
        made = verb("gallery", "backup", gallery, backup)
        assert made.returncode == 0, made.stderr
        client.enroll("s03", faces["s03"][:3])
        client.forget("s01")
    beside = serving("--model", tiny_model, "--gallery", backup, "--keys", keys)
    key = service.key
    with Client(beside.address, key) as client:
        beside.wait_for("(ready)")
        assert who(client, faces["s01"][4]) == "s01"
        assert client.gallery().identities == 2
        assert client.audit_verdict().fault is None
    assert beside.end() == service.end() == 0
    shutil.rmtree(gallery)
    backup.rename(target=gallery)
    looked = verb("doctor", "--model", tiny_model, "--gallery", gallery, "--json")
    told = {one["check"]: one for one in json.loads(looked.stdout)["findings"]}
    assert told["gallery"]["verdict"] == told["audit log"]["verdict"] == "ok", looked.stdout
    again = serving("--model", tiny_model, "--gallery", gallery)
    with Client(again.address, key) as client:
        again.wait_for("(ready)")
        assert who(client, faces["s01"][4]) == "s01"
        client.enroll("s03", faces["s03"][:3])
        assert who(client, faces["s03"][4]) == "s03"
    assert again.end() == 0


def test_several_hosts_share_a_gallery_on_milvus(serving, milvus, tiny_model, faces, tmp_path):
    local, address = tmp_path / "people.gallery", milvus.address()
    first = serving("--model", tiny_model, "--gallery", local)
    with first.client() as client:
        client.enroll("s01", faces["s01"][:3])
    key = first.key
    assert first.end() == 0
    moved = verb("gallery", "migrate", local, address)
    assert moved.returncode == 0, moved.stderr
    hosts = []
    for host in ("one", "two"):  # each with its own folder, and a copy of the keys
        (tmp_path / host).mkdir()
        keys = shutil.copy(tmp_path / "people.service" / "api-keys.json", tmp_path / host / "api-keys.json")
        settings = tmp_path / host / "service.toml"
        said = {"model": tiny_model, "gallery": address, "keys": keys, "state": tmp_path / host}
        settings.write_text("".join(f'{name} = "{value}"\n' for name, value in said.items()))
        hosts.append(serving("--config", settings))
    one, two = (Client(host.address, key) for host in hosts)
    with one, two:
        for host in hosts:
            host.wait_for("(ready)")
        assert who(one, faces["s01"][4]) == who(two, faces["s01"][4]) == "s01"
        one.enroll("s02", faces["s02"][:3])
        assert who(two, faces["s02"][4]) == "s02"
        two.rename("s02", "Ada")
        assert who(one, faces["s02"][4]) == "Ada"
        one.forget("Ada")
        assert who(two, faces["s02"][4]) != "Ada"
        assert two.gallery().identities == 1
    assert [host.end() for host in hosts] == [0, 0]
